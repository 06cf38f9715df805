from __future__ import annotations

import cv2
import numpy as np
import pytest

from facewatch.restoration.classical import deblock
from tests.restoration.classical.test_denoise import grain, scene


def coded(plane, quality):
    """Encode and decode a grey plane as JPEG."""
    pixels = np.clip(np.round(plane), 0, 255).astype(np.uint8)
    data = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return cv2.imdecode(data, cv2.IMREAD_GRAYSCALE).astype(np.float32)


def error(plane, goal):
    return np.sqrt(np.square(plane - goal).mean())


def lively():
    return scene() + 12 * np.sin(np.arange(512, dtype=np.float32) ** 1.5 / 60)[:, None]


@pytest.mark.parametrize("quality", [10, 20, 35, 50, 75])
def test_the_grid_and_the_quality_are_read_from_the_pixels(quality):
    grid = deblock.find_grid(coded(lively(), quality))
    assert grid is not None
    assert (grid.top, grid.left) == (0, 0)
    assert abs(grid.quality - quality) <= 2


@pytest.mark.parametrize(("down", "right"), [(1, 0), (3, 6), (7, 7)])
def test_a_grid_shifted_by_cropping_is_found(down, right):
    grid = deblock.find_grid(np.ascontiguousarray(coded(lively(), 30)[down:, right:]))
    assert grid is not None
    assert (grid.top, grid.left) == ((8 - down) % 8, (8 - right) % 8)


@pytest.mark.parametrize(
    "plane",
    [
        lively(),
        lively() + grain(10),
        np.full((512, 512), 99, np.float32),
        cv2.resize(coded(lively(), 30)[:300, :300], (512, 512), interpolation=cv2.INTER_LINEAR),
    ],
)
def test_a_picture_without_jpeg_or_resized_after_it_has_no_grid(plane):
    assert deblock.find_grid(np.round(plane)) is None


@pytest.mark.parametrize("quality", [10, 30, 50])
def test_the_artefacts_are_reduced(quality):
    plane = coded(lively(), quality)
    grey = np.zeros_like(plane)
    cleaned, *colours = deblock.remove_blocks(plane, [grey, grey], deblock.find_grid(plane))
    assert error(cleaned, lively()) < 0.9 * error(plane, lively())
    assert not np.any(colours)


def test_noise_from_before_the_coding_is_removed():
    plane = coded(scene() + grain(15), 40)
    grey = np.zeros_like(plane)
    cleaned = deblock.remove_blocks(plane, [grey, grey], deblock.find_grid(plane))[0]
    assert error(cleaned, scene()) < 0.5 * error(plane, scene())
