"""Summaries of a photo's faces."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

# Detections that turned out to be another face, or none: no face of the photo was left out for them.
NO_FACES = (
    "a duplicate of another face",
    "inside another face",
    "around a surer face",
    "its landmarks do not form a face",
)
LEFT_BY_MODEL = "the model found nothing to change"


class FaceCount(NamedTuple):
    """The faces of a photo."""

    restored: int
    total: int


def count_faces(faces: Iterable[Mapping[str, Any]]) -> FaceCount:
    """Return how many of a photo's faces were restored; false detections do not count."""
    real = _real(faces)
    return FaceCount(sum(face.get("fate") != "kept" for face in real), len(real))


def faces_summary(faces: Sequence[Mapping[str, Any]]) -> str:
    """Summarise the faces of a photo: "2 of 3 faces restored, 1 unchanged (already sharp)".

    faces  the fields of restoration.types.FaceReport, a mapping for each
    """
    restored, total = count_faces(faces)
    if not total:
        return "no faces found"
    left = Counter(_short(face["reason"]) for face in _real(faces) if face.get("fate") == "kept")
    noun = "face" if total == 1 else "faces"
    if len(left) == 1 and not restored:
        return f"{total} {noun} unchanged{_in_brackets(next(iter(left)))}"
    parts = [f"{restored} of {total} {noun} restored"]
    parts += [f"{count} unchanged{_in_brackets(reason)}" for reason, count in left.items()]
    return ", ".join(parts)


def answer_summary(faces: Sequence[Mapping[str, Any]], lost: Sequence[str], left_alone: str = "") -> str:
    """Summarise a photo: its faces, and what its copy does not keep.

    lost        what is not kept, in words
    left_alone  why the photo is not restored; empty if it was tried
    """
    summary = f"not restored: {left_alone}" if left_alone else faces_summary(faces)
    return f"{summary}; not kept: {'; '.join(lost)}" if lost else summary


def report_summary(report: Mapping[str, Any] | None) -> str:
    """Return the summary of a report in the ledger, in today's words; empty if there is none.

    That of a redo begins with its model and weight: "codeformer 0.7: 1 of 1 face restored".
    """
    if report is None:
        return ""
    faces = report.get("faces")
    if faces and isinstance(faces, list):
        summary = answer_summary(faces, report.get("lost", ()))
    else:
        summary = str(report.get("summary", ""))
    if not report.get("redo"):
        return summary
    return f"{report.get('model', 'redo')} {report.get('weight', 0.0):g}: {summary}"


def _real(faces: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return [face for face in faces if face.get("reason") not in NO_FACES]


def _in_brackets(reason: str) -> str:
    return f" ({reason})" if reason else ""


def _short(reason: str) -> str:
    return "" if reason == LEFT_BY_MODEL else reason.split(" (", 1)[0]
