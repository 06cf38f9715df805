"""Properties of an XML element, as attributes or child elements: XMP allows both."""

from __future__ import annotations

from typing import TypeAlias
from xml.dom import minidom

Property: TypeAlias = minidom.Attr | minidom.Element


def properties(owner: minidom.Element) -> list[Property]:
    """Return all attributes and child elements of an element."""
    return [
        *owner.attributes.values(),
        *(child for child in owner.childNodes if isinstance(child, minidom.Element)),
    ]


def text(item: Property) -> str:
    """Return the text of a property."""
    return "".join(node.data for node in item.childNodes if isinstance(node, minidom.Text)).strip()


def set_text(document: minidom.Document, item: Property, value: str) -> None:
    """Replace the text of a property."""
    if isinstance(item, minidom.Attr):
        item.value = value
        return
    for node in list(item.childNodes):
        item.removeChild(node)
    item.appendChild(document.createTextNode(value))


def remove(owner: minidom.Element, item: Property) -> None:
    """Remove a property from its element."""
    if isinstance(item, minidom.Attr):
        owner.removeAttributeNode(item)
    else:
        owner.removeChild(item)
