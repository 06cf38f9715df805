"""Places in a picture that its descriptions speak of, and where they are once it is turned and enlarged."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from facewatch.restoration.codecs.photo import SourceOrientation

Turn = Callable[[float, float], tuple[float, float]]

_TURNS: Mapping[int, Turn] = {
    1: lambda x, y: (x, y),
    2: lambda x, y: (1 - x, y),
    3: lambda x, y: (1 - x, 1 - y),
    4: lambda x, y: (x, 1 - y),
    5: lambda x, y: (y, x),
    6: lambda x, y: (1 - y, x),
    7: lambda x, y: (1 - y, 1 - x),
    8: lambda x, y: (y, 1 - x),
}
"""Where each of EXIF's orientations puts a point of the unit square; x to the right, y down."""


def turned(area: Sequence[float], orientation: int) -> tuple[float, float, float, float]:
    """An area of the picture as its file had it, in the upright picture.

    area  x and y of its middle, width and height, all as shares of the picture's sides
    """
    x, y, width, height = area
    sides = (height, width) if orientation >= 5 else (width, height)
    return *_TURNS[orientation](x, y), *sides


def subject(values: Sequence[int], laid: SourceOrientation, size: tuple[int, int]) -> list[int]:
    """EXIF's SubjectArea or SubjectLocation in the copy: a point, a circle or a rectangle about its middle.

    values  x, y and maybe a diameter or width and height, in pixels of the picture as its file had it
    size    width and height of the copy
    """
    if laid.size is None:
        return list(values)
    across, down = laid.size
    wide, high = (values[2], values[-1]) if len(values) > 2 else (0, 0)
    area = turned((values[0] / across, values[1] / down, wide / across, high / down), laid.orientation)
    moved = [round(share * side) for share, side in zip(area, (*size, *size), strict=True)]
    return [min(65_535, max(0, value)) for value in moved[: len(values)]]
