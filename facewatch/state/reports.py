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


def _short(reason: str) -> str:
    return reason.split(" (", 1)[0]
