"""XMP packets: parsed safely, and changed without losing what they hold.

minidom rather than ElementTree, since it keeps every prefix without a process-wide registry.
"""

from __future__ import annotations

from xml.dom import minidom
from xml.parsers import expat

from facewatch.restoration.codecs.metadata import regions, xml
from facewatch.restoration.codecs.photo import UPRIGHT, Provenance, SourceOrientation

RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
TIFF = "http://ns.adobe.com/tiff/1.0/"
EXIF = "http://ns.adobe.com/exif/1.0/"
XMP = "http://ns.adobe.com/xap/1.0/"
NOTE = "http://ns.adobe.com/xmp/note/"
IPTC = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
FACEWATCH = "urn:facewatch:provenance:1.0/"
CAMERA = "http://ns.google.com/photos/1.0/camera/"
CONTAINER = "http://ns.google.com/photos/1.0/container/"
GAIN_MAP = "http://ns.adobe.com/hdr-gain-map/1.0/"

STALE = ((XMP, "Thumbnails"), (CAMERA, "MicroVideo"), (CAMERA, "MotionPhoto"))
STALE_NAMESPACES = (CONTAINER, GAIN_MAP)
"""Properties of a preview, a film or a gain map, which the copy does not have; the names are prefixes."""

MAX_BYTES = 8_000_000
MAX_DEPTH = 100
_EMPTY = f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="{RDF}"/></x:xmpmeta>'.encode()
# A reader turns line breaks in attributes to spaces and CR in text to LF, unless they are written as
# references. minidom writes none before Python 3.13, so lone surrogates, which no packet can hold, mark them.
_MARKERS = {ord("\t"): "\ud801", ord("\n"): "\ud802", ord("\r"): "\ud803"}
_REFERENCES = {ord(mark): f"&#{code};" for code, mark in _MARKERS.items()}


class _UnsafePacketError(ValueError):
    """The packet could harm the reader."""


def _check_safe(packet: bytes) -> None:
    """Raise _UnsafePacketError if a packet is too long or deep, or has a DOCTYPE (entities could explode)."""
    if len(packet) > MAX_BYTES:
        raise _UnsafePacketError("too long")
    depth = 0

    def doctype(*_: object) -> None:
        raise _UnsafePacketError("a DOCTYPE")

    def start(*_: object) -> None:
        nonlocal depth
        depth += 1
        if depth > MAX_DEPTH:
            raise _UnsafePacketError("too deep")

    def end(_: str) -> None:
        nonlocal depth
        depth -= 1

    parser = expat.ParserCreate(namespace_separator=" ")
    parser.StartDoctypeDeclHandler, parser.StartElementHandler, parser.EndElementHandler = doctype, start, end
    parser.Parse(packet, True)


def _parse(packet: bytes | None) -> minidom.Document | None:
    """Return the packet's document; None if it cannot be parsed."""
    if not packet:
        return None
    try:
        _check_safe(packet.rstrip(b"\0 \t\r\n"))
        document = minidom.parseString(packet.rstrip(b"\0 \t\r\n"))  # noqa: S318 - guarded above
    except (expat.ExpatError, ValueError, LookupError):
        return None
    return document if document.getElementsByTagNameNS(RDF, "RDF") else None


def _descriptions(document: minidom.Document) -> list[minidom.Element]:
    root = document.getElementsByTagNameNS(RDF, "RDF")[0]
    return [
        child
        for child in root.childNodes
        if isinstance(child, minidom.Element)
        and (child.namespaceURI, child.localName) == (RDF, "Description")
    ]


def _properties(document: minidom.Document) -> list[tuple[minidom.Element, xml.Property]]:
    """Return every top-level property with the description that holds it."""
    return [(owner, item) for owner in _descriptions(document) for item in xml.properties(owner)]


def orientation(packet: bytes | None) -> int | None:
    """Return tiff:Orientation, 1-8; None if it is missing."""
    document = _parse(packet)
    for _, item in _properties(document) if document else ():
        if (item.namespaceURI, item.localName) == (TIFF, "Orientation") and xml.text(item) in set("12345678"):
            return int(xml.text(item))
    return None


def made_by_facewatch(packet: bytes | None) -> bool:
    """Return whether the packet holds facewatch's properties."""
    document = _parse(packet)
    return document is not None and any(item.namespaceURI == FACEWATCH for _, item in _properties(document))


def restored(
    packet: bytes | None, provenance: Provenance, size: tuple[int, int], source: SourceOrientation = UPRIGHT
) -> bytes:
    """Return the packet for a restored, upright copy, with the provenance and the new size and orientation.

    Named faces are turned with the picture; other properties are kept. A packet that cannot be parsed is
    replaced by a new one.

    size    width and height of the restored picture
    source  the picture's orientation and size in the original file
    """
    document = _parse(packet) or minidom.parseString(_EMPTY)  # noqa: S318 - facewatch's own text
    width, height = (str(side) for side in size)
    updated = {
        (TIFF, "Orientation"): "1",
        (TIFF, "ImageWidth"): width,
        (TIFF, "ImageLength"): height,
        (EXIF, "PixelXDimension"): width,
        (EXIF, "PixelYDimension"): height,
    }
    for owner, item in _properties(document):
        name = (item.namespaceURI or "", item.localName or "")
        if name in updated:
            xml.set_text(document, item, updated[name])
        elif _is_stale(name):
            xml.remove(owner, item)
    regions.turn_regions(document, source, size)
    _add_provenance(document, provenance)
    return _serialize(document)


def merge_extension(packet: bytes, extension: bytes) -> bytes:
    """Return a JPEG's packet merged with its extended XMP, or unchanged if either cannot be parsed."""
    document, extended = _parse(packet), _parse(extension)
    if document is None or extended is None:
        return packet
    root = document.getElementsByTagNameNS(RDF, "RDF")[0]
    for description in _descriptions(extended):
        for name, space in _inherited_namespaces(description).items():
            description.setAttribute(name, space)
        root.appendChild(document.importNode(description, deep=True))
    return _serialize(document)


def standard_packet(packet: bytes, digest: str) -> bytes:
    """Return a short packet: the provenance of a restored one, and the digest of its extended XMP."""
    document = _parse(packet) or minidom.parseString(_EMPTY)  # noqa: S318 - facewatch's own text
    for description in _descriptions(document):
        if not description.hasAttributeNS(FACEWATCH, "model"):
            document.getElementsByTagNameNS(RDF, "RDF")[0].removeChild(description)
            continue
        description.setAttribute("xmlns:xmpNote", NOTE)
        description.setAttributeNS(NOTE, "xmpNote:HasExtendedXMP", digest)
    return _serialize(document)


def _inherited_namespaces(element: minidom.Element) -> dict[str, str]:
    """Return the namespace declarations that an element inherits, as attributes."""
    found: dict[str, str] = {}
    ancestor = element.parentNode
    while isinstance(ancestor, minidom.Element):
        for name, value in ancestor.attributes.items():
            if name == "xmlns" or name.startswith("xmlns:"):
                found.setdefault(name, value)
        ancestor = ancestor.parentNode
    return {name: value for name, value in found.items() if not element.hasAttribute(name)}


def _serialize(document: minidom.Document) -> bytes:
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


def _is_stale(name: tuple[str, str]) -> bool:
    replaced = ((IPTC, "DigitalSourceType"), (NOTE, "HasExtendedXMP"))
    if name[0] in (FACEWATCH, *STALE_NAMESPACES) or name in replaced:
        return True
    return any(name[0] == space and name[1].startswith(start) for space, start in STALE)


def _add_provenance(document: minidom.Document, provenance: Provenance) -> None:
    # All descriptions of a packet must have the same subject.
    about = next((found.getAttributeNS(RDF, "about") for found in _descriptions(document)), "")
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
    document.getElementsByTagNameNS(RDF, "RDF")[0].appendChild(added)
