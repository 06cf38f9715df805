"""Verdicts on a face before it is restored for good."""

from __future__ import annotations

import pytest

from facewatch.restoration.face_preview import JUDGED, FacePreview, judge_weights, mix
from facewatch.restoration.identity.gate import STEPS, IdentityGate
from tests.restoration.identity.test_gate import Blend, Channels, Landmarks, crop, options


def judge(drawn, others=(), **changes):
    gate = IdentityGate(Channels(), Landmarks())
    return judge_weights(gate, options(**changes), crop(0), drawn, eye_px=60.0, others=others)


def test_a_blend_is_judged_at_the_weights_that_the_gate_would_try():
    judged = judge({0.0: crop(0, 0.3)})
    assert [one.weight for one in judged] == list(JUDGED)
    assert {0.0, *STEPS} <= set(JUDGED)
    assert judged[0].identity.verdict == "other"
    assert judged[-1].identity.verdict == "same"
    verdicts = [one.identity.verdict for one in judged]
    assert verdicts == sorted(verdicts)  # "other" before "same": no way back


def test_the_verdicts_are_those_of_the_photo_that_is_restored():
    gate = IdentityGate(Channels(), Landmarks())
    judged = {one.weight: one.identity.verdict for one in judge({0.0: crop(0, 0.3)})}
    from facewatch.restoration.identity.gate import Pair

    (made,) = gate.check([Pair(crop(0), crop(0, 0.3), 60.0)], options(), 0.0, Blend())
    assert made.weight == next(weight for weight in (0.0, *STEPS) if judged[weight] == "same")


def test_a_network_that_takes_a_weight_is_judged_at_what_was_drawn():
    judged = judge({0.0: crop(1), 0.5: crop(0, 0.5), 1.0: crop(0)})
    assert [one.weight for one in judged] == [0.0, 0.5, 1.0]
    assert judged[0].hopeless
    assert judged[2].identity.verdict == "same"


def test_a_face_more_like_another_person_in_the_photo_is_that_persons():
    assert judge({0.0: crop(0, 0.45)}, [crop(2)])[0].identity.verdict == "other"


@pytest.mark.parametrize("changes", [{"identity": "off"}, {"gate": None}])
def test_without_a_comparison_there_are_no_verdicts(changes):
    gate = changes.pop("gate", IdentityGate(Channels(), Landmarks()))
    assert judge_weights(gate, options(**changes), crop(0), {0.0: crop(1)}, eye_px=60.0, others=[]) == []


def test_a_mix_goes_from_the_restored_face_to_the_original():
    before, after = crop(0), crop(1)
    assert (mix(before, after, 0.0) == after).all()
    assert (mix(before, after, 1.0) == before).all()
    assert tuple(mix(before, after, 0.5)[0, 0]) == (100, 100, 0)


def guarded(drawn, embedder=None, **changes):
    """Return the preview of a network that makes up people, and its verdicts."""
    gate = IdentityGate(embedder, Landmarks())
    judged = judge_weights(gate, options(**changes), crop(0), drawn, eye_px=60.0, others=(), guarded=True)
    return FacePreview.of(crop(0), drawn, judged, color_fix=False)


@pytest.mark.parametrize("identity", ["off", "warn", "protect"])
def test_a_made_up_person_is_not_shown_whatever_is_set(identity):
    drawn = {0.0: crop(1), 0.5: crop(0, 0.5), 0.9: crop(0, 0.9)}
    preview = guarded(drawn, Channels(), identity=identity)
    assert [one.kept for one in preview.judged] == [True, False, False]
    original, *shown = preview.crops
    assert (shown[0] == original).all()
    assert (shown[1] == drawn[0.5]).all()
    assert (shown[2] == drawn[0.9]).all()


def test_a_made_up_person_who_cannot_be_compared_is_not_shown():
    preview = guarded({0.0: crop(0, 0.9), 0.5: crop(0, 0.95)})
    assert [(one.kept, one.identity) for one in preview.judged] == [(True, None), (True, None)]
    assert all((shown == crop(0)).all() for shown in preview.crops)


def test_other_networks_are_shown_and_only_judged():
    drawn = {0.0: crop(1), 1.0: crop(0)}
    judged = judge(drawn, identity="warn")
    assert not any(one.kept for one in judged)
    preview = FacePreview.of(crop(0), drawn, judged, color_fix=False)
    assert (preview.crops[1] == crop(1)).all()
