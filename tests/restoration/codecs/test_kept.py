"""What public photos hold beside their picture: it is kept in the copy, or named."""

import base64
import io
import struct
import zlib
from dataclasses import replace

import numpy as np
import pillow_heif
import pytest
from PIL import Image

from facewatch.errors import Animated, BadPhoto, NotSupported, PhotoTooLarge, TruncatedPhoto
from facewatch.restoration.codecs import jpeg, jpeg_turn, png, sniff
from facewatch.restoration.codecs.decoder import decode
from facewatch.restoration.codecs.encoder import encode
from facewatch.restoration.codecs.formats import BY_NAME
from facewatch.restoration.codecs.losses import find_losses
from facewatch.restoration.codecs.metadata import exif, tiff_tags, xmp, xmp_merge
from facewatch.restoration.codecs.photo import CREDENTIALS, SourceOrientation
from facewatch.restoration.codecs.size_limit import SizeLimit, needed_bytes
from tests.restoration.codecs.samples import BY_A_NETWORK, LIMIT, TITLE, XMP, profile, saved, scene

RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
FILM = struct.pack(">I4s4sI", 16, b"ftyp", b"mp42", 0) + bytes(range(250)) * 40
ORIENTED = b"II*\0\x08\0\0\0" + struct.pack("<HHHIII", 1, 0x0112, 3, 1, 6, 0)


def packet(*properties):
    return (
        f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="{RDF}"><rdf:Description rdf:about="" '
        'xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:xmp="http://ns.adobe.com/xap/1.0/">'
        f"{''.join(properties)}</rdf:Description></rdf:RDF></x:xmpmeta>"
    ).encode()


def subjects(*names):
    return (
        f"<dc:subject><rdf:Bag>{''.join(f'<rdf:li>{name}</rdf:li>' for name in names)}</rdf:Bag></dc:subject>"
    )


BROKEN = packet(subjects("Anna")).replace(b"</rdf:Bag>", b"</rdf:Bog>")


ARITHMETIC = base64.b85decode(
    "|JeWF01!$>Nk#wx0RR9200961|JwjV00smF1_cBL1_cHO2L=cV5DE$j2?`Vr4-"
    "60&6c`v66c!d59VH(c8zUSR79cDjBPJ&)Dk&KsEif%8FeNA{DF534LjeZ|2MP!Z6AB6wC>j<TC@3f>C@3f>C@3f>C@3f>C@3f>C@"
    "3f>C@3f>C@3f>C@3f>C@3f>C@3f>C@3f>C@BBQ01*fP7yuvx0U`hb5di}c0sqVZ3IGrg1pyEd1^?Or3<CiG0ucid06zf#0LQ`q0C"
    "eftJoHlY3lBUphCjtas={cM-"
    "1g!B02p;LzIa72W*t$n#61fGdM(WRK_3A7kO1c5)Myicos00Kyf;ZCyctoM${<Bf1aOl@)LVT~D!~8Q"
)
"""A JPEG of `scene(32, 24)` with arithmetic coding, which Pillow does not write."""


def with_segments(data, *segments):
    """Return a JPEG with application segments, (marker, payload) each, after its start mark."""
    parts = b"".join(struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body for marker, body in segments)
    return data[:2] + parts + data[2:]


def copied(data, name="jpeg"):
    photo = decode(data, LIMIT)
    return encode(photo, name, 95, BY_A_NETWORK), find_losses(photo, BY_NAME[name])


def picture(width=64, height=48, **options):
    return saved("jpeg", Image.fromarray(scene(width, height)), **options)


class TestXmp:
    @pytest.mark.parametrize(
        "end", [b'<?xpacket end="w"', b"<", b"junk", b"\xff\xfe\0", b"</x:xmpmeta>", b"&"]
    )
    def test_what_follows_the_root_loses_nothing(self, end):
        whole = XMP[: XMP.rindex(b"<?xpacket")] + end
        copy, lost = copied(with_segments(picture(), (jpeg.APP1, jpeg.XMP + whole)))
        assert TITLE.encode() in copy
        assert b'xmp:Rating="4"' in copy
        assert not lost

    @pytest.mark.parametrize(
        "broken",
        [
            XMP.replace(b"Lisbeth", b"Lisb\xe8th"),
            XMP.replace(b"Lisbeth", b"Lis\0\x01beth"),
            XMP.replace(b' xmlns:dc="http://purl.org/dc/elements/1.1/"', b""),
            b"\0\0\n<?xml version='1.0'?>" + XMP,
            XMP.replace(b"Lisbeth", b"Tom & Anna"),
            XMP.decode().encode("utf-16-le"),
            XMP.decode().encode("utf-16-be"),
            b"\xfe\xff" + XMP.decode().encode("utf-16-be"),
            XMP.decode().encode("utf-32-be"),
            b"<?xml version='1.0' encoding='ISO-8859-1'?>" + XMP,
            XMP[: XMP.index(b"</x:xmpmeta>")],
            XMP[: XMP.index(b"</rdf:RDF>")],
            XMP[: XMP.index(b"</rdf:Description>")],
        ],
    )
    def test_a_packet_that_is_not_quite_valid_is_read(self, broken):
        after = xmp.restored(broken, BY_A_NETWORK, (80, 60))
        assert b"1931" in after
        assert b'xmp:Rating="4"' in after

    def test_a_packet_that_is_cut_keeps_what_is_whole_and_names_the_rest(self):
        whole = packet("<xmp:Rating>4</xmp:Rating>", subjects("Anna", "Berta"))
        copy, lost = copied(with_segments(picture(), (jpeg.APP1, jpeg.XMP + whole[: whole.index(b"rta")])))
        assert b"<xmp:Rating>4</xmp:Rating>" in copy
        assert b"Anna" in copy
        assert lost == ("fragments at the end of the XMP",)

    @pytest.mark.parametrize("name", ["jpeg", "png"])
    def test_a_packet_that_cannot_be_parsed_is_carried_over_byte_for_byte(self, name):
        copy, lost = copied(with_segments(picture(), (jpeg.APP1, jpeg.XMP + BROKEN)), name)
        assert BROKEN in copy
        assert not lost
        assert decode(copy, LIMIT).made_by_facewatch

    def test_a_packet_that_cannot_be_parsed_is_named_where_there_is_no_room(self):
        data = with_segments(picture(), (jpeg.APP1, jpeg.XMP + BROKEN))
        assert copied(data, "webp")[1] == ("an XMP packet that is not valid XML",)

    def test_the_lists_of_two_packets_are_joined(self):
        data = with_segments(
            picture(),
            (jpeg.APP1, jpeg.XMP + packet(subjects("Anna", "Clara"))),
            (jpeg.APP1, jpeg.XMP + packet(subjects("Anna", "Berta"), "<xmp:Rating>3</xmp:Rating>")),
        )
        copy, lost = copied(data)
        for name in (b"Anna", b"Berta", b"Clara"):
            assert copy.count(b"<rdf:li>" + name) == 1
        assert b"<xmp:Rating>3<" in copy
        assert not lost

    def test_of_two_values_the_later_counts_and_the_property_is_named(self):
        found = xmp_merge.merge([packet("<xmp:Rating>1</xmp:Rating>"), packet("<xmp:Rating>2</xmp:Rating>")])
        assert b"<xmp:Rating>2<" in found.packet
        assert b"<xmp:Rating>1<" not in found.packet
        assert found.notes == ("one of two values of xmp:Rating in its XMP",)

    def test_extended_xmp_counts_whatever_its_digest(self):
        extension = packet(subjects("Anna"))
        head = jpeg.EXTENDED_XMP + b"0" * 32 + struct.pack(">II", len(extension), 0)
        data = with_segments(
            picture(),
            (jpeg.APP1, jpeg.XMP + packet("<xmp:Rating>3</xmp:Rating>")),
            (jpeg.APP1, head + extension),
        )
        copy, lost = copied(data)
        assert b"Anna" in copy
        assert not lost
        cut = with_segments(picture(), (jpeg.APP1, head + extension[:-9]))
        assert copied(cut)[1] == ("extended XMP, of which parts are missing in the original",)

    def test_a_webp_chunk_named_by_old_programs_is_read(self):
        stream = io.BytesIO()
        Image.fromarray(scene()).save(stream, "WEBP", xmp=XMP)
        data = stream.getvalue().replace(b"XMP ", b"XMP\0")
        assert TITLE.encode() in copied(data, "webp")[0]


class TestTail:
    def test_a_film_and_unknown_data_follow_the_copy(self):
        named = packet('<g:MotionPhoto xmlns:g="http://ns.google.com/photos/1.0/camera/">1</g:MotionPhoto>')
        data = with_segments(picture(), (jpeg.APP1, jpeg.XMP + named)) + FILM
        copy, lost = copied(data)
        assert copy.endswith(b"\xff\xd9" + FILM)
        assert b"MotionPhoto" in copy
        assert not lost
        assert copied(picture() + b"\0\0\x01\x0aSEFHSEFT")[0].endswith(b"\xff\xd9\0\0\x01\x0aSEFHSEFT")

    @pytest.mark.parametrize("end", [b"", b"\xff"])
    @pytest.mark.parametrize("name", [b"", b"\0\0\x30\x0a\x10\0\0\0MotionPhoto_Data"])
    def test_a_film_behind_a_picture_without_an_end_mark_is_kept(self, name, end):
        # A film's bytes hold what looks like an end mark.
        film = name + struct.pack(">I4s4sI", 16, b"ftyp", b"mp42", 0)
        film += struct.pack(">I4s", 2008, b"mdat") + b"\xff\xd8\xff\xd9\xff\xda" * 333 + b"\0\0"
        whole = picture(160, 120)
        data = whole[:-2] + end + film
        with pytest.raises(TruncatedPhoto, match="being copied"):
            decode(data, LIMIT)
        photo = decode(data, LIMIT, settled=True)
        assert np.array_equal(photo.pixels, decode(whole, LIMIT).pixels)
        assert encode(photo, "jpeg", 95, BY_A_NETWORK).endswith(b"\xff\xd9" + film)
        assert find_losses(photo, BY_NAME["jpeg"]) == ()
        with pytest.raises(TruncatedPhoto, match="cut off"):
            decode(whole[: len(whole) * 4 // 5] + film, LIMIT, settled=True)

    def test_a_film_is_named_in_other_formats(self):
        copy, lost = copied(picture() + FILM, "png")
        assert lost == ("the motion film",)
        assert FILM not in copy

    def test_padding_is_not_kept(self):
        copy, lost = copied(picture() + bytes(4096))
        assert copy.endswith(b"\xff\xd9")
        assert not lost

    def test_the_further_pictures_of_an_mpo_keep_their_places(self):
        stream = io.BytesIO()
        first, second = Image.fromarray(scene(200, 80)), Image.fromarray(scene(64, 48)[::-1].copy())
        first.save(stream, "MPO", save_all=True, append_images=[second], quality=95)
        copy, lost = copied(stream.getvalue())
        assert not lost
        with Image.open(io.BytesIO(stream.getvalue())) as before, Image.open(io.BytesIO(copy)) as after:
            assert after.n_frames == 2
            before.seek(1)
            after.seek(1)
            assert np.array_equal(before, after)
        assert copied(stream.getvalue(), "tiff")[1] == ("1 further picture",)

    def test_a_gain_map_is_turned_with_its_picture(self):
        marked = with_segments(
            picture(32, 16),
            (jpeg.APP1, jpeg.XMP + b'<x xmlns:hdrgm="http://ns.adobe.com/hdr-gain-map/1.0/"/>'),
        )
        item = "http://ns.google.com/photos/1.0/container/item/"
        directory = (
            '<c:Directory xmlns:c="http://ns.google.com/photos/1.0/container/"><rdf:Seq>'
            f'<rdf:li><c:Item xmlns:i="{item}" i:Semantic="GainMap" i:Length="{len(marked)}"/></rdf:li>'
            "</rdf:Seq></c:Directory>"
        )
        plain = picture(exif=b"Exif\0\0" + ORIENTED)
        data = with_segments(plain, (jpeg.APP1, jpeg.XMP + packet(directory))) + marked
        copy, lost = copied(data)
        assert not lost
        (part,) = decode(copy, LIMIT).metadata.tail
        assert part.kind == "gain map"
        assert Image.open(io.BytesIO(part.data)).size == (16, 32)
        assert f'i:Length="{len(part.data)}"'.encode() in copy
        assert copied(data, "png")[1] == ("the gain map (HDR brightness)",)

    def test_segments_of_makers_are_kept(self):
        segments = (
            (0xE1, b"FLIR\0\1\2"),
            (0xE2, b"FPXR\0\0\1"),
            (0xEC, b"[picture info]\r\nTimeDate=883612800"),
            (0xE0, b"II\x1a\0\0\0HEAPJPGM\2\0\1\0 the date of a camera before EXIF"),
        )
        copy, lost = copied(with_segments(picture(), *segments))
        assert all(payload in copy for _, payload in segments)
        assert not lost
        assert "APP1 FLIR" in copied(with_segments(picture(), *segments), "png")[1][0]

    def test_a_cameras_preview_is_named(self):
        first, second = (Image.fromarray(scene(*size)) for size in ((64, 48), (32, 24)))
        stream = io.BytesIO()
        first.save(stream, "MPO", save_all=True, append_images=[second], quality=95)
        photo = decode(stream.getvalue(), LIMIT)
        part = replace(photo.metadata.tail[0], kind="preview")
        upright = jpeg_turn.upright(replace(photo.metadata, tail=(part,)))
        assert upright.tail == ()
        assert upright.lost == ("a preview, which shows the unrestored picture",)

    def test_content_credentials_are_named(self):
        copy, lost = copied(with_segments(picture(), (0xEB, b"JP\0\1jumb")))
        assert b"jumb" not in copy
        assert "content credentials" in lost[0]


class TestExif:
    def test_an_entry_of_an_unknown_kind_does_not_come_first(self):
        make = struct.pack("<HHI4s", 0x010F, 2, 4, b"ACE\0")
        bad = struct.pack("<HHII", 1, 0, 1, 0xEE)
        block = b"II*\0\x08\0\0\0" + struct.pack("<H", 2) + make + bad + bytes(4)
        found = exif.restored(block, "facewatch", (4, 4), None)
        layout = tiff_tags.parse_layout(found)
        entries, _ = tiff_tags.raw_entries(found, tiff_tags.first_directory_offset(found), layout)
        assert all(1 <= struct.unpack_from("<H", entry, 2)[0] <= 13 for entry in entries)
        assert make in entries

    @pytest.mark.parametrize("kinds", [(0, 2), (2, 0)])
    def test_an_entry_of_an_unknown_kind_hides_no_other_of_its_number(self, kinds):
        rows = b"".join(struct.pack("<HHI4s", 0x010F, kind, 4, b"ACE\0") for kind in kinds)
        block = b"II*\0\x08\0\0\0" + struct.pack("<H", 2) + rows + bytes(4)
        assert tiff_tags.read_directory(block).tags[0x010F].kind == 2
        found = tiff_tags.read_directory(exif.restored(block, "facewatch", (4, 4), None))
        assert found.tags[0x010F].kind == 2

    def test_a_second_block_is_named_unless_it_is_the_same(self):
        other = ORIENTED.replace(b"\6", b"\3")
        once, twice = (
            copied(with_segments(picture(), *((jpeg.APP1, b"Exif\0\0" + block) for block in blocks)))[1]
            for blocks in ((ORIENTED, ORIENTED), (ORIENTED, other))
        )
        assert once == ()
        assert twice == ("a second EXIF block",)

    def test_a_block_in_two_segments_is_joined(self):
        segments = [(jpeg.APP1, b"Exif\0\0" + part) for part in (ORIENTED[:20], ORIENTED[20:])]
        assert decode(with_segments(picture(), *segments), LIMIT).metadata.exif == ORIENTED

    @pytest.mark.parametrize(("place", "kept"), [(5000, True), (2_000_000, False)])
    def test_a_maker_note_of_a_tiff_keeps_its_place_or_is_named(self, place, kept):
        stream = io.BytesIO()
        Image.fromarray(scene()).save(stream, "TIFF")
        data = stream.getvalue()
        layout = tiff_tags.parse_layout(data)
        entries, _ = tiff_tags.raw_entries(data, tiff_tags.first_directory_offset(data), layout)
        note = b"Maker\0" + bytes(range(100))
        body = data.ljust(place, b"\0") + note
        inner = len(body)
        body += struct.pack("<HHHIII", 1, tiff_tags.MAKER_NOTE, 7, len(note), place, 0)
        at = len(body)
        entries = sorted([*entries, struct.pack("<HHII", tiff_tags.EXIF, 4, 1, inner)])
        rows = sorted(entries, key=lambda entry: struct.unpack_from("<H", entry)[0])
        body += struct.pack("<H", len(rows)) + b"".join(rows) + bytes(4)
        body = body[:4] + struct.pack("<I", at) + body[8:]
        copy, lost = copied(body, "tiff")
        assert (copy[place : place + len(note)] == note) == kept
        assert (not lost) == kept
        assert kept or "maker note" in lost[0]

    def test_a_block_that_cannot_be_read_is_named(self):
        assert copied(with_segments(picture(), (jpeg.APP1, b"Exif\0\0XX")))[1] == (exif.UNREADABLE,)


class TestEnd:
    @pytest.mark.parametrize(
        "options",
        [
            {},
            {"progressive": True},
            {"restart_marker_blocks": 3},
            {"progressive": True, "restart_marker_blocks": 3},
        ],
    )
    @pytest.mark.parametrize("end", [b"", b"\xff"])
    def test_a_settled_jpeg_without_its_end_mark_is_decoded_if_every_row_is_there(self, options, end):
        whole = picture(160, 120, **options)
        cut = whole[:-2] + end
        with pytest.raises(TruncatedPhoto, match="being copied"):
            decode(cut, LIMIT)
        assert np.array_equal(decode(cut, LIMIT, settled=True).pixels, decode(whole, LIMIT).pixels)

    @pytest.mark.parametrize(
        "options",
        [
            {},
            {"progressive": True},
            {"restart_marker_blocks": 3},
            {"progressive": True, "restart_marker_blocks": 3},
        ],
    )
    @pytest.mark.parametrize("share", [0.5, 0.8, 0.97])
    def test_a_cut_jpeg_is_never_decoded(self, options, share):
        whole = picture(160, 120, **options)
        with pytest.raises(TruncatedPhoto, match="copy it again from where it came from"):
            decode(whole[: int(len(whole) * share)], LIMIT, settled=True)

    @pytest.mark.parametrize("tables", [0, 946])
    def test_an_arithmetic_jpeg_is_decoded_wherever_a_reader_cuts_it(self, tables):
        """Pillow reads 65,536 bytes at once; the picture is moved across that place by further tables."""
        start = ARITHMETIC.index(b"\xff\xdb")
        (length,) = struct.unpack_from(">H", ARITHMETIC, start + 2)
        table = ARITHMETIC[start : start + 2 + length]
        data = ARITHMETIC[:start] + table * tables + ARITHMETIC[start:]
        assert np.abs(decode(data, LIMIT).pixels.astype(int) - scene(32, 24)).mean() < 8

    @pytest.mark.parametrize("name", ["webp", "heic", "avif"])
    def test_zeros_behind_a_settled_file_are_no_part_of_it(self, name):
        whole = saved(name, Image.fromarray(scene(64, 48)))
        found = decode(whole + bytes(300), LIMIT, settled=True)
        assert np.array_equal(found.pixels, decode(whole, LIMIT).pixels)
        assert not found.metadata.lost

    @pytest.mark.parametrize("name", ["png", "webp", "heic", "avif"])
    def test_data_behind_the_picture_is_named(self, name):
        whole = saved(name, Image.fromarray(scene(64, 48)))
        assert decode(whole + b"SEFH and more", LIMIT, settled=True).metadata.lost == (
            "the data behind the picture",
        )

    @pytest.mark.parametrize("wrong", [-20, 100])
    def test_a_settled_webp_with_a_wrong_length_in_its_header_is_read(self, wrong):
        whole = saved("webp", Image.fromarray(scene(64, 48)))
        size = struct.unpack_from("<I", whole, 4)[0] + wrong
        odd = whole[:4] + struct.pack("<I", size) + whole[8:]
        with pytest.raises(TruncatedPhoto, match="being copied"):
            decode(odd, LIMIT)
        assert np.array_equal(decode(odd, LIMIT, settled=True).pixels, decode(whole, LIMIT).pixels)

    @pytest.mark.parametrize("name", ["webp", "heic"])
    def test_xmp_that_ends_in_zeros_is_no_missing_end(self, name):
        whole = saved(name, Image.fromarray(scene(64, 48)), xmp=XMP + bytes(200))
        assert b"1931" in decode(whole, LIMIT).metadata.xmp

    @pytest.mark.parametrize("name", ["png", "webp", "tiff", "heic"])
    def test_a_settled_file_is_not_said_to_be_copied(self, name):
        data = saved(name, Image.fromarray(scene(160, 120)))
        with pytest.raises(TruncatedPhoto) as caught:
            decode(data[: len(data) * 3 // 4], LIMIT, settled=True)
        assert str(caught.value) == sniff.CUT_OFF


class TestProfile:
    def test_one_that_is_damaged_or_does_not_fit_is_named(self):
        words = ("an ICC profile that is damaged or does not fit the picture",)
        grey = saved("jpeg", Image.fromarray(scene(channels=1)), icc_profile=profile())
        assert copied(picture(icc_profile=b"x" * 500))[1] == copied(grey)[1] == words
        assert copied(picture(icc_profile=profile()))[1] == ()

    def test_one_of_which_a_part_is_missing_is_named(self):
        whole = picture(icc_profile=profile())
        at = whole.index(b"ICC_PROFILE\0") + 12
        cut = whole[:at] + b"\2\2" + whole[at + 2 :]
        assert copied(cut)[1] == ("an ICC profile of which parts are missing in the original",)

    def test_one_that_cannot_be_decompressed_is_named(self):
        data = saved("png", Image.fromarray(scene()))
        data = data[:33] + png.chunk(b"iCCP", b"x\0\0broken") + data[33:]
        assert copied(data, "png")[1] == ("an ICC profile that cannot be decompressed",)


class TestPng:
    @staticmethod
    def with_chunks(*chunks):
        data = saved("png", Image.fromarray(scene(64, 48)))
        return data[:33] + b"".join(png.chunk(kind, payload) for kind, payload in chunks) + data[33:]

    def test_chunks_that_hold_for_a_changed_picture_too_are_kept(self):
        chunks = [(b"tIME", b"\x07\xd1\2\3\4\5\6"), (b"sTER", b"\1"), (b"prVt", b"own"), (b"oFFs", bytes(9))]
        copy, lost = copied(self.with_chunks(*chunks), "png")
        assert all(png.chunk(kind, payload) in copy for kind, payload in chunks)
        assert not lost

    @pytest.mark.parametrize(
        ("kind", "words"), [(b"prVT", "PNG chunks of a program (prVT)"), (b"caBX", CREDENTIALS)]
    )
    def test_others_are_named(self, kind, words):
        assert copied(self.with_chunks((kind, b"own")), "png")[1] == (words,)

    def test_packed_exif_is_read(self):
        block = b"\0" + struct.pack(">I", len(ORIENTED)) + zlib.compress(ORIENTED)
        assert decode(self.with_chunks((b"zxIf", block)), LIMIT).metadata.exif == ORIENTED

    @pytest.mark.parametrize("kind", [b"IDAT", b"IEND"])
    def test_a_wrong_checksum_stops_nothing_where_the_compressed_data_prove_right(self, kind):
        whole = self.with_chunks()
        end = whole.index(kind) + 4 + struct.unpack_from(">I", whole, whole.index(kind) - 4)[0]
        odd = whole[:end] + b"\1\2\3\4" + whole[end + 4 :]
        assert np.array_equal(decode(odd, LIMIT).pixels, decode(whole, LIMIT).pixels)

    def test_changed_data_are_damaged(self):
        whole = bytearray(self.with_chunks())
        whole[whole.index(b"IDAT") + 40] ^= 1
        with pytest.raises(BadPhoto, match="checksum"):
            decode(bytes(whole), LIMIT)


@pytest.mark.parametrize(
    ("kind", "words"), [(b"JUNK", "WebP chunks of a program (JUNK)"), (b"C2PA", CREDENTIALS)]
)
def test_unknown_chunks_of_a_webp_are_named(kind, words):
    data = saved("webp", Image.fromarray(scene(64, 48)), icc_profile=profile()) + kind + b"\4\0\0\0more"
    data = data[:4] + struct.pack("<I", len(data) - 8) + data[8:]
    assert copied(data, "webp")[1] == (words,)


class TestFormats:
    def test_alpha_laid_on_white_is_named(self):
        stream = io.BytesIO()
        image = Image.fromarray(np.dstack([scene(64, 48), np.full((48, 64), 90, np.uint8)]))
        pillow_heif.from_pillow(image).save(stream, quality=90)
        photo = decode(stream.getvalue(), LIMIT)
        assert find_losses(photo, BY_NAME["jpeg"]) == ("transparency (it is laid on white)",)
        assert find_losses(photo, BY_NAME["png"]) == ()

    def test_a_film_beside_a_heic_picture_is_named(self):
        film = struct.pack(">I4s", 16, b"moov") + bytes(8)
        whole = saved("heic", Image.fromarray(scene(64, 48)))
        assert decode(whole + film, LIMIT).metadata.lost == ("the pictures of its film or burst",)

    def test_a_heic_file_without_a_picture_but_a_film_is_animated(self):
        head = struct.pack(">I4s4sI4s4s", 24, b"ftyp", b"msf1", 0, b"msf1", b"hevc")
        film = struct.pack(">I4s8x", 16, b"moov") + struct.pack(">I4s", 12, b"mdat") + b"data"
        with pytest.raises(Animated, match="animated"):
            decode(head + film, LIMIT)

    def test_the_pictures_of_a_heic_burst_are_named(self):
        stream = io.BytesIO()
        burst = pillow_heif.from_pillow(Image.fromarray(scene(64, 48)))
        burst.add_from_pillow(Image.fromarray(scene(64, 48)))
        burst.save(stream)
        assert "1 further picture" in copied(stream.getvalue())[1]

    def test_what_a_bmp_cannot_hold_is_named(self):
        data = with_segments(picture(exif=b"Exif\0\0" + ORIENTED), (jpeg.APP1, jpeg.XMP + XMP))
        assert copied(data, "bmp")[1] == ("EXIF and XMP (BMP holds none)",)

    @pytest.mark.parametrize("name", ["PNG", "WEBP"])
    def test_an_animation_is_recognised(self, name):
        stream = io.BytesIO()
        first, second = Image.fromarray(scene()), Image.fromarray(scene()[::-1].copy())
        first.save(stream, name, save_all=True, append_images=[second], duration=100)
        with pytest.raises(Animated, match="animated"):
            decode(stream.getvalue(), LIMIT)

    @pytest.mark.parametrize(
        ("array", "options", "words"),
        [
            (np.zeros((8, 8), np.float32), {}, "32-bit floating point samples; save it as RGB with 8 or 16"),
            (np.zeros((8, 8), np.int32), {}, "32-bit signed samples; save it as"),
        ],
    )
    def test_a_sound_picture_of_a_rare_form_is_not_called_damaged(self, array, options, words):
        with pytest.raises(BadPhoto, match=words):
            decode(saved("tiff", Image.fromarray(array), **options), LIMIT)

    @pytest.mark.parametrize(
        ("place", "value", "words"),
        [
            (28, struct.pack("<H", 2), "a BMP with 2 bits a pixel"),
            (28, struct.pack("<H", 64), "a BMP with 64 bits a pixel"),
            (14, struct.pack("<I", 16), "a BMP of a rare form"),
            (30, struct.pack("<I", 4), "a JPEG inside a BMP"),
        ],
    )
    def test_a_bmp_of_a_rare_form_is_named(self, place, value, words):
        data = saved("bmp", Image.fromarray(scene()))
        with pytest.raises(NotSupported, match=f"{words}; save it as PNG, or as BMP with 24 bits"):
            decode(data[:place] + value + data[place + len(value) :], LIMIT)

    def test_a_tiff_whose_one_strip_is_said_to_be_longer_than_its_picture_is_read(self):
        data = saved("tiff", Image.fromarray(scene()))
        right = struct.pack("<HHII", 279, 4, 1, 40 * 30 * 3)
        assert right in data
        odd = data.replace(right, struct.pack("<HHII", 279, 4, 1, 35_711_440))
        assert np.array_equal(decode(odd, LIMIT).pixels, scene())

    def test_a_jpeg_of_12_bits_is_named(self):
        data = bytearray(picture())
        at = data.index(b"\xff\xc0")
        data[at + 4] = 12
        with pytest.raises(BadPhoto, match="a JPEG with 12 bits a channel; save it as PNG or TIFF"):
            decode(bytes(data), LIMIT)

    @pytest.mark.parametrize(
        ("head", "name"),
        [
            (b"GIF89a", "a GIF"),
            (b"\0\0\0\x0cjP  \r\n", "a JPEG 2000"),
            (b"8BPS", "Photoshop"),
            (b"v/1\x01", "OpenEXR"),
            (b"RIFF\0\0\0\0AVI ", "a video"),
            (b"\0\x05\x16\x07", "AppleDouble"),
        ],
    )
    def test_a_kind_that_is_not_taken_is_named(self, head, name):
        with pytest.raises(BadPhoto, match=f"{name}.*save it as one of these"):
            decode(head + bytes(range(200)), LIMIT)


class TestSize:
    def test_200_megapixels_pass_on_8_gigabytes(self):
        SizeLimit(memory_bytes=int(0.9 * 7.7e9)).check((12240, 16320))

    def test_a_picture_too_large_for_the_memory_names_what_it_needs(self):
        words = f"needs about {needed_bytes(12240 * 16320) / 1e9:.1f} GB of memory; this machine has 2.0 GB"
        with pytest.raises(PhotoTooLarge, match=words):
            SizeLimit(memory_bytes=2_000_000_000).check((12240, 16320))

    def test_an_enlarged_copy_counts(self):
        with pytest.raises(PhotoTooLarge, match="a smaller upscale"):
            SizeLimit(memory_bytes=7_000_000_000, upscale=4).check((12240, 16320))

    def test_a_number_of_pixels_limits_alone(self):
        with pytest.raises(PhotoTooLarge, match="raise max_megapixels"):
            SizeLimit(1_000_000).check((1001, 1000))


def test_metadata_of_a_photo_stays_as_it_is_when_it_is_only_encoded():
    photo = decode(picture() + FILM, LIMIT)
    assert find_losses(replace(photo, pixels=photo.pixels + np.uint8(0)), BY_NAME["jpeg"]) == ()


@pytest.mark.parametrize("channels", [3, 4])
def test_a_bmp_keeps_its_profile(channels):
    icc = profile()
    array = scene(37, 30, channels)
    stream = io.BytesIO()
    Image.fromarray(array).save(stream, "PNG", icc_profile=icc)
    first = encode(decode(stream.getvalue(), LIMIT), "bmp", 90, BY_A_NETWORK)
    photo = decode(encode(decode(first, LIMIT), "bmp", 90, BY_A_NETWORK), LIMIT)
    assert photo.metadata.icc == icc
    assert np.array_equal(photo.pixels, array[..., :3])
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(first)).convert("RGB")), array[..., :3])


def test_a_subject_too_far_for_exif_is_left_out_and_the_rest_kept():
    entries = struct.pack("<HHIHH", 0x9214, 3, 2, 60000, 60000)
    entries += struct.pack("<HHII", 0xA002, 4, 1, 40) + struct.pack("<HHII", 0xA003, 4, 1, 30)
    block = b"II*\0\x08\0\0\0" + struct.pack("<HHHIII", 1, tiff_tags.EXIF, 4, 1, 26, 0)
    block += struct.pack("<H", 3) + entries + bytes(4)
    found = exif.restored(block, "facewatch", (80, 60), None, SourceOrientation(1, (40, 30)))
    inner = tiff_tags.read_directory(found).children[tiff_tags.EXIF]
    assert 0x9214 not in inner.tags
    assert (inner.number(0xA002, 0), inner.number(0xA003, 0)) == (80, 60)


@pytest.mark.parametrize("deep", [False, True])
def test_a_settled_png_without_its_end_is_decoded_if_every_row_is_there(deep):
    photo = decode(saved("png", Image.fromarray(scene(160, 120))), LIMIT)
    pixels = photo.pixels.astype(np.uint16) * 257 if deep else photo.pixels
    whole = encode(replace(photo, pixels=pixels, mode="RGB16" if deep else "RGB"), "png", 90, BY_A_NETWORK)
    with pytest.raises(TruncatedPhoto):
        decode(whole[:-12], LIMIT)
    assert np.array_equal(decode(whole[:-12], LIMIT, settled=True).pixels, pixels)
    at = whole.rindex(b"IDAT") - 4
    with pytest.raises(TruncatedPhoto):
        decode(whole[:at], LIMIT, settled=True)


def test_a_big_endian_bigtiff_is_read():
    array = scene(40, 30)
    bits, shape = (8, 8, 8), array.shape
    entries = [
        (256, 4, "I", (shape[1],)), (257, 4, "I", (shape[0],)), (258, 3, "H", bits), (259, 3, "H", (1,)),
        (262, 3, "H", (2,)), (273, 16, "Q", (16,)), (277, 3, "H", (3,)), (279, 16, "Q", (array.nbytes,)),
    ]  # fmt: skip
    rows = b"".join(
        struct.pack(">HHQ", tag, kind, len(values))
        + struct.pack(f">{len(values)}{code}", *values).ljust(8, b"\0")
        for tag, kind, code, values in entries
    )
    data = b"MM\0+" + struct.pack(">HHQ", 8, 0, 16 + array.nbytes) + array.tobytes()
    data += struct.pack(">Q", len(entries)) + rows + bytes(8)
    assert np.array_equal(decode(data, LIMIT).pixels, array)


def test_cmyk_with_alpha_is_read_and_the_alpha_named():
    inks = np.dstack([scene(40, 30, 4), np.full((30, 40), 90, np.uint8)])
    rows = [
        (256, 4, 1, 40), (257, 4, 1, 30), (258, 3, 5, 8), (259, 3, 1, 1), (262, 3, 1, 5), (273, 4, 1, 8),
        (277, 3, 1, 5), (278, 4, 1, 30), (279, 4, 1, inks.nbytes), (338, 3, 1, 2),
    ]  # fmt: skip
    end = 8 + inks.nbytes
    bits_at = end + 2 + 12 * len(rows) + 4
    table = b"".join(
        struct.pack("<HHII", tag, kind, count, bits_at if tag == 258 else value)
        for tag, kind, count, value in rows
    )
    data = b"II*\0" + struct.pack("<I", end) + inks.tobytes() + struct.pack("<H", len(rows)) + table
    photo = decode(data + bytes(4) + struct.pack("<5H", *[8] * 5), LIMIT)
    assert photo.mode == "CMYK"
    assert np.array_equal(photo.source.samples, inks[..., :4])
    assert find_losses(photo, BY_NAME["tiff"]) == ("1 extra channel (saved selections, infrared)",)


def test_fragments_of_an_older_packet_are_named():
    data = with_segments(picture(), (jpeg.APP1, jpeg.XMP + XMP + b"<dc:title>old</dc:title></x:xmpmeta>"))
    assert copied(data)[1] == ("fragments at the end of the XMP",)


@pytest.mark.parametrize("modes", [("RGB", "RGB"), ("1", "L", "RGB"), ("P", "CMYK")])
@pytest.mark.parametrize("order", ["<", ">"])
def test_the_pages_of_a_tiff_are_decoded_and_written_one_by_one(modes, order):
    images = [Image.fromarray(scene(40 + 8 * n, 30)).convert(mode) for n, mode in enumerate(modes)]
    stream = io.BytesIO()
    big_endian = {"big_tiff": False} if order == "<" else {}
    images[0].save(stream, "TIFF", save_all=True, append_images=images[1:], dpi=(300, 300), **big_endian)
    photo = decode(stream.getvalue(), LIMIT)
    if order == ">":
        block = b"MM\0*\0\0\0\x08" + struct.pack(">HHHI4sI", 1, 0x010F, 2, 4, b"ACE\0", 0)
        photo = replace(photo, metadata=replace(photo.metadata, exif=block))
    patched = replace(photo.pages[0], pixels=255 - photo.pages[0].pixels)
    copy = encode(replace(photo, pages=(patched, *photo.pages[1:])), "tiff", 95, BY_A_NETWORK)
    again = decode(copy, LIMIT)
    assert [page.mode for page in (again, *again.pages)] == list(modes)
    assert np.array_equal(again.pixels, photo.pixels)
    if modes[1] in ("RGB", "L"):
        assert np.array_equal(again.pages[0].pixels, patched.pixels)
    assert all(page.metadata.dpi == pytest.approx((300, 300)) for page in again.pages)
    with Image.open(io.BytesIO(copy)) as other:
        assert other.n_frames == len(modes)
        for number in range(len(modes)):
            other.seek(number)
            other.load()
    assert find_losses(photo, BY_NAME["tiff"]) == ()
    assert "1 further pages" not in find_losses(photo, BY_NAME["tiff"])


def test_the_pages_of_a_tiff_count_together_against_the_limit():
    images = [Image.fromarray(scene()) for _ in range(4)]
    stream = io.BytesIO()
    images[0].save(stream, "TIFF", save_all=True, append_images=images[1:])
    decode(stream.getvalue(), 4 * 40 * 30)
    with pytest.raises(PhotoTooLarge):
        decode(stream.getvalue(), 4 * 40 * 30 - 1)
