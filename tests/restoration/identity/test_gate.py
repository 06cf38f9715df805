"""Faces before and after, and what the gate lets through."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import pytest

from facewatch.restoration.alignment import TEMPLATE
from facewatch.restoration.identity.gate import IdentityGate, Pair, SharedGate
from facewatch.restoration.options import RestorationOptions
from facewatch.restoration.types import Face, Identity

MARKS = np.array(TEMPLATE, np.float32)


def crop(person, share=1.0):
    """Return a crop that shows `person`, 0-2, by a channel; `share` of it, the rest a stranger, channel 2."""
    pixels = np.zeros((512, 512, 3), np.uint8)
    pixels[..., person] = round(200 * share)
    pixels[..., 2] += round(200 * (1 - share))
    return pixels


class Channels:
    """An embedder to which a person is a colour."""

    def __init__(self, clearness=13.0):
        self.clearness = clearness
        self.calls = 0

    def embed(self, pixels):
        self.calls += 1
        mean = pixels.reshape(-1, 3).mean(0).astype(np.float32)
        return mean / np.linalg.norm(mean) * self.clearness


class Landmarks:
    """A detector that finds the face where it belongs, less surely the darker it is; none if it is black."""

    name = "landmarks"

    def find(self, image):
        return [Face((0, 0, 9, 9), MARKS, min(image.max() / 100, 0.9))] if image.any() else []


class Blend:
    """Restores to a stranger who is a little like the person, blended with the input by the weight."""

    def __init__(self):
        self.calls = []

    def __call__(self, crops, weight):
        self.calls.append((len(crops), weight))
        return [crop(int(each[0, 0].argmax()), 0.3 + 0.7 * weight) for each in crops]


def options(**changes):
    return RestorationOptions(color_fix=False, **changes)


def check(pairs, redo=None, weight=0.0, embedder=None, eye_px=60.0, **changes):
    gate = IdentityGate(embedder or Channels(), Landmarks())
    return gate.check([Pair(*pair, eye_px) for pair in pairs], options(**changes), weight, redo or Blend())


def test_a_face_of_the_same_person_passes_as_it_is():
    after = crop(0, 0.9)
    (outcome,) = check([(crop(0), after)])
    assert outcome.after is after
    assert outcome.weight == 0
    assert outcome.identity.verdict == "same"
    assert outcome.identity.similarity > 0.9


def test_the_weight_is_raised_until_the_face_is_the_same_person():
    redo = Blend()
    (outcome,) = check([(crop(0), crop(0, 0.3))], redo)
    assert redo.calls == [(1, 0.5)]
    assert outcome.weight == 0.5
    assert (outcome.after == crop(0, 0.65)).all()
    assert outcome.identity.verdict == "same"


def test_the_search_begins_at_the_weight_asked_for_and_costs_two_calls_at_most():
    def drift(crops, weight):
        calls.append((len(crops), weight))
        return [crop(int(each[0, 0].argmax()), 0.3) for each in crops]

    calls = []
    faces = [(crop(0), crop(0, 0.3)), (crop(1), crop(1, 0.3)), (crop(0), crop(0))]
    outcomes = check(faces, drift, weight=0.5)
    assert calls == [(2, 0.75), (2, 0.9)]
    assert [outcome.after is None for outcome in outcomes] == [True, True, False]
    assert outcomes[0].identity.verdict == "other"


def test_a_wholly_different_face_is_not_blended_into_a_double_exposure():
    redo = Blend()
    (outcome,) = check([(crop(0), crop(2))], redo)
    assert redo.calls == []
    assert outcome.after is None
    assert outcome.identity == Identity(0.0, "other")


def test_a_face_whose_weight_the_user_chose_is_measured_and_shown():
    redo, after = Blend(), crop(0, 0.3)
    gate = IdentityGate(Channels(), Landmarks())
    chosen, other = gate.check(
        [Pair(crop(0), after, 60.0, chosen=0.2), Pair(crop(1), crop(1, 0.3), 60.0)], options(), 0.0, redo
    )
    assert (chosen.after is after, chosen.weight, chosen.identity.verdict) == (True, 0.2, "other")
    assert other.after is None or other.weight > 0
    assert all(count == 1 for count, _ in redo.calls)


def test_with_warn_nothing_is_replaced():
    redo, after = Blend(), crop(2)
    (outcome,) = check([(crop(0), after)], redo, identity="warn")
    assert outcome.after is after
    assert outcome.identity.verdict == "other"
    assert redo.calls == []


def colour(red, green):
    return np.full((512, 512, 3), (red, green, 0), np.uint8)


def test_a_face_that_drifted_to_another_person_of_the_photo_is_noticed():
    first, second, between = colour(200, 0), colour(60, 190), colour(120, 190)
    alone = check([(first, between)], identity="warn")
    together = check([(first, between), (second, second)], identity="warn")
    assert [outcome.identity.verdict for outcome in alone] == ["same"]
    assert [outcome.identity.verdict for outcome in together] == ["other", "same"]


def test_one_person_twice_in_a_photo_is_not_taken_for_two():
    clear, soft = crop(0, 0.95), crop(0, 0.8)
    (outcome, _) = check([(soft, clear), (clear, clear)])
    assert outcome.identity.verdict == "same"


def test_without_the_network_only_a_destroyed_face_is_kept():
    outcomes = IdentityGate(None, Landmarks()).check(
        [Pair(crop(0), crop(2), 60.0), Pair(crop(0), np.zeros((512, 512, 3), np.uint8), 60.0)],
        options(),
        1.0,
        Blend(),
    )
    assert outcomes[0].identity is None
    assert outcomes[0].after is not None
    assert outcomes[1].identity == Identity(None, "other")
    assert outcomes[1].after is None


def test_a_face_that_is_hardly_found_again_is_gone():
    (outcome,) = check([(crop(0), crop(0) // 4)])
    assert outcome.identity.verdict == "other"
    assert outcome.after is None


def test_a_blurred_original_is_not_judged():
    (outcome,) = check([(crop(0), crop(2))], embedder=Channels(clearness=4.0))
    assert outcome.identity.verdict == "cannot judge"
    assert outcome.after is not None


def test_the_face_is_compared_in_the_colours_in_which_it_is_pasted():
    rng = np.random.default_rng(3)
    before = rng.integers(0, 200, (512, 512, 3), np.uint8)
    tinted = np.clip(before.astype(int) + np.array([50, 0, 0]), 0, 255).astype(np.uint8)
    gate = IdentityGate(Channels(), Landmarks())
    raw, fixed = (
        gate.check([Pair(before, tinted, 60.0)], RestorationOptions(color_fix=fix), 0.0, Blend())[0]
        for fix in (False, True)
    )
    assert fixed.identity.similarity == pytest.approx(1.0, abs=1e-3)
    assert raw.identity.similarity < fixed.identity.similarity


@pytest.mark.parametrize("identity", ["protect", "warn", "off"])
@pytest.mark.parametrize("chosen", [None, 0.0])
def test_a_network_that_makes_up_people_is_guarded_whatever_is_set_and_chosen(identity, chosen):
    pair = Pair(crop(0), crop(1), 40.0, chosen, guarded=True)
    gate = IdentityGate(Channels(), Landmarks())
    (outcome,) = gate.check([pair], options(identity=identity, identity_threshold=0.0), 0.0, Blend())
    assert outcome.lost
    assert outcome.after is None


def test_a_made_up_person_that_cannot_be_compared_is_not_shown():
    pair = Pair(crop(0), crop(0), 40.0, guarded=True)
    gate = IdentityGate(None, Landmarks())
    (outcome,) = gate.check([pair], options(identity="off"), 0.0, Blend())
    assert outcome.after is None
    assert outcome.identity is None


def halves(top, bottom):
    pixels = np.full((512, 512, 3), bottom, np.uint8)
    pixels[:256] = top
    return pixels


def test_a_restored_face_that_is_no_face_stays_original_where_none_was_found_before_either():
    black = np.zeros((512, 512, 3), np.uint8)
    (outcome,) = check([(black, black)], embedder=Channels(clearness=4.0), eye_px=5)
    assert outcome.identity.verdict == "other"
    assert outcome.after is None


@pytest.mark.parametrize(("clearness", "eye_px"), [(9.4, 60.0), (13.0, 5.0)], ids=["unclear", "tiny"])
def test_a_face_that_cannot_be_judged_must_show_what_its_original_shows(clearness, eye_px):
    redo, before = Blend(), halves(200, 40)
    smeared = cv2.GaussianBlur(before, (0, 0), 60)
    faces = [(before, smeared), (before, halves(40, 200)), (before, halves(220, 30))]
    outcomes = check(faces, redo, embedder=Channels(clearness), eye_px=eye_px)
    assert [outcome.identity.verdict for outcome in outcomes] == ["other", "other", "cannot judge"]
    assert [outcome.after is None for outcome in outcomes] == [True, True, False]
    assert redo.calls == []


@pytest.mark.parametrize(
    ("clearness", "eye_px", "runs"),
    [(13.0, 60.0, 2), (9.0, 60.0, 1), (13.0, 7.0, 0)],
    ids=["clear", "blurred", "tiny"],
)
def test_the_network_runs_only_where_it_can_tell(clearness, eye_px, runs):
    embedder = Channels(clearness)
    (outcome,) = check([(crop(0), crop(0, 0.9))], embedder=embedder, eye_px=eye_px)
    assert embedder.calls == runs
    assert (outcome.identity.similarity is None) == (runs < 2)


def test_a_face_tried_twice_again_needs_its_original_once():
    embedder = Channels()
    check([(crop(0), crop(0, 0.3))], lambda crops, _: [crop(0, 0.3) for _ in crops], embedder=embedder)
    assert embedder.calls == 1 + 3


def test_threads_that_share_a_gate_compare_at_the_same_time():
    both = threading.Barrier(2, timeout=30)

    class Meets(Channels):
        def embed(self, pixels):
            if not self.calls:
                both.wait()
            return super().embed(pixels)

    gate = SharedGate(lambda: IdentityGate(Meets(), Landmarks()))
    pairs = [Pair(crop(0), crop(0, 0.9), 60.0)]
    with ThreadPoolExecutor(2) as threads:
        running = [threads.submit(gate.check, pairs, options(), 0.0, Blend()) for _ in range(2)]
        outcomes = [thread.result()[0] for thread in running]
    assert [outcome.identity.verdict for outcome in outcomes] == ["same", "same"]


def test_a_thread_alone_takes_the_gate_that_is_there():
    made = []
    gate = SharedGate(lambda: made.append(0) or IdentityGate(Channels(), Landmarks()))
    for _ in range(3):
        gate.check([Pair(crop(0), crop(0, 0.9), 60.0)], options(), 0.0, Blend())
    assert len(made) == 1
