"""The faces of a copy in its XMP packet."""

from __future__ import annotations

import dataclasses
import io

import pytest

from facewatch.restoration.codecs.decoder import decode
from facewatch.restoration.codecs.encoder import encode
from facewatch.restoration.codecs.metadata import xmp
from facewatch.restoration.codecs.metadata.provenance import Origin, origin
from facewatch.restoration.codecs.metadata.regions import AREA
from facewatch.restoration.codecs.metadata.xmp_parser import RDF, parse
from facewatch.restoration.codecs.photo import FaceNote, SourceOrientation
from tests.restoration.codecs.samples import BY_A_NETWORK, LIMIT, NAMES, XMP, described

RESTORED = FaceNote((0.25, 0.5, 0.1, 0.2), "restored", 0.5, 0.7134, "same", "codeformer")
KEPT = FaceNote((0.75, 0.5, 0.1, 0.2), "kept", None, 0.12, "other", "builtin")
NOTED = dataclasses.replace(BY_A_NETWORK, source="ab" * 32, recipe="cd" * 32, faces=(RESTORED, KEPT))


def faces_of(packet):
    document = parse(packet)
    assert document is not None
    (holder,) = document.getElementsByTagNameNS(xmp.FACEWATCH, "Faces")
    found = []
    for item in holder.getElementsByTagNameNS(RDF, "Description"):
        facts = {name: value for name, value in item.attributes.items() if name.startswith("facewatch:")}
        (area,) = item.getElementsByTagNameNS(xmp.FACEWATCH, "Area")
        numbers = [float(area.getAttributeNS(AREA, name)) for name in "xywh"]
        found.append((facts, numbers, area.getAttributeNS(AREA, "unit")))
    return found


@pytest.mark.parametrize("name", [name for name in NAMES if name != "bmp"])
def test_each_face_is_recorded_with_what_became_of_it_and_its_area(name):
    copy = decode(encode(decode(described(name), LIMIT), name, 90, NOTED), LIMIT)
    assert faces_of(copy.metadata.xmp) == [
        (
            {
                "facewatch:model": "codeformer",
                "facewatch:outcome": "restored",
                "facewatch:weight": "0.5",
                "facewatch:similarity": "0.713",
                "facewatch:verdict": "same",
            },
            [0.25, 0.5, 0.1, 0.2],
            "normalized",
        ),
        (
            {
                "facewatch:model": "builtin",
                "facewatch:outcome": "kept",
                "facewatch:similarity": "0.120",
                "facewatch:verdict": "other",
            },
            [0.75, 0.5, 0.1, 0.2],
            "normalized",
        ),
    ]
    assert copy.made_by_facewatch


def test_a_copy_of_a_copy_records_only_its_own_faces():
    first = xmp.restored(XMP, NOTED, (80, 60))
    again = dataclasses.replace(NOTED, faces=(KEPT,))
    assert len(faces_of(xmp.restored(first, again, (80, 60), SourceOrientation(6)))) == 1
    without = xmp.restored(first, BY_A_NETWORK, (80, 60))
    assert b"Faces" not in without
    assert b"stArea:x" not in without


def test_a_packet_of_a_crowd_keeps_the_origin_in_its_first_segment():
    photo = decode(described("jpeg"), LIMIT)
    crowd = dataclasses.replace(NOTED, faces=(RESTORED,) * 600)
    data = encode(photo, "jpeg", 90, crowd)
    assert origin(io.BytesIO(data)) == Origin("ab" * 32, "cd" * 32)
    assert len(faces_of(decode(data, LIMIT).metadata.xmp)) == 600
