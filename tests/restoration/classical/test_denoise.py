from __future__ import annotations

import cv2
import numpy as np
import pytest

from facewatch.restoration.classical import denoise


def scene(size=512):
    """Return a smooth picture with a few sharp shapes, (size, size) float32."""
    rows, columns = np.mgrid[0:size, 0:size].astype(np.float32) * (512 / size)
    picture = 90 + 50 * np.sin(rows / 90) * np.cos(columns / 70)
    picture[(rows - 250) ** 2 + (columns - 260) ** 2 < 120**2] += 40
    picture[(rows - 220) ** 2 + (columns - 200) ** 2 < 20**2] -= 70
    return cv2.GaussianBlur(picture, (0, 0), 1.2)


def grain(strength, size=512, seed=0):
    return np.random.default_rng(seed).normal(0, strength, (size, size)).astype(np.float32)


def enlarged(plane):
    return cv2.resize(plane, (512, 512), interpolation=cv2.INTER_LINEAR)


@pytest.mark.parametrize("strength", [2.0, 5.0, 15.0, 25.0])
def test_white_noise_is_measured(strength):
    levels = denoise.estimate(scene() + grain(strength))
    assert levels is not None
    for scale, level in enumerate(levels):
        assert 0.9 * strength < level.mean() * 2**scale < 1.12 * strength


@pytest.mark.parametrize("blur", [0.01, 3.0])
def test_a_picture_without_noise_has_none(blur):
    assert denoise.estimate(cv2.GaussianBlur(scene(), (0, 0), blur)) is None


@pytest.mark.parametrize("flat", [0.0, 128.0, 255.0])
def test_a_flat_plane_has_none(flat):
    assert denoise.estimate(np.full((512, 512), flat, np.float32)) is None


def test_a_regular_raster_is_not_noise():
    rows, columns = np.mgrid[0:512, 0:512]
    raster = 20 * np.sin(rows * 1.7) * np.sin(columns * 1.9)
    assert denoise.estimate((scene() + raster).astype(np.float32)) is None


def test_texture_in_brightness_does_not_hide_noise_that_the_colours_show():
    hair = cv2.GaussianBlur(grain(300, seed=9), (0, 0), sigmaX=0.6, sigmaY=4)
    planes = [scene() + hair + grain(8), grain(8, seed=1), grain(8, seed=2)]
    assert denoise.estimate(planes[0]) is None
    levels = denoise.estimate_all(planes)[0]
    assert levels is not None
    assert 6 < levels[0].mean() < 9


@pytest.mark.parametrize("strength", [5.0, 15.0, 25.0])
def test_removing_white_noise_leaves_a_fifth_of_it_or_less(strength):
    noisy = scene() + grain(strength)
    cleaned = denoise.remove(noisy, denoise.estimate(noisy))
    assert np.sqrt(np.square(cleaned - scene()).mean()) < 0.2 * strength


@pytest.mark.parametrize("size", [256, 170])
def test_noise_smeared_by_an_enlargement_is_found_and_reduced(size):
    clean = scene(size)
    noisy, goal = enlarged(clean + grain(15, size)), enlarged(clean)
    levels = denoise.estimate(noisy)
    assert levels is not None
    before, after = (
        np.sqrt(np.square(each - goal).mean()) for each in (noisy, denoise.remove(noisy, levels))
    )
    assert after < 0.6 * before
