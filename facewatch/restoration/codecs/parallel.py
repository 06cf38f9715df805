"""Work on stripes of a picture, on all cores: zlib and OpenCV let other threads run meanwhile."""

from __future__ import annotations

import os
import zlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt

Rows = npt.NDArray[np.uint8]
"""Rows of bytes, (rows, bytes of a row)."""

_WORTH_SEARCHING = 0.9  # of the size without
_MOST_WORKERS = 8  # beyond it the joining of what they made takes as long as the making

Stripe = TypeVar("Stripe")
Made = TypeVar("Made")


def in_order(make: Callable[[Stripe], Made], stripes: Sequence[Stripe]) -> Iterator[Made]:
    """What `make` gives for each stripe, in the stripes' order; each is let go of once it was taken.

    Raises what `make` raises.
    """
    if len(stripes) == 1:
        yield make(stripes[0])
        return
    with ThreadPoolExecutor(min(len(stripes), os.cpu_count() or 1, _MOST_WORKERS)) as workers:
        yield from workers.map(make, stripes)


def spans(length: int, step: int) -> list[tuple[int, int]]:
    """Start and stop of every `step` rows of a picture `length` rows high; the last may be shorter."""
    return [(start, min(start + step, length)) for start in range(0, length, step)]


@dataclass(frozen=True)
class Effort:
    """How hard zlib looks for what comes again."""

    level: int
    strategy: int

    def size(self, pieces: Sequence[Rows]) -> int:
        """The bytes that the pieces take when packed one after another."""
        packer = zlib.compressobj(self.level, zlib.DEFLATED, -15, 9, self.strategy)
        return sum(len(packer.compress(piece.data)) for piece in pieces) + len(packer.flush())


# Differences of neighbours in a photo hold no repetitions but runs of one value, and looking for others takes
# most of the time and makes the file larger. Grey stored as RGB and drawings are another matter.
RUNS = Effort(1, zlib.Z_RLE)
SEARCH = Effort(4, zlib.Z_DEFAULT_STRATEGY)


def effort(pieces: Sequence[Rows]) -> Effort:
    """What suits a picture of which these are samples."""
    return SEARCH if SEARCH.size(pieces) < _WORTH_SEARCHING * RUNS.size(pieces) else RUNS
