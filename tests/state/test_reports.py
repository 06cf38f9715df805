"""Summaries of a photo's faces."""

from __future__ import annotations

from facewatch.restoration.options import OTHER_PERSON
from facewatch.state.reports import (
    Strangers,
    answer_summary,
    count_strangers,
    faces_summary,
    format_strangers,
    report_summary,
    seconds_per_face,
)


def test_all_faces_are_summarised_in_one_sentence():
    restored = {"fate": "restored", "reason": ""}
    sharp = {"fate": "kept", "reason": "already sharp (620 px wide)"}
    assert faces_summary([]) == "no faces found"
    assert faces_summary([restored]) == "1 of 1 face restored"
    assert faces_summary([restored, restored, sharp]) == "2 of 3 faces restored, 1 unchanged (already sharp)"


def test_a_summary_names_what_the_copy_does_not_keep():
    restored = {"fate": "restored", "reason": ""}
    assert answer_summary([restored], ["a", "b"]) == "1 of 1 face restored; not kept: a; b"
    assert answer_summary([], [], "the PNG file is animated") == "not restored: the PNG file is animated"


def test_faces_that_the_model_left_as_they_were_are_unchanged():
    left = {"fate": "kept", "reason": "the model found nothing to change"}
    small = {"fate": "kept", "reason": "too small (eyes 3 px apart, limit 5)"}
    assert faces_summary([left]) == "1 face unchanged"
    assert faces_summary([left, left]) == "2 faces unchanged"
    assert faces_summary([left, small]) == "0 of 2 faces restored, 1 unchanged, 1 unchanged (too small)"


def test_a_detection_that_is_no_face_of_its_own_is_not_counted():
    restored = {"fate": "restored", "reason": ""}
    again = {"fate": "kept", "reason": "a duplicate of another face"}
    assert faces_summary([restored, again]) == "1 of 1 face restored"


def test_a_report_of_an_earlier_version_is_shown_in_todays_words():
    old = {
        "summary": "0 of 1 face restored, 1 kept (the model found nothing to change)",
        "faces": [{"fate": "kept", "reason": "the model found nothing to change"}],
    }
    assert report_summary(old) == "1 face unchanged"
    assert (
        report_summary({"summary": "its restored copy existed already"})
        == "its restored copy existed already"
    )
    assert report_summary(None) == ""


def restored(similarity=0.9, verdict="same", weight=0.0):
    identity = {"similarity": similarity, "verdict": verdict}
    return {"fate": "restored", "reason": "", "weight": weight, "identity": identity}


KEPT = {
    "fate": "kept",
    "reason": OTHER_PERSON,
    "weight": None,
    "identity": {"similarity": 0.1, "verdict": "other"},
}


def test_a_summary_names_the_faces_that_became_another_persons():
    assert faces_summary([restored(0.714), restored(0.93), KEPT]) == (
        "2 of 3 faces restored, 1 kept: it no longer looked like the same person, similarity 0.71 to 0.93"
    )
    assert faces_summary([KEPT]) == "0 of 1 face restored, 1 kept: it no longer looked like the same person"
    assert faces_summary([restored(0.2, "other"), restored(0.8)]) == (
        "2 of 2 faces restored, 1 no longer looks like the same person, similarity 0.20 to 0.80"
    )


def test_a_summary_names_faces_too_unclear_to_compare_and_those_with_another_weight():
    faces = [restored(0.6, "cannot judge"), restored(0.55, weight=0.5)]
    assert answer_summary(faces, [], weight=0.0) == (
        "2 of 2 faces restored, 1 more faithful than asked for, to stay the same person, similarity 0.55, "
        "1 too unclear to compare"
    )
    assert "faithful" not in answer_summary(faces, [], weight=0.5)


def test_faces_that_were_not_compared_are_summarised_as_ever():
    assert faces_summary([{**restored(), "identity": None}]) == "1 of 1 face restored"
    gone = restored(None, "other")
    assert faces_summary([gone]) == "1 of 1 face restored, 1 no longer looks like the same person"


def test_strangers_are_counted_and_named():
    found = count_strangers([KEPT, restored(), restored(0.1, "other"), {"fate": "kept", "reason": ""}])
    assert found == Strangers(kept=1, shown=1)
    assert format_strangers(Strangers(1, 0)) == "1 face kept: it no longer looked like the same person"
    assert format_strangers(Strangers(2, 1)) == (
        "2 faces kept: they no longer looked like the same person, "
        "1 face no longer looks like the same person"
    )
    assert format_strangers(Strangers(0, 0)) == ""


def photo(seconds, count=1, **fields):
    face = {"fate": "restored", "reason": ""}
    return {"model": "gpen-512", "device": "cpu", "seconds": seconds, "faces": [face] * count, **fields}


def test_the_seconds_a_face_are_the_median_of_what_photos_took():
    reports = [photo(9.0, 3), photo(2.0), photo(90.0), photo(8.0, model="builtin")]
    assert seconds_per_face(reports) == {"gpen-512": 3.0, "builtin": 8.0}


def test_a_face_that_was_compared_and_kept_took_its_time_too():
    kept = {"fate": "kept", "reason": OTHER_PERSON}
    assert seconds_per_face([photo(4.0, faces=[kept, {"fate": "restored", "reason": ""}])]) == {
        "gpen-512": 2.0
    }


def test_photos_that_say_nothing_about_a_model_here_do_not_count():
    sharp = {"fate": "kept", "reason": "already sharp (620 px wide)"}
    silent = [
        None,
        photo(1.0, faces=[]),
        photo(1.0, faces=[sharp]),
        photo(1.0, model=None),
        photo(1.0, choices=[{"model": "codeformer"}]),
    ]
    assert seconds_per_face(silent) == {}
    assert seconds_per_face([photo(2.0), photo(50.0, device="cuda:0"), photo(3.0)]) == {"gpen-512": 2.5}
