"""Summaries of a photo's faces."""

from __future__ import annotations

from facewatch.state.reports import answer_summary, faces_summary


def test_all_faces_are_summarised_in_one_sentence():
    restored = {"fate": "restored", "reason": ""}
    sharp = {"fate": "kept", "reason": "already sharp (620 px wide)"}
    assert faces_summary([]) == "no faces found"
    assert faces_summary([restored]) == "1 of 1 face restored"
    assert faces_summary([restored, restored, sharp]) == "2 of 3 faces restored, 1 kept (already sharp)"


def test_a_summary_names_what_the_copy_does_not_keep():
    restored = {"fate": "restored", "reason": ""}
    assert answer_summary([restored], ["a", "b"]) == "1 of 1 face restored; not kept: a; b"
    assert answer_summary([], [], "the PNG file is animated") == "not restored: the PNG file is animated"
