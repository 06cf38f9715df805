"""Crops and pastes: exact against facexlib, right where it is not, unseen where nothing should show."""

from __future__ import annotations

import math
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facewatch.errors import CannotAlign
from facewatch.faces.geometry import TEMPLATE, align, crop_upright, paste, scale_of

FACE_ON_PHOTO = np.array([(509, 774), (569, 776), (538, 810), (512, 846), (566, 846)], np.float32)


def landmarks_at(x: float, y: float, eye_distance: float, degrees: float) -> np.ndarray:
    """The template's face with its middle at (x, y), sized and turned."""
    points = np.array(TEMPLATE) @ (1, 1j)
    turned = (points - points.mean()) * eye_distance / abs(points[1] - points[0])
    turned = turned * np.exp(1j * math.radians(degrees)) + complex(x, y)
    return np.stack([turned.real, turned.imag], axis=1).astype(np.float32)


def textured(height: int, width: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (height // 8 + 2, width // 8 + 2, 3), np.uint8)
    return cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)


def oval_mask() -> np.ndarray:
    mask = np.zeros((512, 512), np.float32)
    cv2.ellipse(mask, (256, 290), (150, 190), 0, 0, 360, 1.0, -1)
    return cv2.GaussianBlur(mask, (0, 0), 10)


def square_mask() -> np.ndarray:
    """Everything but the outermost pixels: the hardest case at the photo's rim."""
    mask = np.zeros((512, 512), np.float32)
    mask[2:-2, 2:-2] = 1
    return mask


faces = st.tuples(
    st.floats(-10, 250), st.floats(-10, 210), st.floats(8, 120), st.floats(-180, 180)
)  # x, y, eye distance, degrees in a photo of 240 x 200


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
    def test_what_is_no_face_is_refused(self, landmarks):
        with pytest.raises(CannotAlign):
            align(landmarks)


class TestCrop:
    def test_a_face_outside_the_picture_is_refused(self):
        with pytest.raises(CannotAlign, match="outside"):
            crop_upright(textured(100, 100), landmarks_at(5000, 50, 20, 0))

    def test_a_picture_wider_than_sixteen_bits_is_cut_where_the_face_is(self):
        wide = np.zeros((64, 40_000, 3), np.uint8)
        wide[:, 39_000:] = textured(64, 1000)
        narrow = wide[:, 39_000:].copy()

        crop, _ = crop_upright(wide, landmarks_at(39_500, 32, 20, 10))
        expected, _ = crop_upright(narrow, landmarks_at(500, 32, 20, 10))

        assert np.abs(crop.astype(int) - expected).max() <= 12  # landmarks in float32 are coarser out there
        assert np.abs(crop.astype(int) - expected).mean() < 0.5

    def test_one_pixel_is_a_picture(self):
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
    def test_where_the_mask_is_zero_every_bit_stays(self, face, scale, size):
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


def reference_helper(photo: np.ndarray, landmarks: list[np.ndarray], scale: int):
    """facexlib's own helper, made without its constructor, which would download two networks."""
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
    """Stands in for ParseNet: the same labels for every face."""

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
    """Two faces with more detail, and the photo they were pasted into, with a label map or soft squares."""
    helper = reference_helper(photo, landmarks, scale)
    shifted(helper, offset)
    helper.restored_faces = [cv2.detailEnhance(crop) for crop in helper.cropped_faces]
    if shown is not None:
        helper.use_parse, helper.face_parse = True, LabelMap(shown)
    pasted = helper.paste_faces_to_input_image()
    return [face[..., ::-1].copy() for face in helper.restored_faces], pasted[..., ::-1]


def parsed_mask(shown: np.ndarray) -> np.ndarray:
    """What facexlib makes of a label map: blurred twice, its rim removed."""
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
    """The soft squares that facexlib makes in the picture's own space, seen from each crop."""
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
    """Where a mask above zero, and a pixel around it, lies in the picture."""
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
        # facexlib puts an enlarged face half an output pixel off; without that, the two must agree.
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
