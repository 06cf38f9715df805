"""The icon, drawn by code: a face in a frame, with a shape and a colour of its own for each mood.

Every shape has a dark rim and a light fill or stroke beside it, so that it is visible on light and on dark
panels, and without its colour.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, radians, sin
from typing import Literal

from PIL import Image, ImageDraw

from facewatch.state.status import Mood

Look = Literal["idle", "working", "paused", "attention", "offline"]
LOOKS: dict[Mood, Look] = {
    "idle": "idle",
    "working": "working",
    "paused": "paused",
    "attention": "attention",
    "stopped": "offline",
}
STEPS = 8  # of the progress ring
UNITS = 64  # side of the drawing
OVERSAMPLING = 4  # drawn so many times larger, then shrunk for smooth edges

INK = "#10222e"
PAPER = "#ffffff"
FAILED = "#d7263d"
FILLS: dict[Look, str] = {
    "idle": "#2aa198",
    "working": "#2f7fe0",
    "paused": "#8a8f98",
    "attention": "#f2a516",
    "offline": "#ffffff",
}


@dataclass(frozen=True)
class Disc:
    """A filled circle, in units."""

    x: float
    y: float
    radius: float
    fill: str


@dataclass(frozen=True)
class Path:
    """A filled polygon, or an open line of some width with round corners."""

    points: tuple[tuple[float, float], ...]
    fill: str
    width: float = 0.0  # 0: filled


@dataclass(frozen=True)
class Arc:
    """A circular arc, clockwise, in degrees from three o'clock."""

    x: float
    y: float
    radius: float
    start: float
    end: float
    fill: str
    width: float


Shape = Disc | Path | Arc


@dataclass(frozen=True)
class Picture:
    """One icon: its look and its progress."""

    look: Look
    step: int = 0  # 0-STEPS, if working
    failed: bool = False  # with a mark: photos have failed

    @property
    def name(self) -> str:
        """The icon's file name, without a suffix."""
        name = f"{self.look}-{self.step}" if self.look == "working" else self.look
        return f"{name}-failed" if self.failed else name


def picture(mood: Mood, done: int | None, total: int | None, *, failed: bool = False) -> Picture:
    """Return the icon for a mood and a progress of `done` out of `total` (None: unknown)."""
    look = LOOKS[mood]
    if look != "working" or not total:
        return Picture(look, failed=failed)
    return Picture(look, max(0, min(STEPS, STEPS * (done or 0) // total)), failed)


def draw(of: Picture, side_px: int = UNITS) -> Image.Image:
    """Draw the icon as a (side, side) RGBA image."""
    scale = OVERSAMPLING * side_px / UNITS
    image = Image.new("RGBA", (OVERSAMPLING * side_px, OVERSAMPLING * side_px))
    pen = ImageDraw.Draw(image)
    for shape in shapes(of):
        _paint(pen, shape, scale)
    return image.resize((side_px, side_px), Image.Resampling.LANCZOS)


def shapes(of: Picture) -> tuple[Shape, ...]:
    """Return the icon's shapes from back to front, in units of a 64 by 64 square, y down."""
    return (*_look(of), *_mark()) if of.failed else _look(of)


def _look(of: Picture) -> tuple[Shape, ...]:
    if of.look == "attention":
        return _triangle()
    fill = FILLS[of.look]
    rim = (Disc(32, 32, 31, INK), Disc(32, 32, 28, PAPER), Disc(32, 32, 25.5, fill))
    if of.look == "paused":
        return (*rim, Path(((24, 18), (24, 46)), PAPER, 9), Path(((40, 18), (40, 46)), PAPER, 9))
    if of.look == "offline":
        return (*rim, *_face(INK), Path(((12, 52), (52, 12)), PAPER, 12), Path(((12, 52), (52, 12)), INK, 7))
    if of.look == "working":
        return _ring(of.step)
    return (*rim, *_face(PAPER))


def _mark() -> tuple[Shape, ...]:
    """Return the red mark of failed photos: a badge with an exclamation mark."""
    badge = (Disc(48, 48, 16, PAPER), Disc(48, 48, 13.5, FAILED))
    return (*badge, Path(((48, 40), (48, 48)), PAPER, 4.5), Disc(48, 55, 2.6, PAPER))


def _face(ink: str) -> tuple[Shape, ...]:
    return (Disc(23, 26, 4.2, ink), Disc(41, 26, 4.2, ink), Arc(32, 32, 14, 25, 155, ink, 5))


def _ring(step: int) -> tuple[Shape, ...]:
    back = (Disc(32, 32, 31, INK), Disc(32, 32, 29, PAPER))
    done = (Arc(32, 32, 24.5, -90, -90 + 360 * step / STEPS, FILLS["working"], 9),) if step else ()
    inner = (Disc(32, 32, 18.5, INK), Disc(25.5, 28, 3.4, PAPER), Disc(38.5, 28, 3.4, PAPER))
    return (*back, *done, *inner, Arc(32, 31, 10, 25, 155, PAPER, 3.6))


def _triangle() -> tuple[Shape, ...]:
    def corners(inset: float) -> tuple[tuple[float, float], ...]:
        return (32, 3 + 2 * inset), (62 - 1.7 * inset, 59 - inset), (2 + 1.7 * inset, 59 - inset)

    return (
        Path(corners(0), INK),
        Path(corners(3), PAPER),
        Path(corners(5.5), FILLS["attention"]),
        Path(((32, 25), (32, 40)), INK, 7),
        Disc(32, 49, 3.9, INK),
    )


def _paint(pen: ImageDraw.ImageDraw, shape: Shape, scale: float) -> None:
    if isinstance(shape, Disc):
        pen.ellipse(_box(shape.x, shape.y, shape.radius, scale), fill=shape.fill)
    elif isinstance(shape, Arc):
        outer = _box(shape.x, shape.y, shape.radius + shape.width / 2, scale)
        pen.arc(outer, shape.start, shape.end, fill=shape.fill, width=round(shape.width * scale))
    elif shape.width:
        points = [(x * scale, y * scale) for x, y in shape.points]
        pen.line(points, fill=shape.fill, width=round(shape.width * scale))
        for x, y in shape.points:
            pen.ellipse(_box(x, y, shape.width / 2, scale), fill=shape.fill)
    else:
        pen.polygon([(x * scale, y * scale) for x, y in shape.points], fill=shape.fill)


def _box(x: float, y: float, radius: float, scale: float) -> tuple[float, float, float, float]:
    return (x - radius) * scale, (y - radius) * scale, (x + radius) * scale, (y + radius) * scale


def svg(of: Picture) -> str:
    """Return the icon as an SVG document."""
    inner = "\n".join(f"  {_element(shape)}" for shape in shapes(of))
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {UNITS} {UNITS}">'
    return f"{head}\n{inner}\n</svg>\n"


def _element(shape: Shape) -> str:
    if isinstance(shape, Disc):
        return f'<circle cx="{shape.x:g}" cy="{shape.y:g}" r="{shape.radius:g}" fill="{shape.fill}"/>'
    if isinstance(shape, Arc):
        return _arc(shape)
    points = " ".join(f"{x:g},{y:g}" for x, y in shape.points)
    if not shape.width:
        return f'<polygon points="{points}" fill="{shape.fill}"/>'
    return (
        f'<polyline points="{points}" fill="none" stroke="{shape.fill}" '
        f'stroke-width="{shape.width:g}" stroke-linecap="round"/>'
    )


def _arc(arc: Arc) -> str:
    if arc.end - arc.start >= 360:
        return (
            f'<circle cx="{arc.x:g}" cy="{arc.y:g}" r="{arc.radius:g}" fill="none" '
            f'stroke="{arc.fill}" stroke-width="{arc.width:g}"/>'
        )
    ends = [
        f"{arc.x + arc.radius * cos(radians(angle)):.3f} {arc.y + arc.radius * sin(radians(angle)):.3f}"
        for angle in (arc.start, arc.end)
    ]
    large = int(arc.end - arc.start > 180)
    return (
        f'<path d="M {ends[0]} A {arc.radius:g} {arc.radius:g} 0 {large} 1 {ends[1]}" fill="none" '
        f'stroke="{arc.fill}" stroke-width="{arc.width:g}"/>'
    )
