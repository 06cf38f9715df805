"""Maker notes of TIFF files: every value that a reader found before, it finds after, or the note is named."""

import struct

import pytest

from facewatch.restoration.codecs.decoder import decode
from facewatch.restoration.codecs.encoder import encode
from facewatch.restoration.codecs.formats import BY_NAME
from facewatch.restoration.codecs.losses import find_losses
from facewatch.restoration.codecs.metadata import tiff_tags
from tests.restoration.codecs.samples import BY_A_NETWORK, LIMIT

NOTE_AT, VALUE = 4000, b"a value of a maker note."
DIRECTORY_BYTES = 2 + 2 * 12 + 4


def tiff_with(note, where, reach=b""):
    """Return a TIFF file of 2 x 2 pixels with a note, in its first or its EXIF directory."""
    body = bytearray(NOTE_AT) + note + reach
    body[8:12] = bytes((0, 80, 160, 240))
    entry = struct.pack("<HHII", tiff_tags.MAKER_NOTE, 7, len(note), NOTE_AT)
    last = entry
    if where == "EXIF":
        last = struct.pack("<HHII", tiff_tags.EXIF, 4, 1, len(body))
        body += struct.pack("<H", 1) + entry + bytes(4)
    rows = [(256, 2), (257, 2), (258, 8), (259, 1), (262, 1), (273, 8), (277, 1), (278, 2), (279, 4)]
    body[:8] = b"II*\0" + struct.pack("<I", len(body))
    body += struct.pack("<H", len(rows) + 1)
    return bytes(
        body + b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in rows) + last + bytes(4)
    )


def note_with(head, order, value_at, tail=b""):
    """Return a note whose directory has one short value and one that lies at an offset."""
    rows = struct.pack(f"{order}HHHII", 2, 1, 3, 1, 7) + struct.pack(
        f"{order}HHII", 2, 2, len(VALUE), value_at
    )
    return head + rows + bytes(4) + tail


def copied(data):
    photo = decode(data, LIMIT)
    copy = encode(photo, "tiff", 95, BY_A_NETWORK)
    page = tiff_tags.read_directory(copy)
    note = page.children.get(tiff_tags.EXIF, page).tags.get(tiff_tags.MAKER_NOTE)
    return copy, note, find_losses(photo, BY_NAME["tiff"])


@pytest.mark.parametrize("order", ["<", ">"], ids=["same order", "other order"])
@pytest.mark.parametrize("where", ["first", "EXIF"])
@pytest.mark.parametrize("head", [b"OLYMP\0\1\0", b"KYOCERA            \0\0\0", b"JVC "])
class TestOffsetsFromTheFilesStart:
    def test_a_note_keeps_its_place(self, order, where, head):
        note = note_with(head, order, NOTE_AT + len(head) + DIRECTORY_BYTES, VALUE)
        copy, found, lost = copied(tiff_with(note, where))
        assert (found.offset, found.data, lost) == (NOTE_AT, note, ())
        assert copy[NOTE_AT:].startswith(note)

    def test_one_with_values_elsewhere_is_named(self, order, where, head):
        _, found, lost = copied(tiff_with(note_with(head, order, 100), where))
        assert found is None
        assert "maker note" in lost[0]


NIKON = b"Nikon\0\2\x10\0\0II*\0\x08\0\0\0"


class TestOffsetsFromTheNotesStart:
    def test_one_whose_values_reach_past_it_keeps_these_too(self):
        # As Capture NX writes it: the last value ends behind the length that the tag gives.
        start = len(NIKON) + DIRECTORY_BYTES
        note = note_with(NIKON, "<", start - 10, VALUE[:20])
        copy, found, lost = copied(tiff_with(note, "EXIF", VALUE[20:]))
        assert not lost
        assert copy[found.offset + start :].startswith(VALUE)

    def test_one_whose_inner_directory_lies_elsewhere_keeps_that_too(self):
        inner = struct.pack("<HHHII", 2, 1, 3, 1, 7) + struct.pack("<HHII", 2, 4, 1, 9) + bytes(4)
        note = NIKON + struct.pack("<HHHII", 2, 1, 3, 1, 7)
        note += struct.pack("<HHII", 0x11, 13, 1, len(NIKON) - 10 + DIRECTORY_BYTES) + bytes(4)
        copy, found, lost = copied(tiff_with(note, "EXIF", inner))
        assert not lost
        assert copy[found.offset + len(note) :].startswith(inner)

    @pytest.mark.parametrize("value_at", [1 << 20, 0xFFFFFFF0])
    def test_one_with_values_past_the_files_end_is_named(self, value_at):
        _, found, lost = copied(tiff_with(note_with(NIKON, "<", value_at), "EXIF"))
        assert found is None
        assert "maker note" in lost[0]

    def test_a_whole_one_may_lie_anywhere(self):
        note = note_with(NIKON, "<", len(NIKON) - 10 + DIRECTORY_BYTES, VALUE)
        _, found, lost = copied(tiff_with(note, "EXIF"))
        assert (found.data, lost) == (note, ())
