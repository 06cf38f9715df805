"""Crops and pastes: exact positions, and no visible traces."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facewatch.errors import CannotAlign
from facewatch.restoration.alignment import TEMPLATE, align, crop_upright, paste, scale_of
from tests.restoration.synthetic import faces, landmarks_at, square_mask, textured

FACE_ON_PHOTO = np.array([(509, 774), (569, 776), (538, 810), (512, 846), (566, 846)], np.float32)


def oval_mask() -> np.ndarray:
    mask = np.zeros((512, 512), np.float32)
    cv2.ellipse(mask, (256, 290), (150, 190), 0, 0, 360, 1.0, -1)
    return cv2.GaussianBlur(mask, (0, 0), 10)


class TestAlign:
    @given(faces)
    @settings(max_examples=60, deadline=None)
    def test_it_finds_the_similarity_that_placed_the_face(self, face):
        landmarks = landmarks_at(*face)

        affine = align(landmarks)

        landed = landmarks @ affine[:, :2].T + affine[:, 2]
        assert np.abs(landed - np.array(TEMPLATE)).max() < 0.05
        eyes = np.linalg.norm(np.subtract(*TEMPLATE[:2]))
        assert scale_of(affine) == pytest.approx(eyes / face[2], rel=1e-3)

    @pytest.mark.parametrize(
        "landmarks",
        [
            np.full((5, 2), 7, np.float32),
            np.full((5, 2), np.nan, np.float32),
            np.array([(1, 1), (np.inf, 2), (3, 3), (4, 4), (5, 5)], np.float32),
            np.zeros((4, 2), np.float32),
        ],
        ids=["one point", "not a number", "infinite", "four points"],
    )
    def test_landmarks_that_form_no_face_are_refused(self, landmarks):
        with pytest.raises(CannotAlign):
            align(landmarks)


class TestCrop:
    def test_a_face_outside_the_picture_is_refused(self):
        with pytest.raises(CannotAlign, match="outside"):
            crop_upright(textured(100, 100), landmarks_at(5000, 50, 20, 0))

    def test_a_face_in_a_picture_wider_than_opencvs_limit_is_cropped(self):
        wide = np.zeros((64, 40_000, 3), np.uint8)
        wide[:, 39_000:] = textured(64, 1000)
        narrow = wide[:, 39_000:].copy()

        crop, _ = crop_upright(wide, landmarks_at(39_500, 32, 20, 10))
        expected, _ = crop_upright(narrow, landmarks_at(500, 32, 20, 10))

        assert np.abs(crop.astype(int) - expected).max() <= 12  # landmarks in float32 are coarser out there
        assert np.abs(crop.astype(int) - expected).mean() < 0.5

    def test_a_picture_of_one_pixel_is_cropped(self):
        crop, _ = crop_upright(np.full((1, 1, 3), 9, np.uint8), landmarks_at(0, 0, 10, 0))

        assert crop.shape == (512, 512, 3)

    @given(faces)
    @settings(max_examples=40, deadline=None)
    def test_it_equals_one_warp_of_the_whole_photo(self, face):
        photo = textured(200, 240)
        landmarks = landmarks_at(*face)

        crop, affine = crop_upright(photo, landmarks)

        whole = cv2.warpAffine(photo, affine, (512, 512), borderValue=(132, 133, 135))
        assert np.abs(crop.astype(int) - whole).max() <= 1


class TestPaste:
    @pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
    @pytest.mark.parametrize("mask", [oval_mask(), square_mask()], ids=["oval", "square"])
    @given(face=faces, level=st.integers(0, 255), scale=st.integers(1, 3))
    @settings(max_examples=25, deadline=None)
    def test_a_flat_grey_photo_comes_back_flat(self, dtype, mask, face, level, scale):
        photo = np.full((200, 240, 3), level, np.uint8)
        crop, affine = crop_upright(photo, landmarks_at(*face))
        deep = 257 if dtype == np.uint16 else 1
        picture = np.full((200 * scale, 240 * scale, 3), level * deep, dtype)

        paste(picture, crop, affine, mask, scale)

        assert np.abs(picture.astype(int) - level * deep).max() <= deep

    @given(face=faces, scale=st.integers(1, 2), size=st.sampled_from([512, 1024]))
    @settings(max_examples=25, deadline=None)
    def test_pixels_where_the_mask_is_zero_do_not_change(self, face, scale, size):
        picture = np.random.default_rng(1).integers(0, 65536, (200 * scale, 240 * scale, 3)).astype(np.uint16)
        before = picture.copy()
        affine = align(landmarks_at(*face))
        mask = oval_mask()

        paste(picture, np.full((size, size, 3), 200, np.uint8), affine, mask, scale)

        rows, columns = np.nonzero((picture != before).any(axis=2))
        photo_points = (np.stack([columns, rows], axis=1) - (scale - 1) / 2) / scale
        x, y = (photo_points @ affine[:, :2].T + affine[:, 2]).T
        reach = 1.2  # bilinear: one crop pixel, and rounding
        shown = cv2.dilate((mask > 0).astype(np.uint8), np.ones((5, 5), np.uint8))
        assert ((x > -reach) & (x < 511 + reach) & (y > -reach) & (y < 511 + reach)).all()
        assert shown[np.clip(np.rint(y), 0, 511).astype(int), np.clip(np.rint(x), 0, 511).astype(int)].all()

    def test_an_empty_mask_and_a_face_elsewhere_change_nothing(self):
        picture = textured(100, 120)
        before = picture.copy()
        crop = np.zeros((512, 512, 3), np.uint8)

        paste(picture, crop, align(landmarks_at(60, 50, 20, 0)), np.zeros((512, 512), np.float32))
        paste(picture, crop, align(landmarks_at(6000, 50, 20, 0)), oval_mask())

        assert np.array_equal(picture, before)

    @pytest.mark.parametrize("scale", [1, 2, 3, 4])
    @pytest.mark.parametrize("crop_size", [512, 1024])
    def test_a_pasted_face_lies_where_it_was_to_a_tenth_of_a_pixel(self, scale, crop_size):
        photo = np.zeros((300, 300, 3), np.uint8)
        cv2.circle(photo, (150, 150), 20, (255, 255, 255), -1, cv2.LINE_AA)
        crop, affine = crop_upright(photo, landmarks_at(150, 150, 126, 0))
        crop = cv2.resize(crop, (crop_size, crop_size), interpolation=cv2.INTER_LINEAR)
        picture = np.zeros((300 * scale, 300 * scale, 3), np.uint8)

        paste(picture, crop, affine, square_mask(), scale)

        light = picture[..., 0].astype(np.float64)
        places = np.arange(300 * scale)
        x, y = (light.sum(0) @ places / light.sum(), light.sum(1) @ places / light.sum())
        expected = scale * 150 + (scale - 1) / 2
        assert (x, y) == pytest.approx((expected, expected), abs=0.1)

    def test_sixteen_bits_stay_smooth(self):
        ramp = np.linspace(0, 255, 512).astype(np.uint8)
        crop = np.broadcast_to(ramp[None, :, None], (512, 512, 3)).copy()
        picture = np.zeros((600, 600, 3), np.uint16)

        paste(picture, crop, align(landmarks_at(300, 300, 200, 0)), square_mask())

        assert len(np.unique(picture[300])) > 400  # more than the 256 of the crop
