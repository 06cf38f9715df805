"""Summaries of a photo's faces."""

from __future__ import annotations

import statistics
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from facewatch.restoration.options import OTHER_PERSON

# Detections that turned out to be another face, or none: no face of the photo was left out for them.
NO_FACES = (
    "a duplicate of another face",
    "inside another face",
    "around a surer face",
    "its landmarks do not form a face",
)
LEFT_BY_MODEL = "the model found nothing to change"


class Strangers(NamedTuple):
    """The faces that restoration made another person's."""

    kept: int  # the original stays
    shown: int  # restored all the same: the settings only warn


NO_STRANGERS = Strangers(0, 0)


class FaceCount(NamedTuple):
    """The faces of a photo."""

    restored: int
    total: int


def count_faces(faces: Iterable[Mapping[str, Any]]) -> FaceCount:
    """Return how many of a photo's faces were restored; false detections do not count."""
    real = _real(faces)
    return FaceCount(sum(face.get("fate") != "kept" for face in real), len(real))


def faces_summary(faces: Sequence[Mapping[str, Any]], weight: float | None = None) -> str:
    """Summarise the faces of a photo: "2 of 3 faces restored, 1 unchanged (already sharp)".

    faces   the fields of restoration.types.FaceReport, a mapping for each
    weight  the one asked for; None: unknown
    """
    restored, total = count_faces(faces)
    if not total:
        return "no faces found"
    real = _real(faces)
    left = Counter(_short(face["reason"]) for face in real if face.get("fate") == "kept")
    strangers = left.pop(OTHER_PERSON, 0)
    noun = "face" if total == 1 else "faces"
    if len(left) == 1 and not restored and not strangers:
        return f"{total} {noun} unchanged{_in_brackets(next(iter(left)))}"
    parts = [f"{restored} of {total} {noun} restored"]
    parts += [f"{strangers} kept: {OTHER_PERSON}"] if strangers else []
    parts += [f"{count} unchanged{_in_brackets(reason)}" for reason, count in left.items()]
    return ", ".join([*parts, *_identity_parts(real, weight)])


def _identity_parts(faces: Iterable[Mapping[str, Any]], weight: float | None) -> list[str]:
    """Return what the comparison of the restored faces with the originals has found, in words."""
    shown = [face for face in faces if face.get("fate") != "kept"]
    compared = [face["identity"] for face in shown if face.get("identity")]
    verdicts = Counter(identity["verdict"] for identity in compared)
    similar = sorted(
        identity["similarity"]
        for identity in compared
        if identity["similarity"] is not None and identity["verdict"] != "cannot judge"
    )
    raised = sum(weight is not None and (face.get("weight") or 0) > weight for face in shown)
    parts = [f"{raised} more faithful than asked for, to stay the same person"] if raised else []
    if lost := verdicts["other"]:
        parts.append(f"{lost} no longer {'looks' if lost == 1 else 'look'} like the same person")
    if similar:
        least, most = f"{similar[0]:.2f}", f"{similar[-1]:.2f}"
        parts.append(f"similarity {least}" if least == most else f"similarity {least} to {most}")
    if unclear := verdicts["cannot judge"]:
        parts.append(f"{unclear} too unclear to compare")
    return parts


def format_strangers(strangers: Strangers) -> str:
    """Return a clause: "1 face kept: it no longer looked like the same person"; empty if there are none."""
    parts = []
    if strangers.kept:
        many = "they" if strangers.kept > 1 else "it"
        noun = "faces" if strangers.kept > 1 else "face"
        parts.append(f"{strangers.kept} {noun} kept: {many} no longer looked like the same person")
    if strangers.shown:
        words = "faces no longer look" if strangers.shown > 1 else "face no longer looks"
        parts.append(f"{strangers.shown} {words} like the same person")
    return ", ".join(parts)


def count_strangers(faces: Iterable[Mapping[str, Any]]) -> Strangers:
    """Return how many faces became another person's: those kept, and those shown all the same."""
    kept = shown = 0
    for face in faces:
        if face.get("reason") == OTHER_PERSON:
            kept += 1
        elif face.get("fate") != "kept" and (face.get("identity") or {}).get("verdict") == "other":
            shown += 1
    return Strangers(kept, shown)


def seconds_per_face(reports: Iterable[Mapping[str, Any] | None]) -> dict[str, float]:
    """Return each model's median of the seconds that a photo took for each of its restored faces.

    reports  the latest first; only those on the device that a model computed on last count, and none in
             which the user chose something for a single face
    """
    devices: dict[str, str] = {}
    found: dict[str, list[float]] = defaultdict(list)
    for report in reports:
        if not report or not report.get("model") or report.get("choices"):
            continue
        faces = report.get("faces", ())
        count = count_faces(faces).restored + count_strangers(faces).kept
        model, device = report["model"], report.get("device", "")
        if count and devices.setdefault(model, device) == device:
            found[model].append(report["seconds"] / count)
    return {model: statistics.median(seconds) for model, seconds in found.items()}


def answer_summary(
    faces: Sequence[Mapping[str, Any]],
    lost: Sequence[str],
    left_alone: str = "",
    weight: float | None = None,
) -> str:
    """Summarise a photo: its faces, and what its copy does not keep.

    lost        what is not kept, in words
    left_alone  why the photo is not restored; empty if it was tried
    weight      the one asked for; None: unknown
    """
    summary = f"not restored: {left_alone}" if left_alone else faces_summary(faces, weight)
    return f"{summary}; not kept: {'; '.join(lost)}" if lost else summary


def with_losses(report: Mapping[str, Any], lost: Sequence[str]) -> dict[str, Any]:
    """Return a report that also says, in its list and its summary, that a copy lacks something.

    lost  in words, as in `answer_summary`
    """
    if not lost:
        return dict(report)
    known = report.get("lost", ())
    words = ("; " if known else "; not kept: ") + "; ".join(lost)
    return {
        **report,
        "lost": [*known, *lost],
        "summary": f"{report.get('summary', '')}{words}".removeprefix("; "),
    }


def report_summary(report: Mapping[str, Any] | None) -> str:
    """Return the summary of a report in the ledger, in today's words; empty if there is none.

    That of a redo begins with its model and weight: "codeformer 0.7: 1 of 1 face restored".
    """
    if report is None:
        return ""
    faces = report.get("faces")
    if faces and isinstance(faces, list):
        summary = answer_summary(faces, report.get("lost", ()), weight=report.get("weight"))
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
