"""Maker notes of TIFF files: every value that a reader found before, it finds after, or the note is named."""

import struct

import pytest

from facewatch.restoration.codecs.decoder import decode
from facewatch.restoration.codecs.encoder import encode
from facewatch.restoration.codecs.formats import BY_NAME
from facewatch.restoration.codecs.losses import find_losses
from facewatch.restoration.codecs.metadata import exif, tiff_tags
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

    def test_values_elsewhere_keep_their_places_too(self, order, where, head):
        data = tiff_with(note_with(head, order, 100), where)
        copy, found, lost = copied(data[:100] + VALUE + data[100 + len(VALUE) :])
        assert (found.offset, lost) == (NOTE_AT, ())
        assert copy[100:].startswith(VALUE)

    def test_a_directory_past_the_stated_length_keeps_its_place_too(self, order, where, head):
        note = note_with(head, order, NOTE_AT + len(head) + DIRECTORY_BYTES, VALUE)
        copy, _, lost = copied(tiff_with(note[: len(head) + 2], where, note[len(head) + 2 :]))
        assert not lost
        assert copy[NOTE_AT:].startswith(note)

    def test_one_with_values_far_away_is_named(self, order, where, head):
        _, found, lost = copied(tiff_with(note_with(head, order, 600_000), where, bytes(700_000)))
        assert found is None
        assert "maker note" in lost[0]


def test_a_name_that_looks_like_a_short_directory_hides_no_true_one():
    head = b"SIGMA\0\0\0\2\0"  # two entries, in which the kinds are sound
    rows = b"".join(struct.pack("<HHII", number << 8 | 2, 2, 1, 0x10002) for number in range(2))
    rows += struct.pack("<HHII", 0x302, 2, len(VALUE), 100) * 3
    data = tiff_with(head + struct.pack("<H", 5) + rows + bytes(4), "EXIF")
    copy, _, lost = copied(data[:100] + VALUE + data[100 + len(VALUE) :])
    assert not lost
    assert copy[100:].startswith(VALUE)


@pytest.mark.parametrize("where", ["first", "EXIF"])
@pytest.mark.parametrize("pointer", [0x0190, 0x8290, 0x888A, 0xC6F5, 0xFE00])
class TestDirectoriesOfMakers:
    @pytest.mark.parametrize("kind", [tiff_tags.LONG, 13])
    def test_one_is_carried_over(self, where, pointer, kind):
        inner = struct.pack("<HHHII", 2, 1, 3, 1, 7) + struct.pack("<HHII", 2, 2, len(VALUE), 100) + bytes(4)
        data = tiff_with(inner, where)
        data = data[:100] + VALUE + data[100 + len(VALUE) :]
        entry = struct.pack("<HHII", tiff_tags.MAKER_NOTE, 7, len(inner), NOTE_AT)
        copy, _, lost = copied(data.replace(entry, struct.pack("<HHII", pointer, kind, 1, NOTE_AT)))
        page = tiff_tags.read_directory(copy)
        found = page.children.get(tiff_tags.EXIF, page).children[pointer]
        assert (found.number(1, 0), found.tags[2].data, lost) == (7, VALUE, ())

    @pytest.mark.parametrize("value", [struct.pack("<HII", 4, 1, 1 << 30), struct.pack("<HIHH", 3, 1, 8, 0)])
    def test_another_use_of_the_number_stays(self, where, pointer, value):
        data = tiff_with(bytes(8), where)
        entry = struct.pack("<HHII", tiff_tags.MAKER_NOTE, 7, 8, NOTE_AT)
        copy, _, lost = copied(data.replace(entry, struct.pack("<H", pointer) + value))
        page = tiff_tags.read_directory(copy)
        found = page.children.get(tiff_tags.EXIF, page).tags[pointer]
        assert found.data == value[6 : 6 + len(found.data)]
        assert not lost


def test_directories_in_a_circle_are_read_once():
    rows = b"".join(struct.pack("<HHII", number, 7, 400, 10 + 2 * number) for number in range(399))
    note = NIKON + struct.pack("<H", 400) + rows + struct.pack("<HHII", 400, 13, 1, 8) + bytes(1300)
    _, found, lost = copied(tiff_with(note, "EXIF"))
    assert (found.data, lost) == (note, ())


def test_a_thumbnail_takes_no_value_of_a_note_along():
    # The value begins in front of the thumbnail and ends behind it.
    note = note_with(b"OLYMP\0\1\0", "<", 200)
    body = bytearray(600)
    body[:8] = b"II*\0\x08\0\0\0"
    body[8:26] = struct.pack("<HHHIII", 1, tiff_tags.EXIF, 4, 1, 26, 150)
    body[26:44] = struct.pack("<HHHIII", 1, tiff_tags.MAKER_NOTE, 7, len(note), 50, 0)
    body[50 : 50 + len(note)] = note
    rows = struct.pack("<HHII", 0x201, 4, 1, 180) + struct.pack("<HHII", 0x202, 4, 1, 10)
    body[150:180] = struct.pack("<H", 2) + rows + bytes(4)
    body[180:190] = b"thumbnail!"
    body[200 : 200 + len(VALUE)] = VALUE
    copy = exif.restored(bytes(body), "facewatch", (4, 4), None)
    assert copy[200:].startswith(VALUE)
    assert b"thumbnail!" not in copy


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
        assert copy[found.offset + len(note) :].startswith(inner[:-4])

    def test_a_broken_entry_hides_no_value_past_the_note(self):
        rows = [struct.pack("<HHII", 0x1000 + number, 3, 1, 0) for number in range(5)]
        rows += [struct.pack("<HHII", 0x1010, 820, 1, 0)]
        rows += [struct.pack("<HHII", 0x1011, 2, len(VALUE), 12 + 2 + 7 * 12)]
        note = b"FUJIFILM" + struct.pack("<IH", 12, 7) + b"".join(rows)
        copy, found, lost = copied(tiff_with(note, "EXIF", VALUE))
        assert not lost
        assert copy[found.offset + len(note) :].startswith(VALUE)

    @pytest.mark.parametrize("value_at", [1 << 20, 0xFFFFFFF0])
    def test_one_with_values_past_the_files_end_is_named(self, value_at):
        _, found, lost = copied(tiff_with(note_with(NIKON, "<", value_at), "EXIF"))
        assert found is None
        assert "maker note" in lost[0]

    def test_a_whole_one_may_lie_anywhere(self):
        note = note_with(NIKON, "<", len(NIKON) - 10 + DIRECTORY_BYTES, VALUE)
        _, found, lost = copied(tiff_with(note, "EXIF"))
        assert (found.data, lost) == (note, ())
