"""A network that destroys faces, on every kind of face: none of its faces is shown."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from facewatch.restoration.codecs.photo import Metadata, Photo
from facewatch.restoration.detection.retinaface import RetinaFace
from facewatch.restoration.detection.yunet import YuNet
from facewatch.restoration.identity.gate import IdentityGate
from facewatch.restoration.identity.sface import SFace
from facewatch.restoration.masks.oval import SoftMask
from facewatch.restoration.options import RestorationOptions
from facewatch.restoration.pipeline import Pipeline
from tests.restoration.identity.destroyer import destroyer
from training import identity

TINY = [entry.file for entry in identity.entries("test")[::7]]
PROFILES = [
    "pif_fellows/00009.jpg",
    "pif_fellows/00026.jpg",
    "synth_flux_schnell/00006.jpg",
    "synth_flux_schnell/00190.jpg",
    "synth_flux_schnell/00289.jpg",
    "synth_sdxl/00116.jpg",
    "synth_sdxl/00118.jpg",
    "synth_sdxl/00520.jpg",
]
"""The portraits at hand that look furthest to a side."""
OLD = [f"old_photos/{number:05}.jpg" for number in (0, 44, 85, 124, 162, 202, 244, 286)]
"""Grey scans, most from before 1931."""
WHOLE = ("gfpgan_00.jpg", "gfpgan_10045.png", "codeformer_00.jpg", "codeformer_03.jpg")
"""Photos of several people."""


@pytest.fixture(scope="module")
def read(shared):
    """Return a function that reads a picture below a folder of ../shared, reduced."""
    if not (shared / "faces").is_dir():
        pytest.skip(f"no portraits: {shared}/faces is missing")

    def reduced(name, side=None, folder="faces"):
        pixels = cv2.cvtColor(cv2.imread(str(shared / folder / name)), cv2.COLOR_BGR2RGB)
        return pixels if side is None else cv2.resize(pixels, (side, side), interpolation=cv2.INTER_AREA)

    return reduced


@pytest.fixture(scope="module", params=["with sface", "without sface"])
def gate(request, shared):
    file = shared / "weights" / identity.WEIGHTS.name
    return IdentityGate(SFace(file) if request.param == "with sface" else None)


def photo(pixels):
    return Photo(np.ascontiguousarray(pixels), None, "RGB", "png", Metadata())


class Draws:
    """A network that returns the same face whatever it gets."""

    name = "draws"
    batch = 1
    crop_size = 512

    def __init__(self, face):
        self.face = face

    def restore(self, crops, weight):
        return [self.face for _ in crops]


def drawn_over(gate, pixels, face):
    """Return the report on a photo of one face over which a network draws another, and whether it changed."""
    original = photo(pixels)
    restored = Pipeline(YuNet(), Draws(face), SoftMask(), gate=gate).restore(
        original, RestorationOptions(aligned=True)
    )
    return restored.faces[0], restored.photo is not original


@pytest.mark.parametrize("side", [170, 43, 32, 21])
def test_no_face_that_is_smeared_is_shown(read, gate, side):
    grey = np.full((512, 512, 3), 128, np.uint8)
    for name in TINY:
        face, changed = drawn_over(gate, read(name, side), grey)
        assert (face.fate, face.identity.verdict, changed) == ("kept", "other", False), name


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_an_upright_face_drawn_over_a_turned_one_is_not_shown(read, gate, quarters):
    for name in TINY:
        face, changed = drawn_over(gate, np.rot90(read(name, 170), quarters), read(name))
        assert (face.fate, face.identity.verdict, changed) == ("kept", "other", False), name


@pytest.mark.parametrize("side", [32, 21])
def test_a_perfect_restoration_of_a_tiny_face_is_shown(read, gate, side):
    for name in TINY:
        face, changed = drawn_over(gate, read(name, side), read(name))
        assert (face.fate, changed) == ("restored", True), name
        assert face.identity is None or face.identity.verdict == "cannot judge"


def shown(gate, photos, detector=None, **options):
    """Return how many faces there were, and those that were shown all the same, by the photo's number."""
    count, passed = 0, []
    for number, each in enumerate(photos):
        pipeline = Pipeline(detector or YuNet(), destroyer(number), SoftMask(), gate=gate)
        restored = pipeline.restore(each, RestorationOptions(aligned=detector is None, **options))
        count += len(restored.faces)
        passed += [(number, face.identity) for face in restored.faces if face.fate != "kept"]
        assert passed or restored.photo is each
    return count, passed


@pytest.mark.parametrize("side", [32, 21], ids=["8 pixels between the eyes", "5"])
def test_no_tiny_face_that_is_destroyed_is_shown(read, gate, side):
    assert shown(gate, [photo(read(name, side)) for name in TINY]) == (len(TINY), [])


def test_no_face_seen_from_the_side_that_is_destroyed_is_shown(read, gate):
    assert shown(gate, [photo(read(name, 128)) for name in PROFILES]) == (len(PROFILES), [])


def test_no_old_grey_face_that_is_destroyed_is_shown(read, gate):
    assert shown(gate, [photo(read(name, 128)) for name in OLD]) == (len(OLD), [])


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_no_turned_face_that_is_destroyed_is_shown(read, gate, quarters):
    turned = [photo(np.rot90(read(name, 170), quarters)) for name in TINY[::2]]
    assert shown(gate, turned) == (len(turned), [])


def test_no_face_of_a_crowd_that_is_destroyed_is_shown(read, gate):
    rows = [np.hstack([read(name, 64) for name in TINY[:6]])] * 3
    count, passed = shown(gate, [photo(np.vstack(rows))], YuNet())
    assert count >= 12
    assert passed == []


def test_no_face_of_several_in_a_photo_that_is_destroyed_is_shown(read, gate):
    count, passed = shown(gate, [photo(read(name, folder="photos/whole")) for name in WHOLE], YuNet())
    assert count >= 8
    assert passed == []


def test_no_face_of_a_photo_upside_down_that_is_destroyed_is_shown(read, gate, shared):
    detector = RetinaFace("mobilenet", shared / "weights" / "retinaface_mobilenet0.25.pth", "cpu")
    turned = [np.pad(read(name, 170)[::-1, ::-1], ((40, 40), (40, 40), (0, 0)), "edge") for name in TINY]
    count, passed = shown(gate, [photo(pixels) for pixels in turned], detector)
    assert count >= len(TINY) // 2
    assert passed == []
