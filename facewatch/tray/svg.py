"""The icon as SVG, from the same shapes."""

from __future__ import annotations

from math import cos, radians, sin

from facewatch.tray.icon import UNITS, Arc, Disc, Picture, Shape, shapes


def svg(of: Picture) -> str:
    """One icon as a whole SVG document."""
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
