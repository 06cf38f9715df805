"""The packets of one file, merged into one: a file may hold several, and JPEG splits long ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple
from xml.dom import minidom

from facewatch.restoration.codecs.metadata import xml, xmp
from facewatch.restoration.codecs.metadata.xmp_parser import RDF, documents, has_fragments, is_empty

ARRAYS = ("Bag", "Seq", "Alt")


class Packets(NamedTuple):
    """The XMP of one file."""

    packet: bytes | None  # everything that can be parsed
    unreadable: tuple[bytes, ...]  # the other packets, as they are
    notes: tuple[str, ...]  # values that the packet leaves out


def merge(packets: Sequence[bytes]) -> Packets:
    """Merge the packets of a file, in their order.

    Lists are joined. Where two packets hold different single values of one property, the later counts, as in
    ExifTool, and the notes name the property.
    """
    parsed: list[minidom.Document] = []
    readable: list[bytes] = []
    unreadable: list[bytes] = []
    for packet in packets:
        found = documents(packet)
        parsed += found
        if found:
            readable.append(packet)
        elif not is_empty(packet):
            unreadable.append(packet)
    if not parsed:
        return Packets(None, tuple(unreadable), ())
    rest = ("fragments at the end of the XMP",) if any(map(has_fragments, readable)) else ()
    if len(parsed) == 1:
        return Packets(readable[0], tuple(unreadable), rest)
    replaced: list[str] = []
    for other in parsed[1:]:
        replaced += _merge_into(parsed[0], other)
    notes = tuple(f"one of two values of {name} in its XMP" for name in dict.fromkeys(replaced))
    return Packets(xmp.serialize(parsed[0]), tuple(unreadable), (*rest, *notes))


def _merge_into(document: minidom.Document, other: minidom.Document) -> list[str]:
    """Add the other document's properties; return the names of those whose value was replaced."""
    root = document.getElementsByTagNameNS(RDF, "RDF")[0]
    about = next((found.getAttributeNS(RDF, "about") for found in xmp.descriptions(document)), "")
    known = {(item.namespaceURI, item.localName): (owner, item) for owner, item in xmp.properties(document)}
    replaced = []
    for description in xmp.descriptions(other):
        for item in xml.properties(description):
            key = (item.namespaceURI, item.localName)
            if key not in known or _is_syntax(item):
                continue
            owner, old = known[key]
            if _same(old, item) or _join_lists(document, old, item):
                xml.remove(description, item)
                continue
            xml.remove(owner, old)
            del known[key]
            if item.namespaceURI != xmp.NOTE:
                replaced.append(item.nodeName)
        for name, space in xmp.inherited_namespaces(description).items():
            description.setAttribute(name, space)
        added = document.importNode(description, deep=True)
        added.setAttributeNS(RDF, "rdf:about", about)  # all descriptions of a packet have the same subject
        root.appendChild(added)
    return replaced


def _is_syntax(item: xml.Property) -> bool:
    return item.namespaceURI in (RDF, "http://www.w3.org/2000/xmlns/", None)


def _same(old: xml.Property, new: xml.Property) -> bool:
    if isinstance(old, minidom.Element) and isinstance(new, minidom.Element):
        return bool(old.toxml() == new.toxml())
    has_children = any(isinstance(node, minidom.Element) for item in (old, new) for node in item.childNodes)
    return not has_children and xml.text(old) == xml.text(new)


def _join_lists(document: minidom.Document, old: xml.Property, new: xml.Property) -> bool:
    """Add the new list's items to the old one; False unless both are lists of one kind without languages."""
    first, second = _list_of(old), _list_of(new)
    if first is None or second is None or first.localName != second.localName:
        return False
    if any(item.hasAttribute("xml:lang") for item in (*_items(first), *_items(second))):
        return False
    present = {item.toxml() for item in _items(first)}
    for item in _items(second):
        if item.toxml() not in present:
            first.appendChild(document.importNode(item, deep=True))
    return True


def _list_of(item: xml.Property) -> minidom.Element | None:
    return next(
        (
            node
            for node in item.childNodes
            if isinstance(node, minidom.Element) and node.namespaceURI == RDF and node.localName in ARRAYS
        ),
        None,
    )


def _items(array: minidom.Element) -> list[minidom.Element]:
    return [node for node in array.childNodes if isinstance(node, minidom.Element)]
