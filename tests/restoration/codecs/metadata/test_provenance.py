"""A copy's origin, found in its bytes."""

from __future__ import annotations

import dataclasses
import io

import pytest

from facewatch.restoration.codecs.decoder import decode
from facewatch.restoration.codecs.encoder import encode
from facewatch.restoration.codecs.metadata import xmp
from facewatch.restoration.codecs.metadata.provenance import REACH_BYTES, STEP_BYTES, Origin, origin
from tests.restoration.codecs.samples import BY_A_NETWORK, LIMIT, NAMES, XMP, described

SOURCE, RECIPE = "0123456789abcdef" * 4, "fedcba9876543210" * 4
MADE = dataclasses.replace(BY_A_NETWORK, source=SOURCE, recipe=RECIPE)
TALKATIVE = tuple(name for name in NAMES if name != "bmp")


def told(data: bytes) -> Origin | None:
    return origin(io.BytesIO(data))


@pytest.mark.parametrize("name", TALKATIVE)
def test_every_format_but_bmp_tells_the_origin_without_a_decoder(name):
    photo = decode(described(name), LIMIT)
    assert told(described(name)) is None
    assert told(encode(photo, name, 90, MADE)) == Origin(SOURCE, RECIPE)


def test_a_bmp_tells_nothing():
    assert told(encode(decode(described("bmp"), LIMIT), "bmp", 90, MADE)) is None


def test_what_is_no_copy_of_a_photo_names_no_source():
    data = encode(decode(described("jpeg"), LIMIT), "jpeg", 90, BY_A_NETWORK)
    assert told(data) is None
    assert b"facewatch:model" in data


@pytest.mark.parametrize("name", TALKATIVE)
def test_a_copy_of_a_copy_tells_its_own_origin_only(name):
    first = decode(encode(decode(described(name), LIMIT), name, 90, MADE), LIMIT)
    later = dataclasses.replace(MADE, source=RECIPE, recipe="")
    assert told(encode(first, name, 90, later)) == Origin(RECIPE, None)


def test_a_packet_too_long_for_one_segment_tells_it_too():
    photo = decode(described("jpeg"), LIMIT)
    long = XMP.replace(b"Scanner 3", b"Scanner 3" + b" and more" * 20_000)
    photo = dataclasses.replace(photo, metadata=dataclasses.replace(photo.metadata, xmp=long))
    assert told(encode(photo, "jpeg", 90, MADE)) == Origin(SOURCE, RECIPE)


def test_the_users_own_words_stay_as_they_were():
    packet = xmp.restored(XMP, MADE, (80, 60))
    assert b'xmp:CreatorTool="Scanner 3"' in packet
    assert told(packet) == Origin(SOURCE, RECIPE)


@pytest.mark.parametrize("before", [0, STEP_BYTES - 70, STEP_BYTES - 1, STEP_BYTES, 3 * STEP_BYTES - 40])
def test_it_is_found_wherever_the_reader_stops_between_two_steps(before):
    packet = xmp.restored(None, MADE, (80, 60))
    assert told(bytes(before) + packet + bytes(100)) == Origin(SOURCE, RECIPE)


def test_another_program_may_write_it_anew_as_elements():
    recipe = f"<facewatch:recipe>{RECIPE}</facewatch:recipe>"
    words = f"<facewatch:source>{SOURCE}</facewatch:source>{' ' * 900}{recipe}"
    assert told(words.encode()) == Origin(SOURCE, RECIPE)
    far = words.replace(" ", " " * (REACH_BYTES // 300))
    assert told(far.encode()) == Origin(SOURCE, None)


def test_no_more_is_read_than_has_to_be():
    stream = io.BytesIO(xmp.restored(None, MADE, (80, 60)) + bytes(9 * STEP_BYTES))
    assert origin(stream) is not None
    assert stream.tell() <= STEP_BYTES + REACH_BYTES


@pytest.mark.parametrize(
    "words", ['facewatch:source="short"', f"source='{SOURCE}'", f"facewatch:source='{SOURCE}0'", ""]
)
def test_words_that_only_look_like_it_are_none(words):
    assert told(words.encode()) is None
