"""The origin of a copy, found in its bytes."""

from __future__ import annotations

import dataclasses
import io

import pytest

from facewatch.restoration.codecs.decoder import decode
from facewatch.restoration.codecs.encoder import encode
from facewatch.restoration.codecs.metadata import xmp
from facewatch.restoration.codecs.metadata.provenance import CHUNK_BYTES, MAX_SPAN_BYTES, Origin, origin
from tests.restoration.codecs.samples import BY_A_NETWORK, LIMIT, NAMES, XMP, described

SOURCE, RECIPE = "0123456789abcdef" * 4, "fedcba9876543210" * 4
PROVENANCE = dataclasses.replace(BY_A_NETWORK, source=SOURCE, recipe=RECIPE)
WITH_METADATA = tuple(name for name in NAMES if name != "bmp")


def origin_of(data: bytes) -> Origin | None:
    return origin(io.BytesIO(data))


@pytest.mark.parametrize("name", WITH_METADATA)
def test_every_format_but_bmp_records_the_origin_readably(name):
    photo = decode(described(name), LIMIT)
    assert origin_of(described(name)) is None
    assert origin_of(encode(photo, name, 90, PROVENANCE)) == Origin(SOURCE, RECIPE)


def test_a_bmp_records_no_origin():
    assert origin_of(encode(decode(described("bmp"), LIMIT), "bmp", 90, PROVENANCE)) is None


def test_a_file_that_is_no_copy_of_a_photo_names_no_source():
    data = encode(decode(described("jpeg"), LIMIT), "jpeg", 90, BY_A_NETWORK)
    assert origin_of(data) is None
    assert b"facewatch:model" in data


@pytest.mark.parametrize("name", WITH_METADATA)
def test_a_copy_of_a_copy_records_only_its_own_origin(name):
    first = decode(encode(decode(described(name), LIMIT), name, 90, PROVENANCE), LIMIT)
    later = dataclasses.replace(PROVENANCE, source=RECIPE, recipe="")
    assert origin_of(encode(first, name, 90, later)) == Origin(RECIPE, None)


def test_a_packet_too_long_for_one_segment_records_the_origin_too():
    photo = decode(described("jpeg"), LIMIT)
    long = XMP.replace(b"Scanner 3", b"Scanner 3" + b" and more" * 20_000)
    photo = dataclasses.replace(photo, metadata=dataclasses.replace(photo.metadata, xmp=long))
    assert origin_of(encode(photo, "jpeg", 90, PROVENANCE)) == Origin(SOURCE, RECIPE)


def test_the_users_own_properties_are_kept():
    packet = xmp.restored(XMP, PROVENANCE, (80, 60))
    assert b'xmp:CreatorTool="Scanner 3"' in packet
    assert origin_of(packet) == Origin(SOURCE, RECIPE)


@pytest.mark.parametrize("before", [0, CHUNK_BYTES - 70, CHUNK_BYTES - 1, CHUNK_BYTES, 3 * CHUNK_BYTES - 40])
def test_an_origin_across_a_chunk_boundary_is_found(before):
    packet = xmp.restored(None, PROVENANCE, (80, 60))
    assert origin_of(bytes(before) + packet + bytes(100)) == Origin(SOURCE, RECIPE)


def test_an_origin_rewritten_as_elements_is_found():
    recipe = f"<facewatch:recipe>{RECIPE}</facewatch:recipe>"
    text = f"<facewatch:source>{SOURCE}</facewatch:source>{' ' * 900}{recipe}"
    assert origin_of(text.encode()) == Origin(SOURCE, RECIPE)
    far = text.replace(" ", " " * (MAX_SPAN_BYTES // 300))
    assert origin_of(far.encode()) == Origin(SOURCE, None)


def test_reading_stops_after_the_origin():
    stream = io.BytesIO(xmp.restored(None, PROVENANCE, (80, 60)) + bytes(9 * CHUNK_BYTES))
    assert origin(stream) is not None
    assert stream.tell() <= CHUNK_BYTES + MAX_SPAN_BYTES


@pytest.mark.parametrize(
    "text", ['facewatch:source="short"', f"source='{SOURCE}'", f"facewatch:source='{SOURCE}0'", ""]
)
def test_text_that_only_resembles_an_origin_is_ignored(text):
    assert origin_of(text.encode()) is None
