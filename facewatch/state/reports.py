"""Summaries of a photo's faces."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any


def faces_summary(faces: Sequence[Mapping[str, Any]]) -> str:
    """Summarise the faces of a photo: "2 of 3 faces restored, 1 kept (already sharp)".

    faces  the fields of restoration.types.FaceReport, a mapping for each
    """
    if not faces:
        return "no faces found"
    restored = sum(face["fate"] == "restored" for face in faces)
    kept = Counter(_short(face["reason"]) for face in faces if face["fate"] == "kept")
    noun = "face" if len(faces) == 1 else "faces"
    parts = [f"{restored} of {len(faces)} {noun} restored"]
    parts += [f"{count} kept ({reason})" for reason, count in kept.items()]
    return ", ".join(parts)


def answer_summary(faces: Sequence[Mapping[str, Any]], lost: Sequence[str], left_alone: str = "") -> str:
    """Summarise a photo: its faces, and what its copy does not keep.

    lost        what is not kept, in words
    left_alone  why the photo is not restored; empty if it was tried
    """
    summary = f"not restored: {left_alone}" if left_alone else faces_summary(faces)
    return f"{summary}; not kept: {'; '.join(lost)}" if lost else summary


def _short(reason: str) -> str:
    return reason.split(" (", 1)[0]
