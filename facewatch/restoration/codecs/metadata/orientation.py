"""Positions in a picture's metadata, converted for the turned and enlarged copy."""

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
"""The mapping of a point in the unit square for each EXIF orientation; x to the right, y down."""


def turn_area(area: Sequence[float], orientation: int) -> tuple[float, float, float, float]:
    """Map an area of the stored picture to the upright picture.

    area  x and y of its centre, width and height, all as fractions of the picture's sides
    """
    x, y, width, height = area
    sides = (height, width) if orientation >= 5 else (width, height)
    return *_TURNS[orientation](x, y), *sides


def turn_subject(values: Sequence[int], source: SourceOrientation, size: tuple[int, int]) -> list[int] | None:
    """Return EXIF's SubjectArea or SubjectLocation for the copy: a point, a circle or a centred rectangle.

    None if a value does not fit into EXIF's 16 bits.

    values  x, y and optionally a diameter or width and height, in pixels of the stored picture
    size    width and height of the copy
    """
    if source.size is None:
        return list(values)
    across, down = source.size
    wide, high = (values[2], values[-1]) if len(values) > 2 else (0, 0)
    area = turn_area((values[0] / across, values[1] / down, wide / across, high / down), source.orientation)
    turned = [round(fraction * side) for fraction, side in zip(area, (*size, *size), strict=True)]
    kept = turned[: len(values)]
    return kept if all(0 <= value <= 65_535 for value in kept) else None
