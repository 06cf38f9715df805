"""Summaries of a photo's faces."""

from __future__ import annotations

from facewatch.state.reports import faces_summary


def test_all_faces_are_summarised_in_one_sentence():
    restored = {"fate": "restored", "reason": ""}
    sharp = {"fate": "kept", "reason": "already sharp (620 px wide)"}
    assert faces_summary([]) == "no faces found"
    assert faces_summary([restored]) == "1 of 1 face restored"
    assert faces_summary([restored, restored, sharp]) == "2 of 3 faces restored, 1 kept (already sharp)"
