"""The verdict on one face."""

from __future__ import annotations

import math

import pytest

from facewatch.restoration.identity.verdict import (
    CLEAR,
    HIGHEST_FLOOR,
    LEAST_CLEARNESS,
    LEAST_EYE_PX,
    LOWEST_FLOOR,
    MOST_MOVED,
    Evidence,
    floor_for,
    judge,
)
from facewatch.restoration.types import Identity


def evidence(similarity=0.9, others=(), clearness=13.0, eye_px=60.0, moved=0.02):
    return Evidence(similarity, others, clearness, eye_px, moved)


def test_the_floor_falls_with_the_clearness_of_the_original():
    assert floor_for(20.0) == floor_for(CLEAR) == HIGHEST_FLOOR
    assert floor_for(LEAST_CLEARNESS) == floor_for(1.0) == LOWEST_FLOOR
    middle = floor_for((CLEAR + LEAST_CLEARNESS) / 2)
    assert middle == pytest.approx((HIGHEST_FLOOR + LOWEST_FLOOR) / 2)


def test_a_face_is_the_same_person_from_the_floor_on():
    assert judge(evidence(HIGHEST_FLOOR + 0.01)) == Identity(HIGHEST_FLOOR + 0.01, "same")
    assert judge(evidence(HIGHEST_FLOOR - 0.01)).verdict == "other"
    assert judge(evidence(LOWEST_FLOOR + 0.01, clearness=LEAST_CLEARNESS)).verdict == "same"


@pytest.mark.parametrize(
    "unclear", [{"eye_px": LEAST_EYE_PX - 0.1}, {"clearness": LEAST_CLEARNESS - 0.1}], ids=["tiny", "blurred"]
)
def test_a_face_that_shows_too_little_is_not_judged_by_its_embedding(unclear):
    for similarity in (-0.2, 0.95, None):
        assert judge(evidence(similarity, **unclear)) == Identity(None, "cannot judge")


def test_a_face_that_is_gone_is_noticed_in_tiny_faces_too():
    assert judge(evidence(0.9, eye_px=5, moved=math.inf)).verdict == "other"
    assert judge(evidence(None, moved=math.inf)) == Identity(None, "other")


def test_landmarks_that_moved_tell_in_clear_faces_only():
    assert judge(evidence(0.9, moved=MOST_MOVED + 0.01)).verdict == "other"
    assert judge(evidence(0.9, moved=None)).verdict == "same"
    assert judge(evidence(0.9, eye_px=5, moved=MOST_MOVED + 0.01)).verdict == "cannot judge"
    assert judge(evidence(None, clearness=None, moved=MOST_MOVED + 0.01)) is None


def test_a_face_nearer_to_another_person_of_the_photo_is_another():
    assert judge(evidence(0.6, others=[0.1, 0.65])).verdict == "other"
    assert judge(evidence(0.6, others=[0.1, 0.55])).verdict == "same"


def test_a_threshold_of_the_user_replaces_the_floor():
    assert judge(evidence(0.5), threshold=0.6).verdict == "other"
    assert judge(evidence(0.2), threshold=0.1).verdict == "same"


def test_without_an_embedding_an_unmoved_face_has_no_verdict():
    assert judge(evidence(None, clearness=None)) is None
    assert judge(evidence(None, clearness=None, moved=None)) is None
