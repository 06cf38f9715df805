"""Colour transfer, and the detection of grey and sepia photos."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from facewatch.restoration.color import fits, match_color, match_tint, stray, tint

TINTED = (
    "codeformer_169_John_Lennon_00",
    "codeformer_Einstein01",
    "codeformer_Hepburn01",
    "gfpgan_Paris_Hilton_crop",
)


def picture(seed, size=(512, 512)):
    """Return coloured clouds with fine grain."""
    rng = np.random.default_rng(seed)
    clouds = cv2.resize(
        rng.uniform(30, 220, (6, 6, 3)).astype(np.float32), size, interpolation=cv2.INTER_CUBIC
    )
    return np.clip(clouds + rng.normal(0, 12, clouds.shape), 0, 255).astype(np.uint8)


def grey(image):
    return np.repeat(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)[:, :, None], 3, axis=2)


def sepia(image):
    luma = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float32)
    return np.clip(np.stack([luma * 1.07 + 10, luma * 0.95 + 5, luma * 0.75], axis=-1), 0, 255).astype(
        np.uint8
    )


def jpeg(image, quality):
    _, data = cv2.imencode(
        ".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality]
    )
    return cv2.cvtColor(cv2.imdecode(data, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)


def low(image):
    return cv2.GaussianBlur(image.astype(np.float32), (0, 0), 40)[64:-64, 64:-64]


def high(image):
    wide = image.astype(np.float32)
    return (wide - cv2.GaussianBlur(wide, (0, 0), 3))[64:-64, 64:-64]


def read(path):
    return cv2.cvtColor(cv2.imread(str(path), cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)


def test_an_unchanged_crop_is_returned_as_it_is():
    crop = picture(1)
    np.testing.assert_array_equal(match_color(crop, crop), crop)


def test_a_drift_of_colour_and_brightness_is_corrected():
    original = picture(2)
    drifted = np.clip(original.astype(np.float32) * 0.85 + (25, 5, -10), 0, 255).astype(np.uint8)
    assert np.abs(low(drifted) - low(original)).max() > 10
    assert np.abs(low(match_color(drifted, original)) - low(original)).max() < 4


def test_the_detail_of_the_restoration_is_kept():
    original = cv2.GaussianBlur(picture(3), (0, 0), 8)
    restored = np.clip(picture(3).astype(np.float32) * 0.9 + 20, 0, 255).astype(np.uint8)
    kept = match_color(restored, original)
    assert np.abs(high(kept) - high(restored)).mean() < 0.5
    assert np.abs(low(kept) - low(original)).max() < 3


def test_neither_crop_is_changed_in_place():
    restored, original = picture(4), picture(5)
    before = restored.copy(), original.copy()
    match_color(restored, original)
    np.testing.assert_array_equal(restored, before[0])
    np.testing.assert_array_equal(original, before[1])


@pytest.mark.parametrize("quality", [100, 75, 40, 10])
def test_a_grey_photo_is_found_and_its_faces_become_grey(quality):
    toning = tint(jpeg(grey(picture(6)), quality))
    assert toning is not None
    assert toning.grey
    restored = picture(7)
    np.testing.assert_array_equal(match_tint(restored, toning), grey(restored))


@pytest.mark.parametrize("quality", [100, 75, 50])
def test_a_sepia_photo_is_found_and_its_faces_get_the_same_tone(quality):
    photo = picture(8)
    toning = tint(jpeg(sepia(photo), quality))
    assert toning is not None
    assert not toning.grey
    again = match_tint(jpeg(sepia(photo), 95), toning)
    assert np.abs(again.astype(int) - sepia(photo)).mean() < 4


def test_a_coloured_border_of_a_scan_does_not_hide_a_grey_photo():
    scan = grey(picture(9, (640, 480)))
    scan[:, :45] = (30, 60, 160)
    scan[-35:] = (150, 90, 40)
    assert tint(jpeg(scan, 80)) is not None


def test_noise_in_the_colour_channels_does_not_hide_a_grey_photo():
    noisy = grey(picture(10)) + np.random.default_rng(0).normal(0, 10, (512, 512, 3))
    assert tint(np.clip(noisy, 0, 255).astype(np.uint8)) is not None


def test_a_colour_photo_has_no_tint():
    assert tint(picture(11)) is None


def test_a_small_pale_face_in_a_grey_scene_keeps_its_colour():
    scene = grey(picture(12, (1000, 750)))
    cv2.ellipse(scene, (500, 300), (26, 34), 0, 0, 360, (205, 165, 145), -1)
    assert tint(scene) is None


def test_a_coloured_face_too_small_for_the_tint_keeps_its_colour():
    scene = grey(picture(12, (3000, 2000)))
    face = np.full((512, 512, 3), (205, 165, 145), np.uint8)
    scene[300:360, 500:560] = cv2.resize(face, (60, 60))
    toning = tint(scene)
    assert toning is not None
    assert not fits(toning, face)
    assert fits(toning, grey(face))


@pytest.mark.parametrize("quality", [75, 50])
def test_the_faces_of_a_sepia_photo_fit_its_tint(quality):
    photo = jpeg(sepia(picture(8)), quality)
    toning = tint(photo)
    assert toning is not None
    assert fits(toning, cv2.resize(photo[200:240, 200:240], (512, 512), interpolation=cv2.INTER_LANCZOS4))
    assert not fits(toning, picture(13))


@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 40, 3), (7, 3, 3)])
def test_pictures_of_a_few_pixels_have_a_tint(shape):
    toning = tint(np.full(shape, 90, np.uint8))
    assert toning is not None
    assert toning.grey


def test_real_photos_are_classified_correctly(shared):
    measures = {path.stem: stray(read(path)) for path in sorted((shared / "photos").glob("*/*"))}
    coloured = [value for name, value in measures.items() if name not in TINTED]
    assert max(measures[name] for name in TINTED) < 10
    assert min(coloured) > 20
    for path in sorted((shared / "photos").glob("*/*")):
        assert (tint(read(path)) is not None) == (path.stem in TINTED), path.stem
