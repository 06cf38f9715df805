"""Parallel work on stripes of a picture, and Deflate settings: zlib and OpenCV release the GIL."""

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

_SEARCH_RATIO = 0.9  # of the RLE size; above it the search is not worth its time
_MAX_WORKERS = 8  # with more, joining the results takes as long as the work

Item = TypeVar("Item")
Result = TypeVar("Result")


def map_ordered(function: Callable[[Item], Result], items: Sequence[Item]) -> Iterator[Result]:
    """Yield the function's result for each item, in order; no result is kept after it is yielded.

    Raises whatever the function raises.
    """
    if len(items) == 1:
        yield function(items[0])
        return
    with ThreadPoolExecutor(min(len(items), os.cpu_count() or 1, _MAX_WORKERS)) as workers:
        yield from workers.map(function, items)


def row_spans(length: int, step: int) -> list[tuple[int, int]]:
    """Return start and stop of every `step` of `length` rows; the last span may be shorter."""
    return [(start, min(start + step, length)) for start in range(0, length, step)]


@dataclass(frozen=True)
class Deflate:
    """The zlib settings that decide how thoroughly it searches for repetitions."""

    level: int
    strategy: int

    def compressed_bytes(self, pieces: Sequence[Rows]) -> int:
        """Return the size of the pieces compressed one after another."""
        packer = zlib.compressobj(self.level, zlib.DEFLATED, -15, 9, self.strategy)
        return sum(len(packer.compress(piece.data)) for piece in pieces) + len(packer.flush())


# Differences of neighbours in a photo repeat only as runs of one value; searching for other repetitions takes
# most of the time and makes the file larger. It pays for drawings and for grey stored as RGB.
RLE = Deflate(1, zlib.Z_RLE)
SEARCH = Deflate(4, zlib.Z_DEFAULT_STRATEGY)


def choose_deflate(pieces: Sequence[Rows]) -> Deflate:
    """Return the settings that suit the picture from which these pieces are sampled."""
    return SEARCH if SEARCH.compressed_bytes(pieces) < _SEARCH_RATIO * RLE.compressed_bytes(pieces) else RLE
