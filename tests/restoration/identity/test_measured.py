"""The gate on committed lists of real and made faces, training/identity.csv."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from facewatch.restoration.blending import InferredFace, InferredPhoto
from facewatch.restoration.codecs.photo import Metadata, Photo
from facewatch.restoration.identity.gate import IdentityGate
from facewatch.restoration.identity.sface import SFace
from facewatch.restoration.masks.oval import SoftMask
from facewatch.restoration.networks import builtin
from facewatch.restoration.networks.loader import load
from facewatch.restoration.options import RestorationOptions
from facewatch.restoration.pipeline import Pipeline
from tests.restoration.identity.destroyer import destroyer
from training import identity
from training.held_out import Case

FACES = identity.entries("test")
LEVELS = {level[0]: level for level in identity.LEVELS}
JUDGED = ("x2", "x8", "x12", "x4")


class Nowhere:
    """A detector for photos that are one face."""

    name = "nowhere"

    def find(self, image):
        return []


class Swaps:
    """A network that returns a given face, whatever the weight."""

    name = "swaps"
    batch = 1
    crop_size = 512

    def __init__(self, face=None):
        self.face = face

    def restore(self, crops, weight):
        return [self.face for _ in crops]


@pytest.fixture(scope="module")
def faces(shared):
    """Return a function that reads a face of the list, 512 x 512."""
    if not (shared / "faces").is_dir():
        pytest.skip(f"no portraits: {shared}/faces is missing")

    def read(name):
        pixels = cv2.imread(str(shared / "faces" / name), cv2.IMREAD_COLOR)
        return np.ascontiguousarray(pixels[:, :, ::-1])

    return read


@pytest.fixture(scope="module")
def gate(shared):
    return IdentityGate(SFace(shared / "weights" / identity.WEIGHTS.name))


def worse(entry, face, level):
    case = Case(entry.file, *LEVELS[level], seed=entry.seed)
    grey = cv2.cvtColor(cv2.cvtColor(face, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB) if case.grey else face
    return Photo(case.worse(grey), None, "RGB", "png", Metadata())


def outcome(gate, network, photo, **options):
    pipeline = Pipeline(Nowhere(), network, SoftMask(), gate=gate)
    restored = pipeline.restore(photo, RestorationOptions(aligned=True, **options))
    (face,) = restored.faces
    return face, restored.photo is photo


def test_every_face_that_random_weights_destroy_stays_as_it_was(faces, gate):
    for number, entry in enumerate(FACES[::4]):
        photo = worse(entry, faces(entry.file), JUDGED[number % len(JUDGED)])
        face, untouched = outcome(gate, destroyer(number), photo)
        assert (face.fate, face.identity.verdict, untouched) == ("kept", "other", True), entry.file


def test_without_sface_too_a_destroyed_face_stays_as_it_was(faces):
    noise = np.random.default_rng(1).integers(0, 256, (512, 512, 3), np.uint8)
    for entry in FACES[::9]:
        face, untouched = outcome(IdentityGate(None), Swaps(noise), worse(entry, faces(entry.file), "x4"))
        assert (face.fate, face.identity.similarity, untouched) == ("kept", None, True)


def test_of_faces_swapped_for_another_persons_98_percent_are_caught(faces, gate):
    verdicts = []
    for number, entry in enumerate(FACES):
        stranger = faces(entry.other)
        for level in (JUDGED[number % 2], JUDGED[2 + number % 2]):
            photo = worse(entry, faces(entry.file), level)
            face, untouched = outcome(gate, Swaps(stranger), photo)
            verdicts.append(face.identity.verdict)
            assert untouched == (face.identity.verdict == "other")
    judged = [verdict for verdict in verdicts if verdict != "cannot judge"]
    assert len(judged) >= 0.85 * len(verdicts)
    assert judged.count("other") >= 0.98 * len(judged)


def test_of_mildly_degraded_faces_that_builtin_restores_at_most_2_percent_are_suspected(faces, gate):
    network = load(builtin.WEIGHTS, "builtin", "cpu")
    verdicts = []
    for number, entry in enumerate(FACES):
        for level in (identity.MILD[number % 2], identity.MILD[2 + number % 2]):
            face, _ = outcome(gate, network, worse(entry, faces(entry.file), level), identity="warn")
            verdicts.append(face.identity.verdict if face.identity else "unchanged")
    assert verdicts.count("same") >= 0.7 * len(verdicts)
    assert verdicts.count("other") <= 0.02 * len(verdicts)


def test_two_people_of_one_photo_whose_faces_change_places_are_caught(faces, gate):
    pipeline = Pipeline(Nowhere(), Swaps(), SoftMask(), gate=gate)
    first, second = faces(FACES[0].file), faces(FACES[1].file)
    swapped = tuple(
        InferredFace(before, after, after, 60.0) for before, after in ((first, second), (second, first))
    )
    photo = Photo(first, None, "RGB", "png", Metadata())
    report = outcome(gate, Swaps(second), photo, identity="off")[0]
    inferred = InferredPhoto((report, report), swapped)
    checked = pipeline.check(photo, inferred, RestorationOptions(identity="warn"), 0.0)
    assert [face.identity.verdict for face in checked.reports] == ["other", "other"]
