"""A safe and lenient parser for XMP packets: cameras and scanners write many that are not quite valid.

minidom rather than ElementTree, since it keeps every prefix without a process-wide registry.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from xml.dom import minidom
from xml.parsers import expat

RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
MAX_BYTES = 8_000_000
MAX_DEPTH = 100
MAX_ROOTS = 16

_ROOT = re.compile(rb"<((?:[\w.-]+:)?(?:xmpmeta|xapmeta|RDF))[\s>].*?</\1\s*>", re.DOTALL)
_PREFIX = re.compile(r"(?:</?|\s)([A-Za-z_][\w.-]*):[A-Za-z_][\w.-]*(?=[\s=/>])")
_ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]")
_ELEMENT = re.compile(rb"<[A-Za-z][\w.-]*:[\w.-]+[\s/>]")
_STARTS = {b"<\0\0\0": "utf-32-le", b"\0\0\0<": "utf-32-be", b"<\0": "utf-16-le", b"\0<": "utf-16-be"}
_PADDING = re.compile(rb"\s*(<\?xpacket[^>]*(\?>|$))?[\s\0]*")
_NAMESPACES = {
    "rdf": RDF,
    "x": "adobe:ns:meta/",
    "xmp": "http://ns.adobe.com/xap/1.0/",
    "xap": "http://ns.adobe.com/xap/1.0/",
    "dc": "http://purl.org/dc/elements/1.1/",
    "tiff": "http://ns.adobe.com/tiff/1.0/",
    "exif": "http://ns.adobe.com/exif/1.0/",
    "photoshop": "http://ns.adobe.com/photoshop/1.0/",
    "xmpMM": "http://ns.adobe.com/xap/1.0/mm/",
    "xmpRights": "http://ns.adobe.com/xap/1.0/rights/",
    "crs": "http://ns.adobe.com/camera-raw-settings/1.0/",
    "lr": "http://ns.adobe.com/lightroom/1.0/",
    "aux": "http://ns.adobe.com/exif/1.0/aux/",
    "digiKam": "http://www.digikam.org/ns/1.0/",
    "MicrosoftPhoto": "http://ns.microsoft.com/photo/1.0/",
}
"""For packets that use a prefix without declaring it."""


class _UnsafePacketError(ValueError):
    """The packet could harm the reader."""


def parse(packet: bytes | None) -> minidom.Document | None:
    """Return the document of a packet's first readable root; None if there is none."""
    return next(iter(documents(packet)), None) if packet else None


def documents(packet: bytes) -> list[minidom.Document]:
    """Return the document of every root in a packet that holds RDF: usually one.

    What follows a root is not looked at unless it is another root. Where the packet is not valid XML, its
    roots are repaired: bytes that are not UTF-8 are read as Latin-1, control characters are left out, and
    prefixes without a namespace get their usual one.
    """
    text = _as_utf8(packet)
    if len(text) > MAX_BYTES:
        return []
    found = list(_valid_roots(text))
    if not found:
        found = [document for root in _roots(text) if (document := _document(_repair(root))) is not None]
    return [document for document in found if document.getElementsByTagNameNS(RDF, "RDF")]


def has_fragments(packet: bytes) -> bool:
    """Return whether elements lie outside of a packet's roots: the rest of an older, longer packet."""
    return _ELEMENT.search(_ROOT.sub(b"", _as_utf8(packet))) is not None


def is_empty(packet: bytes) -> bool:
    """Return whether a packet is only padding, or a root with nothing in it."""
    text = _PADDING.sub(b"", _as_utf8(packet), count=1)
    return (
        re.fullmatch(rb"(<[\w.-]+:xmpmeta[^<>]*(/>|>\s*</[\w.-]+:xmpmeta\s*>)\s*)?(<\?[^>]*>)?\s*", text)
        is not None
    )


def _as_utf8(packet: bytes) -> bytes:
    """Return the packet in UTF-8 if it is in UTF-16 or UTF-32, and unchanged otherwise; without padding."""
    start = packet.lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n")
    for head, encoding in _STARTS.items():
        at = packet.find(head)
        if 0 <= at <= 8 and start.startswith((head, b"\0")):
            return packet[at:].decode(encoding, "replace").strip("\0 \t\r\n").encode()
    return packet.strip(b"\0 \t\r\n")


def _valid_roots(text: bytes) -> Iterator[minidom.Document]:
    """Yield the documents up to the first root that is not valid XML."""
    for _ in range(MAX_ROOTS):
        try:
            end = _root_end(text)
            yield minidom.parseString(text[:end])  # noqa: S318 - guarded by _root_end
        except (expat.ExpatError, ValueError, LookupError):
            return
        following = _ROOT.search(text, end)
        if following is None:
            return
        text = text[following.start() :]


def _roots(text: bytes) -> Iterator[bytes]:
    for number, found in enumerate(_ROOT.finditer(text)):
        if number < MAX_ROOTS:
            yield found[0]


def _document(text: bytes) -> minidom.Document | None:
    try:
        return minidom.parseString(text[: _root_end(text)])  # noqa: S318 - guarded by _root_end
    except (expat.ExpatError, ValueError, LookupError):
        return None


def _repair(root: bytes) -> bytes:
    text = root.decode("utf-8", "surrogateescape")
    text = re.sub("[\udc80-\udcff]", lambda byte: chr(ord(byte[0]) - 0xDC00), text)
    text = _ILLEGAL.sub("", text)
    text = re.sub(r"&(?!(?:#\d+|#x[0-9a-fA-F]+|amp|lt|gt|quot|apos);)", "&amp;", text)
    missing = {
        prefix
        for prefix in _PREFIX.findall(text)
        if prefix not in ("xmlns", "xml") and f"xmlns:{prefix}=" not in text
    }
    declared = "".join(
        f' xmlns:{prefix}="{_NAMESPACES.get(prefix, f"http://ns.unknown/{prefix}/")}"'
        for prefix in sorted(missing)
    )
    return re.sub(r"^<[\w.:-]+", lambda name: name[0] + declared, text, count=1).encode()


def _root_end(text: bytes) -> int:
    """Return the offset after the root element, whatever follows it.

    Raises _UnsafePacketError for a packet that is too deep or has a DOCTYPE (entities could explode), and
    ExpatError when the root is not well-formed.
    """
    depth, end = 0, -1

    def doctype(*_: object) -> None:
        raise _UnsafePacketError("a DOCTYPE")

    def start_element(*_: object) -> None:
        nonlocal depth
        depth += 1
        if depth > MAX_DEPTH:
            raise _UnsafePacketError("too deep")

    def end_element(_: str) -> None:
        nonlocal depth, end
        depth -= 1
        if depth == 0 and end < 0:
            end = parser.CurrentByteIndex

    parser = expat.ParserCreate(namespace_separator=" ")
    parser.StartDoctypeDeclHandler = doctype
    parser.StartElementHandler, parser.EndElementHandler = start_element, end_element
    try:
        parser.Parse(text, True)
    except expat.ExpatError:
        if end < 0:
            raise
    return text.index(b">", end) + 1
