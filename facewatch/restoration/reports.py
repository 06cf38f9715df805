"""Reports on faces: what became of each, and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from facewatch.restoration.identity.gate import CheckedFace
from facewatch.restoration.options import OTHER_PERSON
from facewatch.restoration.types import Crop, Face, FaceReport

UNCHANGED = "the model found nothing to change"
ALL_ORIGINAL = "weight 1 keeps the original"
CHOSEN = "you chose the original"


def fate_of(after: Crop | None, weight: float) -> tuple[Literal["restored", "kept"], str]:
    if after is not None:
        return "restored", ""
    return "kept", ALL_ORIGINAL if weight == 1 else UNCHANGED


def report_on(
    face: Face, fate: Literal["restored", "kept"], reason: str, weight: float | None = None
) -> FaceReport:
    return FaceReport(face.box, face.score, fate, reason, weight=weight)


def checked_reports(reports: Sequence[FaceReport], checked: Sequence[CheckedFace]) -> tuple[FaceReport, ...]:
    outcomes = iter(checked)  # one for each restored face, in the order of the reports
    return tuple(
        _checked_report(report, next(outcomes)) if report.fate == "restored" else report for report in reports
    )


def _checked_report(report: FaceReport, outcome: CheckedFace) -> FaceReport:
    if outcome.after is None:
        return replace(report, fate="kept", reason=OTHER_PERSON, weight=None, identity=outcome.identity)
    return replace(report, weight=outcome.weight, identity=outcome.identity)
