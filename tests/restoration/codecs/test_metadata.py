"""Metadata of a file before and after; exiftool reads both if it is installed."""

import dataclasses
import io
import json
import shutil
import struct
import subprocess
from xml.dom import minidom

import numpy as np
import pytest
from PIL import Image

from facewatch.restoration.codecs import jpeg
from facewatch.restoration.codecs.decoder import decode
from facewatch.restoration.codecs.encoder import encode
from facewatch.restoration.codecs.metadata import exif, tiff_tags, xmp
from facewatch.restoration.codecs.photo import Metadata, Photo, Provenance
from tests.restoration.codecs import samples
from tests.restoration.codecs.samples import BY_A_NETWORK, LIMIT, NAMES, XMP, described, saved, scene

WITH_METADATA = tuple(name for name in NAMES if name != "bmp")
SOFTWARE = "facewatch 0.1.0 (model gfpgan-1.4, weight 0.5)"
TRAINED = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"
KEPT = (
    "IFD0:Make",
    "ExifIFD:DateTimeOriginal",
    "GPS:GPSLatitude",
    "GPS:GPSLongitude",
    "XMP-dc:Title",
    "XMP-xmp:CreatorTool",
    "XMP-xmp:Rating",
    "ICC_Profile:ProfileDescription",
    "IFD0:XResolution",
)


@pytest.fixture
def read(tmp_path):
    """Return a function that reads files with exiftool, by group and tag."""
    program = shutil.which("exiftool")
    if program is None:
        pytest.skip("exiftool is not installed (libimage-exiftool-perl)")

    def run_exiftool(files):
        for name, data in files.items():
            (tmp_path / f"photo.{name}").write_bytes(data)
        paths = [str(tmp_path / f"photo.{name}") for name in files]
        found = subprocess.run([program, "-j", "-G1", "-n", *paths], capture_output=True, check=True).stdout
        return dict(zip(files, json.loads(found), strict=True))

    return run_exiftool


@pytest.mark.parametrize("source", WITH_METADATA)
def test_every_format_keeps_all_metadata(source, read):
    data = described(source)
    before = read({source: data})[source]
    photo = decode(data, LIMIT)
    larger = dataclasses.replace(photo, pixels=photo.pixels.repeat(2, 0).repeat(2, 1))
    copies = read({name: encode(larger, name, 90, BY_A_NETWORK) for name in WITH_METADATA})
    for name, after in copies.items():
        for tag in KEPT:
            assert (name, tag, after.get(tag)) == (name, tag, before[tag])
        assert after["IFD0:Software"] == SOFTWARE
        assert after["XMP-iptcExt:DigitalSourceType"] == TRAINED
        assert (after["XMP-facewatch:Model"], after["XMP-facewatch:Weight"]) == ("gfpgan-1.4", 0.5)
        assert (after["ExifIFD:ExifImageWidth"], after["ExifIFD:ExifImageHeight"]) == (80, 60)
        assert after["XMP-tiff:ImageWidth"] == 80
        assert after.get("IFD0:Orientation", 1) == 1
        assert not any(word in tag for tag in after for word in ("Warning", "Error"))
    if source in ("jpeg", "tiff"):
        assert copies["jpeg"]["IPTC:Headline"] == copies["tiff"]["IPTC:Headline"] == "Old photo"
    if source in ("jpeg", "png"):
        assert source == "png" or copies["jpeg"]["File:Comment"] == "by the lake"
        assert source == "jpeg" or copies["png"]["PNG:Comment"] == "by the lake"


@pytest.mark.parametrize("name", ["jpeg", "png", "tiff"])
def test_exiftool_sees_a_turned_photo_upright(name, read):
    image = Image.fromarray(np.ascontiguousarray(np.rot90(scene(), 1)))
    packet = XMP.replace(b'xmp:Rating="4"', b'tiff:Orientation="6"')
    photo = decode(saved(name, image, exif=samples.exif(6)), LIMIT)
    photo = dataclasses.replace(photo, metadata=dataclasses.replace(photo.metadata, xmp=packet))
    after = read({name: encode(photo, name, 95, BY_A_NETWORK)})[name]
    assert (after["IFD0:Orientation"], after["XMP-tiff:Orientation"]) == (1, 1)
    assert decode(encode(photo, name, 95, BY_A_NETWORK), LIMIT).pixels.shape == (30, 40, 3)


def test_16_bit_files_keep_as_much_metadata_as_others(read):
    metadata = decode(described("tiff"), LIMIT).metadata
    photo = Photo(scene(dtype=np.uint16), None, "RGB16", "png", metadata)
    copies = read({name: encode(photo, name, 90, BY_A_NETWORK) for name in ("png", "tiff")})
    for name, after in copies.items():
        assert (name, [tag for tag in KEPT if tag not in after]) == (name, [])


@pytest.mark.parametrize("name", WITH_METADATA)
def test_resolution_survives_without_exif(name):
    photo = Photo(scene(), None, "RGB", name, Metadata(dpi=(300.0, 300.0)))
    assert decode(encode(photo, name, 90, BY_A_NETWORK), LIMIT).metadata.dpi == pytest.approx(
        (300, 300), abs=0.1
    )


@pytest.mark.parametrize("name", NAMES)
def test_copies_are_recognised_as_made_by_facewatch_except_in_bmp(name):
    plain = decode(saved(name, Image.fromarray(scene())), LIMIT)
    copy = decode(encode(plain, name, 90, BY_A_NETWORK), LIMIT)
    assert not plain.made_by_facewatch
    assert copy.made_by_facewatch is (name != "bmp")


@pytest.mark.parametrize("name", WITH_METADATA)
def test_a_copy_of_a_copy_has_only_its_own_provenance(name):
    photo = decode(described(name), LIMIT)
    second = encode(
        decode(encode(photo, name, 90, BY_A_NETWORK), LIMIT), name, 90, Provenance("codeformer", 1, "9")
    )
    metadata = decode(second, LIMIT).metadata
    assert metadata.xmp.count(b"DigitalSourceType=") == 1
    assert b'facewatch:model="codeformer"' in metadata.xmp
    assert b"gfpgan" not in metadata.xmp + metadata.exif[-200:]
    assert samples.TITLE.encode() in metadata.xmp


class TestExif:
    NOTE = b"MAKER\0" + bytes(range(60))

    def test_a_maker_note_keeps_its_offset(self):
        block = samples.exif(6, self.NOTE).tobytes()[6:]
        after = exif.restored(block, SOFTWARE, (80, 60), None)
        assert after.index(self.NOTE) == block.index(self.NOTE)
        assert exif.orientation(after) == 1

    @pytest.mark.parametrize("name", ["jpeg", "png", "webp", "avif", "heic"])
    def test_a_maker_note_keeps_its_offset_in_every_format(self, name):
        block = samples.exif(1, self.NOTE).tobytes()[6:]
        photo = Photo(scene(), None, "RGB", name, Metadata(exif=block))
        after = decode(encode(photo, name, 90, BY_A_NETWORK), LIMIT).metadata.exif
        assert after.index(self.NOTE) == block.index(self.NOTE)

    def test_the_thumbnail_of_the_unrestored_picture_is_removed(self):
        thumbnail = b"\xff\xd8 the old face \xff\xd9" * 20
        block = samples.exif().tobytes()[6:]
        layout, start = tiff_tags.parse_layout(block), tiff_tags.first_directory_offset(block)
        count = struct.unpack_from(layout.count_format, block, start)[0]
        second = struct.pack(
            layout.order + "HHHIIHHIII", 2, 0x0201, 4, 1, len(block) + 30, 0x0202, 4, 1, len(thumbnail), 0
        )
        linked = bytearray(block + second + thumbnail)
        struct.pack_into(layout.offset_format, linked, start + 2 + 12 * count, len(block))
        assert tiff_tags.read_directory(bytes(linked)).next_offset == len(block)
        after = exif.restored(bytes(linked), SOFTWARE, (80, 60), None)
        assert thumbnail not in after
        assert tiff_tags.read_directory(after).next_offset == 0
        assert len(after) < len(linked)

    def test_a_block_too_long_for_a_jpeg_loses_only_its_longest_values(self):
        block = samples.exif(1, bytes(66_000)).tobytes()[6:]
        photo = Photo(scene(), None, "RGB", "png", Metadata(exif=block))
        directory = tiff_tags.read_directory(
            decode(encode(photo, "jpeg", 90, BY_A_NETWORK), LIMIT).metadata.exif
        )
        assert directory.tags[exif.SOFTWARE].data == SOFTWARE.encode() + b"\0"
        assert 0x9003 in directory.children[tiff_tags.EXIF].tags
        assert tiff_tags.GPS in directory.children
        assert 0x927C not in directory.children[tiff_tags.EXIF].tags

    def test_values_past_the_end_are_left_out(self):
        block = samples.exif().tobytes()[6:]
        assert tiff_tags.read_directory(block[:-20]).number(exif.ORIENTATION, 0) == 1


class TestXmp:
    def test_a_packet_keeps_all_its_properties(self):
        after = xmp.restored(XMP, BY_A_NETWORK, (80, 60))
        for kept in (
            samples.TITLE.encode(),
            b'xmp:CreatorTool="Scanner 3"',
            b'xmp:Rating="4"',
            b'xml:lang="x-default"',
        ):
            assert kept in after
        assert b'tiff:ImageWidth="80"' in after
        assert xmp.made_by_facewatch(after)

    @pytest.mark.parametrize(
        "packet",
        [
            b"",
            b"not xml",
            b"<a><b></a>",
            b'<!DOCTYPE x [<!ENTITY a "'
            + b"ha" * 99
            + b'">]>'
            + XMP.split(b"?>", 1)[1].replace(b"Scanner 3", b"&a;"),
            b"<x>" * 500 + b"</x>" * 500,
            b'<?xml version="1.0" encoding="klingon"?><x/>',
        ],
    )
    def test_a_harmful_or_broken_packet_is_replaced(self, packet):
        after = xmp.restored(packet, BY_A_NETWORK, (80, 60))
        assert xmp.made_by_facewatch(after)
        assert b"haha" not in after
        assert not xmp.made_by_facewatch(packet)
        assert xmp.orientation(packet) is None

    def test_properties_of_parts_that_the_copy_lacks_are_removed(self):
        packet = XMP.replace(
            b"<dc:title>",
            b'<xmp:Thumbnails><rdf:Alt/></xmp:Thumbnails><c:Directory xmlns:c="http://ns.google.com/photos/1.0/container/"/>'
            b'<g:MotionPhoto xmlns:g="http://ns.google.com/photos/1.0/camera/">1</g:MotionPhoto><dc:title>',
        )
        after = xmp.restored(packet, BY_A_NETWORK, (80, 60))
        assert not any(word in after for word in (b"Thumbnails", b"Directory", b"MotionPhoto"))
        assert samples.TITLE.encode() in after

    def test_line_breaks_and_tabs_are_kept(self):
        packet = XMP.replace(b"Scanner 3", b"Front: Anna&#xA;Back:&#x9;Clara&#xD;1931").replace(
            samples.TITLE.encode(), b"a&#xD;b\nc&#x9;d <![CDATA[e\n<f>]]>"
        )
        once = xmp.restored(packet, BY_A_NETWORK, (80, 60))
        for after in (once, xmp.restored(once, BY_A_NETWORK, (80, 60))):
            document = minidom.parseString(after)
            first = document.getElementsByTagName("rdf:Description")[0]
            assert first.getAttribute("xmp:CreatorTool") == "Front: Anna\nBack:\tClara\r1931"
            title = document.getElementsByTagName("rdf:li")[0].childNodes
            assert "".join(node.data for node in title) == "a\rb\nc\td e\n<f>"

    def test_the_orientation_is_read_from_xmp_if_exif_has_none(self):
        packet = XMP.replace(b'xmp:Rating="4"', b'tiff:Orientation="6"')
        data = saved("jpeg", Image.fromarray(np.ascontiguousarray(np.rot90(scene(), 1))), xmp=packet)
        assert decode(data, LIMIT).pixels.shape == (30, 40, 3)

    def test_a_packet_too_long_for_one_segment_continues_in_others(self, read):
        nickname = b"".join(b"%06d " % number for number in range(30_000))
        packet = XMP.replace(b'xmp:Rating="4"', b'xmp:Nickname="' + nickname + b'"')
        photo = Photo(scene(), None, "RGB", "png", Metadata(xmp=packet))
        data = encode(photo, "jpeg", 90, BY_A_NETWORK)
        back = decode(data, LIMIT)
        assert back.made_by_facewatch
        assert nickname.strip() in back.metadata.xmp
        assert samples.TITLE.encode() in back.metadata.xmp
        after = read({"jpeg": data})["jpeg"]
        assert after["XMP-dc:Title"] == samples.TITLE
        assert after["XMP-facewatch:Model"] == "gfpgan-1.4"


def test_previews_among_the_image_resources_are_dropped_and_the_iptc_record_kept():
    preview = jpeg.make_resource(1036, b"the old face" * 10)
    block = jpeg.without_thumbnails(preview + samples.iptc_resources() + jpeg.make_resource(1037, b"x"))
    assert b"old face" not in block
    assert b"Old photo" in jpeg.iptc_record(block)
    assert [number for number, _ in jpeg.parse_resources(block)] == [0x0404, 1037]


def test_png_keeps_texts_and_drops_what_a_profile_replaces():
    from facewatch.restoration.codecs import png

    bare = io.BytesIO()
    Image.fromarray(scene()).save(bare, "PNG")
    chunks = ((b"sRGB", b"\0"), (b"tEXt", b"Title\0Lisbeth"))
    plain = png.split(png.insert_metadata(bare.getvalue(), Metadata(chunks=chunks)))[1]
    assert set(plain.chunks) == set(chunks)
    assert plain.dpi is None
    profiled = png.split(
        png.insert_metadata(bare.getvalue(), Metadata(chunks=chunks, icc=samples.profile()))
    )[1]
    assert (b"sRGB", b"\0") not in profiled.chunks
    assert profiled.icc == samples.profile()
