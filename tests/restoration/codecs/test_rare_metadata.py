"""Metadata as old cameras and programs write it: what readers see in a file, they see in its copy."""

import struct
import zlib

import pytest
from PIL import Image

from facewatch.errors import NotSupported
from facewatch.restoration.codecs import jpeg, png
from facewatch.restoration.codecs.decoder import decode
from facewatch.restoration.codecs.encoder import encode
from facewatch.restoration.codecs.formats import BY_NAME
from facewatch.restoration.codecs.losses import find_losses
from facewatch.restoration.codecs.metadata import tiff_tags
from tests.restoration.codecs.samples import BY_A_NETWORK, LIMIT, TITLE, XMP, saved, scene

DESCRIPTION, MAKE, EXPOSURE_PROGRAM, ISO = 0x010E, 0x010F, 0x8822, 0x8827
CAPTION = b"\x1c\x02\x69\x00\x05Hello"


def short(tag, value, order="<"):
    return struct.pack(f"{order}HHIHH", tag, tiff_tags.SHORT, 1, value, 0)


def text(tag, value, order="<"):
    return struct.pack(f"{order}HHI4s", tag, tiff_tags.ASCII, 4, value + b"\0")


def directory(*entries, order="<"):
    return struct.pack(f"{order}H", len(entries)) + b"".join(entries) + bytes(4)


def block(*entries, order="<"):
    mark = {"<": b"II", ">": b"MM"}[order]
    return mark + struct.pack(f"{order}HI", 42, 8) + directory(*entries, order=order)


def jpeg_with(marker, payload):
    data = saved("jpeg", Image.fromarray(scene()))
    return data[:2] + struct.pack(">BBH", 0xFF, marker, len(payload) + 2) + payload + data[2:]


def png_with(*chunks):
    data = saved("png", Image.fromarray(scene()))
    return data[:33] + b"".join(png.chunk(kind, payload) for kind, payload in chunks) + data[33:]


def copied(data, name):
    photo = decode(data, LIMIT)
    return decode(encode(photo, name, 95, BY_A_NETWORK), LIMIT), find_losses(photo, BY_NAME[name])


def resource(signature, number, payload):
    padding = b"\0" * (len(payload) % 2)
    return signature + struct.pack(">HHI", number, 0, len(payload)) + payload + padding


def raw_profile(name, payload):
    lines = b"\n".join((b"", name, b"%8d" % len(payload), payload.hex().encode(), b""))
    return (b"zTXt", b"Raw profile type APP1\0\0" + zlib.compress(lines))


class TestTagsTwice:
    @pytest.mark.parametrize("order", ["<", ">"])
    @pytest.mark.parametrize("name", ["jpeg", "png", "tiff"])
    def test_the_last_counts_as_in_exiftool(self, order, name):
        twice = block(text(MAKE, b"One", order), text(MAKE, b"Two", order), order=order)
        copy, lost = copied(jpeg_with(jpeg.APP1, b"Exif\0\0" + twice), name)
        assert tiff_tags.read_directory(copy.metadata.exif).tags[MAKE].data == b"Two\0"
        assert not lost

    @pytest.mark.parametrize("name", ["jpeg", "tiff"])
    def test_the_first_description_counts_as_in_exiftool(self, name):
        twice = block(text(DESCRIPTION, b"One"), text(DESCRIPTION, b"Two"))
        copy, _ = copied(jpeg_with(jpeg.APP1, b"Exif\0\0" + twice), name)
        assert tiff_tags.read_directory(copy.metadata.exif).tags[DESCRIPTION].data == b"One\0"

    def test_the_first_orientation_counts_as_in_exiftool(self):
        twice = block(short(0x0112, 6), short(0x0112, 1))
        assert decode(jpeg_with(jpeg.APP1, b"Exif\0\0" + twice), LIMIT).pixels.shape == (40, 30, 3)

    def test_one_past_the_end_does_not_hide_the_other(self):
        past = struct.pack("<HHII", MAKE, tiff_tags.ASCII, 400, 100)
        copy, _ = copied(jpeg_with(jpeg.APP1, b"Exif\0\0" + block(text(MAKE, b"One"), past)), "jpeg")
        found = copy.metadata.exif
        assert tiff_tags.read_directory(found).tags[MAKE].data == b"One\0"
        entries, _ = tiff_tags.raw_entries(
            found, tiff_tags.first_directory_offset(found), tiff_tags.parse_layout(found)
        )
        assert [entry[:2] for entry in entries].count(struct.pack("<H", MAKE)) == 1

    def test_both_of_two_directories_stay_in_their_places(self):
        first, second = 8 + 2 + 2 * 12 + 4, 8 + 2 + 2 * 12 + 4 + 2 + 12 + 4
        pointers = [struct.pack("<HHII", tiff_tags.EXIF, tiff_tags.LONG, 1, at) for at in (first, second)]
        whole = block(*pointers) + directory(short(ISO, 100)) + directory(short(EXPOSURE_PROGRAM, 2))
        copy, _ = copied(jpeg_with(jpeg.APP1, b"Exif\0\0" + whole), "jpeg")
        found = copy.metadata.exif
        offsets = [
            struct.unpack_from("<I", entry, 8)[0]
            for entry in tiff_tags.raw_entries(
                found, tiff_tags.first_directory_offset(found), tiff_tags.parse_layout(found)
            )[0]
            if entry[:2] == struct.pack("<H", tiff_tags.EXIF)
        ]
        tags = [tiff_tags.read_directory(found, offset).tags for offset in offsets]
        assert [ISO in tags[0], EXPOSURE_PROGRAM in tags[1]] == [True, True]


class TestResources:
    @pytest.mark.parametrize("signature", [b"PHUT", b"DCSR", b"AgHg", b"MeSa"])
    def test_those_of_other_programs_hide_none(self, signature):
        both = resource(signature, 1000, b"abc") + resource(b"8BIM", jpeg.IPTC_RESOURCE, CAPTION)
        copy, lost = copied(jpeg_with(jpeg.APP13, jpeg.RESOURCES + both), "jpeg")
        assert copy.metadata.resources == both
        assert not lost
        assert jpeg.iptc_record(both) == CAPTION

    def test_what_cannot_be_read_stays_as_it_is(self):
        rest = resource(b"8BIM", jpeg.IPTC_RESOURCE, CAPTION) + b"\0\0" + resource(b"8BIM", 1034, b"\1")
        copy, _ = copied(jpeg_with(jpeg.APP13, jpeg.RESOURCES + rest), "jpeg")
        assert copy.metadata.resources == rest


class TestRawProfiles:
    @pytest.mark.parametrize("name", [b"generic profile", b"app1", b"exif"])
    def test_exif_is_read(self, name):
        copy, lost = copied(png_with(raw_profile(name, b"Exif\0\0" + block(text(MAKE, b"One")))), "png")
        assert tiff_tags.read_directory(copy.metadata.exif).tags[MAKE].data == b"One\0"
        assert not lost

    def test_xmp_is_read_beside_exif(self):
        exif = raw_profile(b"generic profile", b"Exif\0\0" + block(text(MAKE, b"One")))
        copy, lost = copied(png_with(raw_profile(b"generic profile", jpeg.XMP + XMP), exif), "png")
        assert TITLE.encode() in copy.metadata.xmp
        assert tiff_tags.read_directory(copy.metadata.exif).tags[MAKE].data == b"One\0"
        assert not lost


def test_a_jfif_segment_that_is_too_short_does_not_matter():
    photo = decode(jpeg_with(jpeg.APP0, b"JFIF\0\1\1"), LIMIT)
    assert photo.pixels.shape == (30, 40, 3)


def test_an_iphone_programs_png_is_named():
    with pytest.raises(NotSupported, match=r"iPhone programs.*save it as an ordinary PNG"):
        decode(png_with((b"CgBI", b"P\0 \2")), LIMIT)


def box(kind, payload):
    return struct.pack(">I", 8 + len(payload)) + kind + payload


class TestHeicBoxes:
    def test_a_samsung_phones_data_follow_the_jpeg_copy(self):
        data = saved("heic", Image.fromarray(scene(64, 48))) + box(b"sefd", b"\0\0\1\n\4\0\0\0Date1234SEFT")
        copy, lost = copied(data, "jpeg")
        assert [part.data for part in copy.metadata.tail] == [b"\0\0\1\n\4\0\0\0Date1234SEFT"]
        assert not lost

    def test_they_are_named_where_they_cannot_follow(self):
        data = saved("heic", Image.fromarray(scene(64, 48))) + box(b"sefd", b"1234SEFT")
        assert copied(data, "png")[1] == ("the maker's data behind the picture",)

    def test_other_boxes_are_named(self):
        data = saved("heic", Image.fromarray(scene(64, 48))) + box(b"abcd", b"1234")
        assert copied(data, "jpeg")[1] == ("boxes of a program (abcd)",)

    @pytest.mark.parametrize("order", ["<", ">"])
    def test_an_exif_block_without_the_length_before_it_is_read(self, order):
        whole = block(text(MAKE, b"One", order), order=order)
        data = saved("heic", Image.fromarray(scene(64, 48)), exif=b"Exif\0\0" + whole)
        length = b"\0\0\0\x06Exif\0\0"
        assert data.count(length + whole) == 1
        bare = data.replace(length + whole, whole + bytes(len(length)))
        copy, lost = copied(bare, "jpeg")
        assert tiff_tags.read_directory(copy.metadata.exif).tags[MAKE].data == b"One\0"
        assert not lost
