"""The gate: restored faces are compared with the originals, and kept close to them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from facewatch.restoration import color
from facewatch.restoration.detection.yunet import YuNet
from facewatch.restoration.identity.agreement import agrees
from facewatch.restoration.identity.sface import Embedding
from facewatch.restoration.identity.verdict import (
    LEAST_CLEARNESS,
    LEAST_EYE_PX,
    Evidence,
    can_judge,
    floor_for,
    judge,
)
from facewatch.restoration.options import RestorationOptions
from facewatch.restoration.resize import fit
from facewatch.restoration.types import CROP_SIZE, Crop, Detector, Face, Identity

STEPS = (0.5, 0.8)  # of the way from the weight asked for to 1: what each new try of a face adds
_LANDMARK_SIDE = 192  # pixels of the crop in which the landmarks are found again
_LANDMARK_SCORE = 0.3
_LEAST_SCORE = 0.8  # of the original's; every restoration of a face measured reached 1.0, noise over it 0.5
_LEAST_FOUND = 0.85  # of any restored face; real ones reach 0.92, noise and random networks seldom 0.8

Redo = Callable[[Sequence[Crop], float], list[Crop]]
"""Restores crops with another weight."""


class Embedder(Protocol):
    """Tells people apart."""

    def embed(self, crop: Crop) -> Embedding:
        """Return the embedding of an upright face; its length tells how clear the face is."""
        ...


@dataclass(frozen=True, eq=False)
class Pair:
    """A face before and after."""

    before: Crop
    after: Crop
    eye_px: float  # distance of the eyes in the photo
    chosen: float | None = None  # the weight that the user chose for this face: the gate only measures it
    guarded: bool = False  # its network makes up people: it must pass the gate whatever is set and chosen


@dataclass(frozen=True, eq=False)
class CheckedFace:
    """Outcome of the comparison of one face."""

    after: Crop | None  # as it is to be shown; None: the original stays
    weight: float  # of `after`
    identity: Identity | None  # of `after`; of the first try where the original stays; None: not compared
    hopeless: bool = False  # no weight can bring the person back

    @property
    def lost(self) -> bool:
        """True if the face became another person's."""
        return self.identity is not None and self.identity.verdict == "other"


@dataclass(frozen=True, eq=False)
class _Portrait:
    """All that is measured of one crop."""

    embedding: Embedding | None  # None: not computed
    face: Face | None  # as the detector finds it in the crop

    @property
    def clearness(self) -> float:
        """Length of the embedding."""
        return 0.0 if self.embedding is None else float(np.linalg.norm(self.embedding))


class Gate(Protocol):
    """Compares the restored faces of a photo with the originals."""

    def check(
        self, faces: Sequence[Pair], options: RestorationOptions, weight: float, redo: Redo
    ) -> list[CheckedFace]:
        """Return the outcome of each face, as `IdentityGate.check` does."""
        ...


class SharedGate:
    """A gate for several threads, each of which takes an `IdentityGate` for as long as it compares."""

    def __init__(self, make: Callable[[], IdentityGate]) -> None:
        """Make the first gate, and later as many as there are threads that compare at once."""
        self._make = make
        self._free = [make()]

    def check(
        self, faces: Sequence[Pair], options: RestorationOptions, weight: float, redo: Redo
    ) -> list[CheckedFace]:
        """Return the outcome of each face, as `IdentityGate.check` does."""
        try:
            gate = self._free.pop()
        except IndexError:  # all are in use
            gate = self._make()
        try:
            return gate.check(faces, options, weight, redo)
        finally:
            self._free.append(gate)


class IdentityGate:
    """Compares the restored faces of a photo with the originals; one thread at a time."""

    def __init__(self, embedder: Embedder | None, landmarks: Detector | None = None) -> None:
        """
        embedder   None: the network is not here; only moved landmarks are noticed
        landmarks  finds the face in a crop; by default YuNet
        """
        self._embedder = embedder
        self._landmarks = landmarks or YuNet(_LANDMARK_SIDE, _LANDMARK_SCORE)

    def check(
        self, faces: Sequence[Pair], options: RestorationOptions, weight: float, redo: Redo
    ) -> list[CheckedFace]:
        """Return the outcome of each face of one photo.

        weight  with which the faces were restored

        With `options.identity` "protect", a face that became another person's is restored again with a higher
        weight, twice at most; if that does not help, or cannot, the original stays. Faces of a network that
        makes up people are treated so whatever is set, and stay originals if they cannot be compared.
        """
        originals = [self._measure(face.before, face.eye_px >= LEAST_EYE_PX) for face in faces]

        def compare(index: int, after: Crop, by: float) -> CheckedFace:
            evidence = self._compare(faces[index], originals, index, after, options)
            threshold = None if faces[index].guarded else options.identity_threshold
            identity = judge(evidence, threshold)
            return CheckedFace(after, by, identity, evidence.hopeless)

        checked = [
            compare(index, face.after, weight if face.chosen is None else face.chosen)
            for index, face in enumerate(faces)
        ]
        protect = options.identity == "protect"
        guarded = [
            index
            for index, face in enumerate(faces)
            if (face.guarded or (protect and face.chosen is None)) and _unfit(face, checked[index])
        ]
        lost = [
            index
            for index in guarded
            if faces[index].chosen is None and checked[index].lost and not checked[index].hopeless
        ]
        for step in STEPS if weight < 1 else ():
            if not lost:
                break
            higher = weight + step * (1 - weight)
            afters = redo([faces[index].before for index in lost], higher)
            for index, after in zip(lost, afters, strict=True):
                again = compare(index, after, higher)
                checked[index] = checked[index] if again.lost else again
            lost = [index for index in lost if checked[index].lost]
        for index in guarded:
            if _unfit(faces[index], checked[index]):
                checked[index] = replace(checked[index], after=None)
        return checked

    def _compare(
        self,
        face: Pair,
        originals: Sequence[_Portrait],
        index: int,
        after: Crop,
        options: RestorationOptions,
    ) -> Evidence:
        shown = color.match_color(after, face.before) if options.color_fix else after
        original = originals[index]
        telling = can_judge(original.clearness, face.eye_px)
        restored = self._measure(shown, telling)
        strangers = _strangers(original, [other for other in originals if other is not original])
        return Evidence(
            similarity=_cosine(original, restored),
            others=[_cosine(other, restored) or 0.0 for other in strangers],
            clearness=None if self._embedder is None else original.clearness,
            eye_px=face.eye_px,
            moved=_moved(original.face, restored.face),
            agrees=telling or agrees(*(fit(crop, (CROP_SIZE, CROP_SIZE)) for crop in (face.before, shown))),
        )

    def _measure(self, crop: Crop, telling: bool) -> _Portrait:  # noqa: FBT001 - private
        """Measure a crop; its embedding, which takes most of the time, only if that is `telling`."""
        crop = fit(crop, (CROP_SIZE, CROP_SIZE))
        embedding = self._embedder.embed(crop) if telling and self._embedder is not None else None
        found = self._landmarks.find(crop)
        return _Portrait(embedding, max(found, key=_central_score, default=None))


def _unfit(face: Pair, checked: CheckedFace) -> bool:
    """Return True if a face must not be shown; one of a made-up person neither when it was not compared."""
    return checked.lost or (face.guarded and checked.identity is None)


def _central_score(face: Face) -> float:
    """Return how likely a face is the crop's own: sure, and in the middle."""
    middle = np.full(2, CROP_SIZE / 2)
    return face.score - float(np.linalg.norm(face.landmarks.mean(0) - middle)) / CROP_SIZE


def _cosine(one: _Portrait, other: _Portrait) -> float | None:
    if one.embedding is None or other.embedding is None:
        return None
    lengths = one.clearness * other.clearness
    return round(float(one.embedding @ other.embedding) / lengths, 4) if lengths else 0.0


def _strangers(original: _Portrait, others: Sequence[_Portrait]) -> list[_Portrait]:
    """Return the clear faces of other people; a photo may show one person twice."""
    floor = floor_for(original.clearness)
    return [
        other
        for other in others
        if other.clearness >= LEAST_CLEARNESS and (_cosine(original, other) or 0.0) < floor
    ]


def _moved(before: Face | None, after: Face | None) -> float | None:
    """Return the longest way of a landmark, in eye distances; None if nothing was found before.

    A face that is not or hardly found after has moved infinitely far.
    """
    least = _LEAST_FOUND if before is None else max(_LEAST_FOUND, _LEAST_SCORE * before.score)
    if after is None or after.score < least:
        return math.inf
    if before is None:
        return None
    ways = np.linalg.norm(after.landmarks - before.landmarks, axis=1)
    return float(ways.max()) / max(before.eye_distance, 1.0)
