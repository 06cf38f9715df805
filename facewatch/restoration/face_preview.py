"""A face before it is restored for good: drawn with some weights, and judged with some more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from facewatch.restoration.color import match_color
from facewatch.restoration.identity.gate import Gate, Pair
from facewatch.restoration.options import RestorationOptions
from facewatch.restoration.types import Crop, Identity

JUDGED = (0.0, 0.25, 0.5, 0.65, 0.8, 0.9)
"""Weights at which a blend is judged; with 0 asked for, the gate tries 0.5 and 0.8 (`gate.STEPS`)."""


@dataclass(frozen=True)
class JudgedWeight:
    """The verdict on one face with one weight."""

    weight: float
    identity: Identity | None  # None: not compared; only of a network that makes up people
    hopeless: bool  # no higher weight is tried
    kept: bool = False  # the network makes up people, and this face is not shown: the original is


@dataclass(frozen=True, eq=False)
class FacePreview:
    """One face as it would become."""

    crops: list[Crop]  # as it is, then with each weight asked for; all of one size
    judged: list[JudgedWeight]  # by weight; empty where nothing is compared

    @classmethod
    def of(
        cls, before: Crop, drawn: Mapping[float, Crop], judged: list[JudgedWeight], *, color_fix: bool
    ) -> FacePreview:
        """Return the preview of a face, with the original in place of each face that is not shown.

        drawn  the face with each weight, before its colours are matched
        """
        kept = {one.weight for one in judged if one.kept}
        shown = {weight: before if weight in kept else crop for weight, crop in drawn.items()}
        matched = (match_color(crop, before) if color_fix else crop for crop in shown.values())
        return cls([before, *matched], judged)


def judge_weights(
    gate: Gate | None,
    options: RestorationOptions,
    before: Crop,
    drawn: Mapping[float, Crop],
    *,
    eye_px: float,
    others: Sequence[Crop],
    guarded: bool = False,
) -> list[JudgedWeight]:
    """Return what `gate` says of one face with several weights, as it will when the photo is restored.

    drawn    the face with each weight, before its colours are matched; only weight 0 for a network that
             blends the original in, which is mixed here for the weights JUDGED
    eye_px   distance of the eyes in the photo
    others   the photo's other faces as they are: the face must be more like itself than like them
    guarded  True for a network that makes up people: it is judged whatever is set
    """
    if gate is None or (options.identity == "off" and not guarded):
        return []
    shown = drawn if set(drawn) != {0.0} else {weight: mix(before, drawn[0.0], weight) for weight in JUDGED}
    weights = sorted(shown)
    pairs = [Pair(before, shown[weight], eye_px, chosen=weight, guarded=guarded) for weight in weights]
    pairs += [Pair(other, other, eye_px) for other in others]
    outcomes = gate.check(pairs, replace(options, identity="warn"), 0.0, lambda crops, _: list(crops))
    return [
        JudgedWeight(weight, outcome.identity, outcome.hopeless, kept=outcome.after is None)
        for weight, outcome in zip(weights, outcomes, strict=False)
        if guarded or outcome.identity is not None
    ]


def mix(before: Crop, after: Crop, weight: float) -> Crop:
    """Return a restored face with the original blended in; weight 1 is the original."""
    mixed: Crop = np.rint(before * np.float32(weight) + after * np.float32(1 - weight)).astype(np.uint8)
    return mixed
