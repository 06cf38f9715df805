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
_OPENING = re.compile(rb"<(?:[\w.-]+:)?(?:xmpmeta|xapmeta|RDF)[\s>]")
_ELEMENT = re.compile(rb"<(?![\w.-]+:(?:xmpmeta|xapmeta)\s)[A-Za-z][\w.-]*:[\w.-]+[\s/>]")
_DECLARED = re.compile(rb"(<\?xml\b[^>]*?)\s+encoding\s*=\s*(?:\"[^\"]*\"|'[^']*')")
_BYTE_ORDER_MARKS = {
    b"\xff\xfe\0\0": "utf-32-le", b"\0\0\xfe\xff": "utf-32-be", b"\xff\xfe": "utf-16-le",
    b"\xfe\xff": "utf-16-be",
}  # fmt: skip
_WIDE = {
    "utf-32-le": re.compile(rb"<\0\0\0.\0\0\0", re.DOTALL),
    "utf-32-be": re.compile(rb"\0\0\0<\0\0\0.", re.DOTALL),
    "utf-16-le": re.compile(rb"<\0[^\0]\0"),
    "utf-16-be": re.compile(rb"\0<\0[^\0]"),
}
"""The first two characters of a packet whose characters take two or four bytes."""
_MAX_LEAD_BYTES = 16  # before the first character: spaces
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
    prefixes without a namespace get their usual one. A root whose end is cut off is read up to its last whole
    element.
    """
    text = _as_utf8(packet)
    if len(text) > MAX_BYTES:
        return []
    found = list(_valid_roots(text))
    if not found:
        found = [document for root in _roots(text) if (document := _document(_repair(root))) is not None]
    if not found and (document := _document(_closed(text)[0])) is not None:
        found = [document]
    return [document for document in found if document.getElementsByTagNameNS(RDF, "RDF")]


def has_fragments(packet: bytes) -> bool:
    """Return whether a packet holds more than its roots: the rest of a longer one, or of one that is cut."""
    text = _as_utf8(packet)
    if _ROOT.search(text) is None:
        return re.search(rb"<[A-Za-z]", _closed(text)[1]) is not None
    return _ELEMENT.search(_ROOT.sub(b"", text)) is not None


def is_empty(packet: bytes) -> bool:
    """Return whether a packet is only padding, or a root with nothing in it."""
    text = _PADDING.sub(b"", _as_utf8(packet), count=1)
    return (
        re.fullmatch(rb"(<[\w.-]+:xmpmeta[^<>]*(/>|>\s*</[\w.-]+:xmpmeta\s*>)\s*)?(<\?[^>]*>)?\s*", text)
        is not None
    )


def _as_utf8(packet: bytes) -> bytes:
    """Return the packet in UTF-8 if it is in UTF-16 or UTF-32, and unchanged otherwise; without padding.

    XMP has no other encodings, so one that the packet declares is believed only if it is not UTF-8.
    """
    encoding, start = _wide_encoding(packet)
    text = packet[start:].decode(encoding, "replace").encode() if encoding else packet
    text = text.strip(b"\0 \t\r\n")
    try:
        text.decode()
    except UnicodeDecodeError:
        return text
    return _DECLARED.sub(rb"\1", text, count=1)


def _wide_encoding(packet: bytes) -> tuple[str, int]:
    """Return the encoding of a packet in UTF-16 or UTF-32 and where its text begins; empty for others."""
    for mark, encoding in _BYTE_ORDER_MARKS.items():
        if packet.startswith(mark):
            return encoding, len(mark)
    for at in range(0, _MAX_LEAD_BYTES, 2):
        for encoding, first in _WIDE.items():
            if first.match(packet, at) and at % (4 if "32" in encoding else 2) == 0:
                return encoding, at
    return "", 0


def _closed(text: bytes) -> tuple[bytes, bytes]:
    """Return a root that is cut off, closed behind its last whole element, and the rest; else nothing."""
    start = _OPENING.search(text)
    if start is None:
        return b"", b""
    root = _repair(text[start.start() :])
    names: list[str] = []
    end, closing = 0, b""

    def mark() -> None:
        nonlocal end, closing
        end = root.find(b">", parser.CurrentByteIndex) + 1
        closing = "".join(f"</{name}>" for name in reversed(names)).encode()

    def start_element(name: str, _: object) -> None:
        names.append(name)
        if [each.rsplit(":", 1)[-1] for each in names[-2:]] == ["RDF", "Description"]:
            mark()

    def end_element(_: str) -> None:
        names.pop()
        mark()

    parser = expat.ParserCreate()
    parser.StartElementHandler, parser.EndElementHandler = start_element, end_element
    try:
        parser.Parse(root, False)
    except expat.ExpatError:  # not only cut
        return b"", b""
    return (root[:end] + closing, root[end:]) if end > 0 else (b"", b"")


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
