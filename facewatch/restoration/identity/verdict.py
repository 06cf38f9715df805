"""The verdict on a restored face: the same person, another one, or no telling.

docs/identity.md has the measurements behind the numbers; `training/identity.py` makes them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from facewatch.restoration.types import Identity

LEAST_EYE_PX = 8.0  # between the eyes, in the photo: below, the embeddings of all people are alike
LEAST_CLEARNESS = 9.5  # length of the embedding; a sharp face has 13, one reduced to 8 px between the eyes 9
CLEAR = 12.0  # from here on an input is as good as a sharp one
LOWEST_FLOOR, HIGHEST_FLOOR = 0.30, 0.50  # of similarity, for the least clear and for clear inputs
MOST_MOVED = (
    0.6  # eye distances; in a clear face a landmark is found again within 0.27, in a tiny one anywhere
)
HOPELESS = 0.35  # similarity; blended with the original, such a face would be a double exposure


@dataclass(frozen=True)
class Evidence:
    """All that is measured of one restored face."""

    similarity: float | None  # to its original, a cosine; None: not measured, since it would say nothing
    others: Sequence[float]  # similarity to the photo's other people
    clearness: float | None  # length of the original's embedding, 0 if it is tiny; None: no network
    eye_px: float  # distance of the eyes in the photo
    moved: float | None  # the longest way of a landmark, eye distances; None: not found in the original
    agrees: bool = True  # with what even a tiny face shows; asked only where the embedding says nothing

    @property
    def hopeless(self) -> bool:
        """True if the face is so far from the original that no weight can bring it back."""
        if self.moved == math.inf or not self.agrees:
            return True
        return self.similarity is not None and self.similarity < HOPELESS


def floor_for(clearness: float) -> float:
    """Return the similarity that a face must reach; it falls with the clearness of the original."""
    share = (clearness - LEAST_CLEARNESS) / (CLEAR - LEAST_CLEARNESS)
    return LOWEST_FLOOR + (HIGHEST_FLOOR - LOWEST_FLOOR) * min(max(share, 0.0), 1.0)


def can_judge(clearness: float, eye_px: float) -> bool:
    """Return True if an original shows enough for its embedding to tell people apart."""
    return clearness >= LEAST_CLEARNESS and eye_px >= LEAST_EYE_PX


def judge(evidence: Evidence, threshold: float | None = None) -> Identity | None:
    """Return the verdict; None if there is nothing to judge by.

    threshold  of similarity, for every face; None: `floor_for` the original's clearness
    """
    similarity = evidence.similarity
    if evidence.moved == math.inf or not evidence.agrees:
        return Identity(similarity, "other")
    if evidence.clearness is None:
        return None
    if similarity is None or not can_judge(evidence.clearness, evidence.eye_px):
        return Identity(None, "cannot judge")
    floor = floor_for(evidence.clearness) if threshold is None else threshold
    alike = similarity >= floor and similarity >= max(evidence.others, default=-1.0)
    alike = alike and (evidence.moved is None or evidence.moved <= MOST_MOVED)
    return Identity(similarity, "same" if alike else "other")
