"""What an XML element says, whether in attributes or in elements: XMP lets writers choose."""

from __future__ import annotations

from typing import TypeAlias
from xml.dom import minidom

Item: TypeAlias = minidom.Attr | minidom.Element


def items(owner: minidom.Element) -> list[Item]:
    """All that an element says of its own."""
    return [
        *owner.attributes.values(),
        *(child for child in owner.childNodes if isinstance(child, minidom.Element)),
    ]


def text(item: Item) -> str:
    """The words of an item."""
    return "".join(node.data for node in item.childNodes if isinstance(node, minidom.Text)).strip()


def say(document: minidom.Document, item: Item, value: str) -> None:
    """Put these words in an item's place."""
    if isinstance(item, minidom.Attr):
        item.value = value
        return
    for node in list(item.childNodes):
        item.removeChild(node)
    item.appendChild(document.createTextNode(value))


def remove(owner: minidom.Element, item: Item) -> None:
    """Take an item out of its element."""
    if isinstance(item, minidom.Attr):
        owner.removeAttributeNode(item)
    else:
        owner.removeChild(item)
