"""Named faces in an XMP packet, turned with their picture.

Their places are those of the picture as its file has it, before EXIF's orientation. Source: Metadata Working
Group, Guidelines for Handling Image Metadata 2.0 (2010), section 5.9; Microsoft, People Tagging Overview.
"""

from __future__ import annotations

from xml.dom import minidom

from facewatch.restoration.codecs.metadata import orientation as places
from facewatch.restoration.codecs.metadata import xml
from facewatch.restoration.codecs.photo import SourceOrientation

REGIONS = "http://www.metadataworkinggroup.com/schemas/regions/"
AREA = "http://ns.adobe.com/xmp/sType/Area#"
DIMENSIONS = "http://ns.adobe.com/xap/1.0/sType/Dimensions#"
MICROSOFT = "http://ns.microsoft.com/photo/1.2/t/Region#"


def turn(document: minidom.Document, laid: SourceOrientation, size: tuple[int, int]) -> None:
    """Turn the areas in shares of the picture, and make the size that they speak of the copy's.

    size  width and height of the copy

    What is no number stays as it is.
    """
    for element in document.getElementsByTagName("*"):
        if laid.orientation != 1:
            _turn_area(document, element, laid.orientation)
            _turn_rectangle(document, element, laid.orientation)
        if _is_applied_to(element) or _is_applied_to(element.parentNode):
            _fit(document, element, laid, size)


def _turn_area(document: minidom.Document, element: minidom.Element, orientation: int) -> None:
    said = _said(element, AREA)
    names = [name for name in ("x", "y", "w", "h") if name in said]
    shares = _numbers([xml.text(said[name]) for name in names])
    unit = xml.text(said["unit"]) if "unit" in said else "normalized"
    if names[:2] != ["x", "y"] or len(shares) not in (2, 4) or unit != "normalized":
        return
    moved = places.turned([*shares, 0, 0][:4], orientation)  # a point and a circle have no sides
    for name, share in zip(names, moved, strict=False):
        xml.say(document, said[name], f"{share:.9g}")


def _turn_rectangle(document: minidom.Document, element: minidom.Element, orientation: int) -> None:
    rectangle = _said(element, MICROSOFT).get("Rectangle")
    shares = _numbers(xml.text(rectangle).split(",")) if rectangle else []
    if rectangle is None or len(shares) != 4:
        return
    left, top, width, height = shares
    x, y, wide, high = places.turned((left + width / 2, top + height / 2, width, height), orientation)
    corner = (x - wide / 2, y - high / 2, wide, high)
    xml.say(document, rectangle, ", ".join(f"{share:.9g}" for share in corner))


def _fit(
    document: minidom.Document, element: minidom.Element, laid: SourceOrientation, size: tuple[int, int]
) -> None:
    said = _said(element, DIMENSIONS)
    sides = _numbers([xml.text(said[name]) for name in ("w", "h") if name in said])
    if len(sides) < 2 or laid.size is None:
        return
    # A size that was not the picture's own keeps its ratio to it.
    ratios = [side / own for side, own in zip(sides, laid.size, strict=True)]
    if laid.orientation >= 5:
        ratios.reverse()
    for name, ratio, side in zip(("w", "h"), ratios, size, strict=True):
        xml.say(document, said[name], f"{ratio * side:.9g}")


def _is_applied_to(node: minidom.Node | None) -> bool:
    return isinstance(node, minidom.Element) and (node.namespaceURI, node.localName) == (
        REGIONS,
        "AppliedToDimensions",
    )


def _said(element: minidom.Element, space: str) -> dict[str, xml.Item]:
    """What an element says in one namespace, by local name."""
    return {item.localName or "": item for item in xml.items(element) if item.namespaceURI == space}


def _numbers(words: list[str]) -> list[float]:
    """The numbers; none where one of the words is none."""
    try:
        return [float(word) for word in words]
    except ValueError:
        return []
