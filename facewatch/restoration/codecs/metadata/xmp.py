"""XMP packets: read with care, and amended without losing what is there.

minidom rather than ElementTree, since it keeps every prefix without a registry that is global to the process.
"""

from __future__ import annotations

from xml.dom import minidom
from xml.parsers import expat

from facewatch.restoration.codecs.metadata import regions, xml
from facewatch.restoration.codecs.photo import UNTURNED, Provenance, SourceOrientation

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
"""What speaks of a preview, a film or a gain map that the copy does not have; names are beginnings."""

MOST_BYTES = 8_000_000
DEEPEST = 100
_EMPTY = f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="{RDF}"/></x:xmpmeta>'.encode()
# A reader turns breaks in attributes to spaces and CR in text to LF, unless they stand as references. minidom
# writes none before Python 3.13, so that they are marked by halves of surrogates, which no packet can hold.
_MARKED = {ord("\t"): "\ud801", ord("\n"): "\ud802", ord("\r"): "\ud803"}
_REFERENCES = {ord(mark): f"&#{code};" for code, mark in _MARKED.items()}


class _RefusedError(ValueError):
    """The packet could harm the reader."""


def _guard(packet: bytes) -> None:
    """Raises _RefusedError for a packet with a DOCTYPE (entities could explode it), too deep or too long."""
    if len(packet) > MOST_BYTES:
        raise _RefusedError("too long")
    depth = 0

    def doctype(*_: object) -> None:
        raise _RefusedError("a DOCTYPE")

    def start(*_: object) -> None:
        nonlocal depth
        depth += 1
        if depth > DEEPEST:
            raise _RefusedError("too deep")

    def end(_: str) -> None:
        nonlocal depth
        depth -= 1

    parser = expat.ParserCreate(namespace_separator=" ")
    parser.StartDoctypeDeclHandler, parser.StartElementHandler, parser.EndElementHandler = doctype, start, end
    parser.Parse(packet, True)


def _parsed(packet: bytes | None) -> minidom.Document | None:
    """The packet's document; None where there is none that can be read."""
    if not packet:
        return None
    try:
        _guard(packet.rstrip(b"\0 \t\r\n"))
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


def _properties(document: minidom.Document) -> list[tuple[minidom.Element, xml.Item]]:
    """Every top-level property with the description it stands in."""
    return [(owner, item) for owner in _descriptions(document) for item in xml.items(owner)]


def orientation(packet: bytes | None) -> int | None:
    """tiff:Orientation, 1-8; None where it says nothing."""
    document = _parsed(packet)
    for _, item in _properties(document) if document else ():
        if (item.namespaceURI, item.localName) == (TIFF, "Orientation") and xml.text(item) in set("12345678"):
            return int(xml.text(item))
    return None


def ours(packet: bytes | None) -> bool:
    """The packet holds our own properties."""
    document = _parsed(packet)
    return document is not None and any(item.namespaceURI == FACEWATCH for _, item in _properties(document))


def restored(
    packet: bytes | None, provenance: Provenance, size: tuple[int, int], laid: SourceOrientation = UNTURNED
) -> bytes:
    """The packet of a restored, upright copy: all that was there, our provenance, right size and orientation.

    Named faces are turned with the picture. A packet that cannot be read is replaced by a new one.

    size  width and height of the restored picture
    """
    document = _parsed(packet) or minidom.parseString(_EMPTY)  # noqa: S318 - our own text
    width, height = (str(side) for side in size)
    right = {
        (TIFF, "Orientation"): "1",
        (TIFF, "ImageWidth"): width,
        (TIFF, "ImageLength"): height,
        (EXIF, "PixelXDimension"): width,
        (EXIF, "PixelYDimension"): height,
    }
    for owner, item in _properties(document):
        name = (item.namespaceURI or "", item.localName or "")
        if name in right:
            xml.say(document, item, right[name])
        elif _goes(name):
            xml.remove(owner, item)
    regions.turn(document, laid, size)
    _add_provenance(document, provenance)
    return _packet(document)


def joined(packet: bytes, extension: bytes) -> bytes:
    """A JPEG's packet with what stood in its further segments, unless these cannot be read."""
    document, further = _parsed(packet), _parsed(extension)
    if document is None or further is None:
        return packet
    root = document.getElementsByTagNameNS(RDF, "RDF")[0]
    for description in _descriptions(further):
        for name, space in _bound(description).items():
            description.setAttribute(name, space)
        root.appendChild(document.importNode(description, deep=True))
    return _packet(document)


def head(packet: bytes, note: str) -> bytes:
    """Of a restored packet only the provenance, and the note that names the segments with all of it."""
    document = _parsed(packet) or minidom.parseString(_EMPTY)  # noqa: S318 - our own text
    for description in _descriptions(document):
        if not description.hasAttributeNS(FACEWATCH, "model"):
            document.getElementsByTagNameNS(RDF, "RDF")[0].removeChild(description)
            continue
        description.setAttribute("xmlns:xmpNote", NOTE)
        description.setAttributeNS(NOTE, "xmpNote:HasExtendedXMP", note)
    return _packet(document)


def _bound(element: minidom.Element) -> dict[str, str]:
    """The prefixes that are declared around an element, as attributes that declare them."""
    found: dict[str, str] = {}
    above = element.parentNode
    while isinstance(above, minidom.Element):
        for name, value in above.attributes.items():
            if name == "xmlns" or name.startswith("xmlns:"):
                found.setdefault(name, value)
        above = above.parentNode
    return {name: value for name, value in found.items() if not element.hasAttribute(name)}


def _packet(document: minidom.Document) -> bytes:
    root = next(node for node in document.childNodes if isinstance(node, minidom.Element))
    for element in (root, *root.getElementsByTagName("*")):
        for attribute in element.attributes.values():
            attribute.value = attribute.value.translate(_MARKED)
        for node in element.childNodes:
            if isinstance(node, minidom.Text):
                node.data = node.data.replace("\r", _MARKED[ord("\r")])
    begin = b'<?xpacket begin="\xef\xbb\xbf" id="W5M0MpCehiHzreSzNTczkc9d"?>\n'
    body = root.toxml().translate(_REFERENCES).encode("utf-8", "xmlcharrefreplace")
    return begin + body + b'\n<?xpacket end="w"?>'


def _goes(name: tuple[str, str]) -> bool:
    gone = ((IPTC, "DigitalSourceType"), (NOTE, "HasExtendedXMP"))
    if name[0] in (FACEWATCH, *STALE_NAMESPACES) or name in gone:
        return True
    return any(name[0] == space and name[1].startswith(start) for space, start in STALE)


def _add_provenance(document: minidom.Document, provenance: Provenance) -> None:
    # All descriptions of a packet have to be about the same thing.
    about = next((found.getAttributeNS(RDF, "about") for found in _descriptions(document)), "")
    added = document.createElementNS(RDF, "rdf:Description")
    for prefix, space in (("rdf", RDF), ("Iptc4xmpExt", IPTC), ("facewatch", FACEWATCH)):
        added.setAttribute(f"xmlns:{prefix}", space)
    added.setAttributeNS(RDF, "rdf:about", about)
    said = {
        "version": provenance.version,
        "model": provenance.model,
        "weight": f"{provenance.weight:g}",
        "source": provenance.source,  # found again by faces.provenance
        "recipe": provenance.recipe,
    }
    for name, value in said.items():
        if value:
            added.setAttributeNS(FACEWATCH, f"facewatch:{name}", value)
    added.setAttributeNS(IPTC, "Iptc4xmpExt:DigitalSourceType", provenance.source_type)
    document.getElementsByTagNameNS(RDF, "RDF")[0].appendChild(added)
