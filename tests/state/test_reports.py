"""Summaries of a photo's faces."""

from __future__ import annotations

from facewatch.state.reports import answer_summary, faces_summary, report_summary


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
