"""Named faces in an XMP packet, turned with their picture.

Their positions refer to the stored picture, before EXIF's orientation is applied. Source: Metadata Working
Group, Guidelines for Handling Image Metadata 2.0 (2010), section 5.9; Microsoft, People Tagging Overview.
"""

from __future__ import annotations

from xml.dom import minidom

from facewatch.restoration.codecs.metadata import xml
from facewatch.restoration.codecs.metadata.orientation import turn_area
from facewatch.restoration.codecs.photo import SourceOrientation

REGIONS = "http://www.metadataworkinggroup.com/schemas/regions/"
AREA = "http://ns.adobe.com/xmp/sType/Area#"
DIMENSIONS = "http://ns.adobe.com/xap/1.0/sType/Dimensions#"
MICROSOFT = "http://ns.microsoft.com/photo/1.2/t/Region#"


def turn_regions(document: minidom.Document, source: SourceOrientation, size: tuple[int, int]) -> None:
    """Turn the areas given in fractions of the picture, and set their reference size to the copy's.

    size  width and height of the copy

    Values that are not numbers are left unchanged.
    """
    for element in document.getElementsByTagName("*"):
        if source.orientation != 1:
            _turn_area(document, element, source.orientation)
            _turn_rectangle(document, element, source.orientation)
        if _is_applied_to(element) or _is_applied_to(element.parentNode):
            _scale_dimensions(document, element, source, size)


def _turn_area(document: minidom.Document, element: minidom.Element, orientation: int) -> None:
    properties = _properties(element, AREA)
    names = [name for name in ("x", "y", "w", "h") if name in properties]
    fractions = _floats([xml.text(properties[name]) for name in names])
    unit = xml.text(properties["unit"]) if "unit" in properties else "normalized"
    if names[:2] != ["x", "y"] or len(fractions) not in (2, 4) or unit != "normalized":
        return
    turned = turn_area([*fractions, 0, 0][:4], orientation)  # a point and a circle have no sides
    for name, fraction in zip(names, turned, strict=False):
        xml.set_text(document, properties[name], f"{fraction:.9g}")


def _turn_rectangle(document: minidom.Document, element: minidom.Element, orientation: int) -> None:
    rectangle = _properties(element, MICROSOFT).get("Rectangle")
    fractions = _floats(xml.text(rectangle).split(",")) if rectangle else []
    if rectangle is None or len(fractions) != 4:
        return
    left, top, width, height = fractions
    x, y, wide, high = turn_area((left + width / 2, top + height / 2, width, height), orientation)
    corner = (x - wide / 2, y - high / 2, wide, high)
    xml.set_text(document, rectangle, ", ".join(f"{fraction:.9g}" for fraction in corner))


def _scale_dimensions(
    document: minidom.Document, element: minidom.Element, source: SourceOrientation, size: tuple[int, int]
) -> None:
    properties = _properties(element, DIMENSIONS)
    sides = _floats([xml.text(properties[name]) for name in ("w", "h") if name in properties])
    if len(sides) < 2 or source.size is None:
        return
    # A size that differs from the picture's keeps its ratio to it.
    ratios = [side / own for side, own in zip(sides, source.size, strict=True)]
    if source.orientation >= 5:
        ratios.reverse()
    for name, ratio, side in zip(("w", "h"), ratios, size, strict=True):
        xml.set_text(document, properties[name], f"{ratio * side:.9g}")


def _is_applied_to(node: minidom.Node | None) -> bool:
    return isinstance(node, minidom.Element) and (node.namespaceURI, node.localName) == (
        REGIONS,
        "AppliedToDimensions",
    )


def _properties(element: minidom.Element, space: str) -> dict[str, xml.Property]:
    """Return an element's properties in one namespace, by local name."""
    return {item.localName or "": item for item in xml.properties(element) if item.namespaceURI == space}


def _floats(texts: list[str]) -> list[float]:
    """Return the numbers; an empty list if one of the texts is not a number."""
    try:
        return [float(text) for text in texts]
    except ValueError:
        return []
