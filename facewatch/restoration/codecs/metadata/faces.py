"""The faces of a restored copy in its XMP packet: where, by which model and weight, and how like before.

docs/identity.md documents the properties.
"""

from __future__ import annotations

from collections.abc import Sequence
from xml.dom import minidom

from facewatch.restoration.codecs.metadata.regions import AREA
from facewatch.restoration.codecs.metadata.xmp_parser import RDF
from facewatch.restoration.codecs.photo import FaceNote


def faces_description(
    document: minidom.Document, namespace: str, about: str, faces: Sequence[FaceNote]
) -> minidom.Element:
    """Return an rdf:Description of its own with the property Faces, a sequence.

    namespace  facewatch's
    about      the subject of the packet
    """
    description = document.createElementNS(RDF, "rdf:Description")
    for prefix, space in (("rdf", RDF), ("facewatch", namespace), ("stArea", AREA)):
        description.setAttribute(f"xmlns:{prefix}", space)
    description.setAttributeNS(RDF, "rdf:about", about)
    listed = document.createElementNS(RDF, "rdf:Seq")
    for face in faces:
        item = document.createElementNS(RDF, "rdf:li")
        item.appendChild(_face(document, namespace, face))
        listed.appendChild(item)
    holder = document.createElementNS(namespace, "facewatch:Faces")
    holder.appendChild(listed)
    description.appendChild(holder)
    return description


def _face(document: minidom.Document, namespace: str, face: FaceNote) -> minidom.Element:
    values = {
        "outcome": face.outcome,
        "model": face.model,
        "weight": None if face.weight is None else f"{face.weight:g}",
        "similarity": None if face.similarity is None else f"{face.similarity:.3f}",
        "verdict": face.verdict,
    }
    element = document.createElementNS(RDF, "rdf:Description")
    for name, value in values.items():
        if value:
            element.setAttributeNS(namespace, f"facewatch:{name}", value)
    area = document.createElementNS(namespace, "facewatch:Area")
    for name, fraction in zip("xywh", face.area, strict=True):
        area.setAttributeNS(AREA, f"stArea:{name}", f"{fraction:.5f}")
    area.setAttributeNS(AREA, "stArea:unit", "normalized")
    element.appendChild(area)
    return element
