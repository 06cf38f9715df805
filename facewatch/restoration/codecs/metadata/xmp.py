"""XMP packets: read, and changed without losing what they hold."""

from __future__ import annotations

from collections.abc import Sequence
from xml.dom import minidom

from facewatch.restoration.codecs.jpeg_tail import TailPart
from facewatch.restoration.codecs.metadata import regions, xml
from facewatch.restoration.codecs.metadata.faces import faces_description
from facewatch.restoration.codecs.metadata.xmp_parser import RDF, parse
from facewatch.restoration.codecs.photo import UPRIGHT, Provenance, SourceOrientation

TIFF = "http://ns.adobe.com/tiff/1.0/"
EXIF = "http://ns.adobe.com/exif/1.0/"
XMP = "http://ns.adobe.com/xap/1.0/"
NOTE = "http://ns.adobe.com/xmp/note/"
IPTC = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
FACEWATCH = "urn:facewatch:provenance:1.0/"
CAMERA = "http://ns.google.com/photos/1.0/camera/"
CONTAINER = "http://ns.google.com/photos/1.0/container/"
ITEM = "http://ns.google.com/photos/1.0/container/item/"
GAIN_MAP = "http://ns.adobe.com/hdr-gain-map/1.0/"

STALE = ((XMP, "Thumbnails"),)
TAIL = ((CAMERA, "MicroVideo"), (CAMERA, "MotionPhoto"))
TAIL_NAMESPACES = (CONTAINER, GAIN_MAP)
"""Properties of a preview, and of a film or a gain map behind the picture; the names are prefixes."""

_EMPTY = f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="{RDF}"/></x:xmpmeta>'.encode()
# A reader turns line breaks in attributes to spaces and CR in text to LF, unless they are written as
# references. minidom writes none before Python 3.13, so lone surrogates, which no packet can hold, mark them.
_MARKERS = {ord("\t"): "\ud801", ord("\n"): "\ud802", ord("\r"): "\ud803"}
_REFERENCES = {ord(mark): f"&#{code};" for code, mark in _MARKERS.items()}


def descriptions(document: minidom.Document) -> list[minidom.Element]:
    """Return the elements that hold the properties."""
    root = document.getElementsByTagNameNS(RDF, "RDF")[0]
    return [
        child
        for child in root.childNodes
        if isinstance(child, minidom.Element)
        and (child.namespaceURI, child.localName) == (RDF, "Description")
    ]


def properties(document: minidom.Document) -> list[tuple[minidom.Element, xml.Property]]:
    """Return every top-level property with the description that holds it."""
    return [(owner, item) for owner in descriptions(document) for item in xml.properties(owner)]


def orientation(packet: bytes | None) -> int | None:
    """Return tiff:Orientation, 1-8; None if it is missing."""
    document = parse(packet)
    for _, item in properties(document) if document else ():
        if (item.namespaceURI, item.localName) == (TIFF, "Orientation") and xml.text(item) in set("12345678"):
            return int(xml.text(item))
    return None


def made_by_facewatch(packet: bytes | None) -> bool:
    """Return whether the packet holds facewatch's properties."""
    document = parse(packet)
    return document is not None and any(item.namespaceURI == FACEWATCH for _, item in properties(document))


def names_tail(packet: bytes | None) -> bool:
    """Return whether the packet has properties of a film or a gain map beside the picture."""
    document = parse(packet)
    names = (
        [(item.namespaceURI or "", item.localName or "") for _, item in properties(document)]
        if document
        else []
    )
    return any(_is_of_tail(name) for name in names)


def restored(
    packet: bytes | None,
    provenance: Provenance,
    size: tuple[int, int],
    source: SourceOrientation = UPRIGHT,
    *,
    tail: Sequence[TailPart] = (),
) -> bytes:
    """Return the packet for a restored, upright copy, with the provenance and the new size and orientation.

    Named faces are turned with the picture; other properties are kept.

    packet  one that `xmp_parser.parse` can read, or None

    size    width and height of the restored picture
    source  the picture's orientation and size in the original file
    tail    the film and the pictures that the copy keeps behind its own
    """
    document = parse(packet) or minidom.parseString(_EMPTY)  # noqa: S318 - facewatch's own text
    width, height = (str(side) for side in size)
    updated = {
        (TIFF, "Orientation"): "1",
        (TIFF, "ImageWidth"): width,
        (TIFF, "ImageLength"): height,
        (EXIF, "PixelXDimension"): width,
        (EXIF, "PixelYDimension"): height,
    }
    for owner, item in properties(document):
        name = (item.namespaceURI or "", item.localName or "")
        if name in updated:
            xml.set_text(document, item, updated[name])
        elif _is_stale(name, has_tail=bool(tail)):
            xml.remove(owner, item)
    _set_lengths(document, tail)
    regions.turn_regions(document, source, size)
    _add_provenance(document, provenance)
    return serialize(document)


def standard_packet(packet: bytes, digest: str) -> bytes:
    """Return a short packet: the provenance of a restored one, and the digest of its extended XMP."""
    document = parse(packet) or minidom.parseString(_EMPTY)  # noqa: S318 - facewatch's own text
    for description in descriptions(document):
        if not description.hasAttributeNS(FACEWATCH, "model"):
            document.getElementsByTagNameNS(RDF, "RDF")[0].removeChild(description)
            continue
        description.setAttribute("xmlns:xmpNote", NOTE)
        description.setAttributeNS(NOTE, "xmpNote:HasExtendedXMP", digest)
    return serialize(document)


def inherited_namespaces(element: minidom.Element) -> dict[str, str]:
    """Return the namespace declarations that an element inherits, as attributes."""
    found: dict[str, str] = {}
    ancestor = element.parentNode
    while isinstance(ancestor, minidom.Element):
        for name, value in ancestor.attributes.items():
            if name == "xmlns" or name.startswith("xmlns:"):
                found.setdefault(name, value)
        ancestor = ancestor.parentNode
    return {name: value for name, value in found.items() if not element.hasAttribute(name)}


def serialize(document: minidom.Document) -> bytes:
    """Return the document as a packet."""
    root = next(node for node in document.childNodes if isinstance(node, minidom.Element))
    for element in (root, *root.getElementsByTagName("*")):
        for attribute in element.attributes.values():
            attribute.value = attribute.value.translate(_MARKERS)
        for node in element.childNodes:
            if isinstance(node, minidom.Text):
                node.data = node.data.replace("\r", _MARKERS[ord("\r")])
    begin = b'<?xpacket begin="\xef\xbb\xbf" id="W5M0MpCehiHzreSzNTczkc9d"?>\n'
    body = root.toxml().translate(_REFERENCES).encode("utf-8", "xmlcharrefreplace")
    return begin + body + b'\n<?xpacket end="w"?>'


def _is_stale(name: tuple[str, str], *, has_tail: bool) -> bool:
    replaced = ((IPTC, "DigitalSourceType"), (NOTE, "HasExtendedXMP"))
    if name[0] == FACEWATCH or name in replaced or (not has_tail and _is_of_tail(name)):
        return True
    return any(name[0] == space and name[1].startswith(start) for space, start in STALE)


def _is_of_tail(name: tuple[str, str]) -> bool:
    return name[0] in TAIL_NAMESPACES or any(
        name[0] == space and name[1].startswith(start) for space, start in TAIL
    )


def _set_lengths(document: minidom.Document, tail: Sequence[TailPart]) -> None:
    """Set the length of the gain map in the directory of the parts behind the picture."""
    lengths = [len(part.data) for part in tail if part.kind == "gain map"]
    for element in document.getElementsByTagName("*"):
        items = {item.localName: item for item in xml.properties(element) if item.namespaceURI == ITEM}
        if lengths and "Length" in items and "Semantic" in items and xml.text(items["Semantic"]) == "GainMap":
            xml.set_text(document, items["Length"], str(lengths[0]))


def _add_provenance(document: minidom.Document, provenance: Provenance) -> None:
    # All descriptions of a packet must have the same subject.
    about = next((found.getAttributeNS(RDF, "about") for found in descriptions(document)), "")
    added = document.createElementNS(RDF, "rdf:Description")
    for prefix, space in (("rdf", RDF), ("Iptc4xmpExt", IPTC), ("facewatch", FACEWATCH)):
        added.setAttribute(f"xmlns:{prefix}", space)
    added.setAttributeNS(RDF, "rdf:about", about)
    values = {
        "version": provenance.version,
        "model": provenance.model,
        "weight": f"{provenance.weight:g}",
        "source": provenance.source,  # metadata.provenance searches for it
        "recipe": provenance.recipe,
    }
    for name, value in values.items():
        if value:
            added.setAttributeNS(FACEWATCH, f"facewatch:{name}", value)
    added.setAttributeNS(IPTC, "Iptc4xmpExt:DigitalSourceType", provenance.source_type)
    packet = document.getElementsByTagNameNS(RDF, "RDF")[0]
    packet.appendChild(added)
    if provenance.faces:  # apart from the others, which a JPEG keeps together in its first segment
        packet.appendChild(faces_description(document, FACEWATCH, about, provenance.faces))
