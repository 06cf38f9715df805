"""Reports on the faces of a photo, and the choices that users made for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

import numpy as np

from facewatch.restoration.cropping import CroppedFace
from facewatch.restoration.detection.nms import intersection_over_union
from facewatch.restoration.face_networks import FaceNetworks
from facewatch.restoration.identity.gate import CheckedFace
from facewatch.restoration.options import NOT_COMPARED, OTHER_PERSON, FaceChoice
from facewatch.restoration.types import Crop, Face, FaceReport

UNCHANGED = "the model found nothing to change"
NOT_FOUND = "the model found no face that shrinks to this one"
ALL_ORIGINAL = "weight 1 keeps the original"
CHOSEN = "you chose the original"
SAME_FACE_OVERLAP = 0.5  # of the boxes of a chosen face and a detected one


def fate_of(
    after: Crop | None, weight: float, *, made_up: bool = False
) -> tuple[Literal["restored", "kept"], str]:
    """Return what became of a face, and the reason.

    after    None where its network returned its input
    made_up  True for a network that searches for another person's face
    """
    if after is not None:
        return "restored", ""
    unchanged = NOT_FOUND if made_up else UNCHANGED
    return "kept", ALL_ORIGINAL if weight == 1 else unchanged


def match_choices(faces: Sequence[Face], choices: Sequence[FaceChoice]) -> dict[int, FaceChoice]:
    """Return each choice under the number of the face that its box overlaps most, if it is the same face."""
    boxes = np.array([face.box for face in faces], np.float64).reshape(-1, 4)
    found = {}
    for choice in choices if len(boxes) else ():
        overlaps = intersection_over_union(np.array(choice.box, np.float64), boxes)
        if overlaps.max() >= SAME_FACE_OVERLAP:
            found[int(overlaps.argmax())] = choice
    return found


def report_of(
    face: Face,
    fate: Literal["restored", "kept"],
    reason: str,
    weight: float | None = None,
    model: str | None = None,
) -> FaceReport:
    """Return the report on a face that was not compared."""
    return FaceReport(face.box, face.score, fate, reason, weight=weight, model=model)


def restored_reports(
    faces: Sequence[CroppedFace], outputs: Sequence[Crop | None], networks: FaceNetworks
) -> list[FaceReport]:
    """Return the reports on the faces that networks were given, with their outputs."""
    return [
        report_of(
            face.face,
            *fate_of(crop, face.weight, made_up=networks.makes_up_people(face.network.model)),
            None if crop is None else face.weight,
            face.network.model,
        )
        for face, crop in zip(faces, outputs, strict=True)
    ]


def checked_reports(reports: Sequence[FaceReport], checked: Sequence[CheckedFace]) -> tuple[FaceReport, ...]:
    """Return the reports with the outcome of the comparison of each restored face."""
    outcomes = iter(checked)  # one for each restored face, in the order of the reports
    return tuple(
        _checked_report(report, next(outcomes)) if report.fate == "restored" else report for report in reports
    )


def _checked_report(report: FaceReport, outcome: CheckedFace) -> FaceReport:
    if outcome.after is None:
        reason = OTHER_PERSON if outcome.lost else NOT_COMPARED
        return replace(report, fate="kept", reason=reason, weight=None, identity=outcome.identity)
    return replace(report, weight=outcome.weight, identity=outcome.identity)
