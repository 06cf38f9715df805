"""Comparison of crops and pastes with facexlib, where it is right."""

from __future__ import annotations

import math
from pathlib import Path

import cv2
import numpy as np
import pytest

from facewatch.restoration.alignment import TEMPLATE, align, crop_upright, paste
from tests.restoration.synthetic import landmarks_at, textured


def reference_helper(photo: np.ndarray, landmarks: list[np.ndarray], scale: int):
    """Return facexlib's helper, without calling its constructor, which would download two networks."""
    from facexlib.utils.face_restoration_helper import FaceRestoreHelper

    helper = object.__new__(FaceRestoreHelper)
    helper.upscale_factor = scale
    helper.face_size = (512, 512)
    helper.face_template = np.array(TEMPLATE)
    helper.pad_blur = False
    helper.use_parse = False
    helper.device = "cpu"
    helper.clean_all()
    helper.input_img = photo[..., ::-1].copy()
    helper.all_landmarks_5 = landmarks
    helper.align_warp_face()
    helper.get_inverse_affine()
    return helper


class LabelMap:
    """A fake ParseNet with the same labels for every face."""

    def __init__(self, shown: np.ndarray) -> None:
        self.shown = shown

    def __call__(self, faces):
        import torch

        scores = torch.zeros(1, 19, 512, 512)
        scores[:, 1] = torch.from_numpy(self.shown.astype(np.float32))
        scores[:, 0] = 0.5
        return [scores]


def pasted_by_facexlib(
    photo: np.ndarray, landmarks: list[np.ndarray], scale: int, offset: float, shown: np.ndarray | None
) -> tuple[list[np.ndarray], np.ndarray]:
    """Return sharpened faces and the photo they were pasted into, by a label map or soft squares."""
    helper = reference_helper(photo, landmarks, scale)
    shifted(helper, offset)
    helper.restored_faces = [cv2.detailEnhance(crop) for crop in helper.cropped_faces]
    if shown is not None:
        helper.use_parse, helper.face_parse = True, LabelMap(shown)
    pasted = helper.paste_faces_to_input_image()
    return [face[..., ::-1].copy() for face in helper.restored_faces], pasted[..., ::-1]


def parsed_mask(shown: np.ndarray) -> np.ndarray:
    """Return facexlib's mask of a label map: blurred twice, its rim removed."""
    mask = cv2.GaussianBlur(shown.astype(np.float64) * 255, (101, 101), 11)
    mask = cv2.GaussianBlur(mask, (101, 101), 11)
    rim = np.zeros((512, 512))
    rim[10:-10, 10:-10] = 1
    return (mask * rim / 255).astype(np.float32)


def shifted(helper, offset: float) -> None:
    for inverse in helper.inverse_affine_matrices:
        inverse[:, 2] += offset


def square_masks(
    photo: np.ndarray, landmarks: list[np.ndarray], scale: int, offset: float
) -> list[np.ndarray]:
    """Return the soft squares that facexlib draws in the picture, mapped to each crop."""
    masks = []
    for points in landmarks:
        helper = reference_helper(np.zeros_like(photo), [points], scale)
        helper.input_img = np.zeros(photo.shape, np.float64)
        shifted(helper, offset)
        helper.restored_faces = [np.full((512, 512, 3), 65535.0)]
        white = helper.paste_faces_to_input_image()[..., 0].astype(np.float32) / 65535
        inverse = helper.inverse_affine_matrices[0]
        masks.append(
            cv2.warpAffine(white, inverse, (512, 512), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
        )
    return masks


def touched(shape: tuple[int, ...], landmarks, masks, scale: int) -> np.ndarray:
    """Return where a mask is above zero in the picture, and one pixel around it."""
    picture = np.zeros(shape, np.uint8)
    for points, mask in zip(landmarks, masks, strict=True):
        white = np.full((512, 512, 3), 255, np.uint8)
        paste(picture, white, align(points), (mask > 0).astype(np.float32), scale)
    return cv2.dilate(picture[..., 0], np.ones((3, 3), np.uint8)) > 0


def psnr(one: np.ndarray, other: np.ndarray) -> float:
    error = ((one.astype(np.float64) - other) ** 2).mean()
    return float("inf") if error == 0 else 10 * math.log10(255**2 / error)


# Windows of real photos with two faces each, since facexlib warps whole pictures: rows, columns, landmarks.
PHOTOS = {
    "whole/gfpgan_00.jpg": (
        slice(250, 1000),
        slice(400, 1050),
        [landmarks_at(175, 612, 60.2, 3), landmarks_at(451, 226, 70.6, -6)],
    ),
    "whole/gfpgan_10045.png": (
        slice(40, 620),
        slice(250, 600),
        [landmarks_at(154, 437, 29.1, 2), landmarks_at(167, 138, 32.3, 5)],
    ),
}


@pytest.fixture(params=PHOTOS)
def photo_and_faces(request, shared: Path) -> tuple[np.ndarray, list[np.ndarray]]:
    rows, columns, landmarks = PHOTOS[request.param]
    photo = cv2.imread(str(shared / "photos" / request.param))[rows, columns, ::-1]
    return photo.copy(), landmarks


class TestAgainstFacexlib:
    def test_the_crops_are_equal(self, photo_and_faces):
        photo, faces_there = photo_and_faces
        helper = reference_helper(photo, faces_there, 1)

        for landmarks, expected, affine in zip(
            faces_there, helper.cropped_faces, helper.affine_matrices, strict=True
        ):
            crop, ours = crop_upright(photo, landmarks)
            assert np.allclose(ours, affine)
            assert np.abs(crop.astype(int) - expected[..., ::-1]).max() <= 1

    def test_the_crops_are_equal_over_the_rim(self):
        photo = textured(200, 240)
        for landmarks in (landmarks_at(5, 100, 40, 20), landmarks_at(230, 190, 15, -70)):
            helper = reference_helper(photo, [landmarks], 1)
            crop, _ = crop_upright(photo, landmarks)
            assert np.abs(crop.astype(int) - helper.cropped_faces[0][..., ::-1]).max() <= 1

    @pytest.mark.parametrize("parsed", [True, False], ids=["parsed", "square"])
    @pytest.mark.parametrize("scale", [1, 2])
    def test_the_pasted_photo_is_equal(self, photo_and_faces, parsed, scale):
        photo, faces_there = photo_and_faces
        # facexlib puts an enlarged face half an output pixel off; corrected for that, the two must agree.
        offset = 0.0 if scale == 1 else -0.5
        shown = np.zeros((512, 512), bool)
        shown[80:470, 100:412] = True
        restored, expected = pasted_by_facexlib(photo, faces_there, scale, offset, shown if parsed else None)
        masks = [parsed_mask(shown)] * 2 if parsed else square_masks(photo, faces_there, scale, offset)
        height, width = photo.shape[:2]
        size = (width * scale, height * scale)
        background = cv2.resize(photo, size, interpolation=cv2.INTER_LANCZOS4)
        picture = background.copy()
        for face, landmarks, mask in zip(restored, faces_there, masks, strict=True):
            paste(picture, face, align(landmarks), mask, scale)

        inside = (picture != background).any(axis=2)
        assert inside.sum() > 10_000
        assert psnr(picture[inside], expected[inside]) >= 45
        outside = ~touched(picture.shape, faces_there, masks, scale)
        assert outside.sum() > 10_000
        assert np.array_equal(picture[outside], background[outside])
        # facexlib truncates, so that a weight of 1 - 1e-8 is enough for it to darken a pixel by one.
        assert set(np.unique(background[outside].astype(int) - expected[outside])) <= {0, 1}
