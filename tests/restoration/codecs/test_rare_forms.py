"""Sound pictures of forms that few programs write: read as they are meant, or refused with the reason."""

import io
import struct

import numpy as np
import pytest
from PIL import Image

from facewatch.errors import BadPhoto, NotSupported, TruncatedPhoto
from facewatch.restoration.codecs import jpeg, png
from facewatch.restoration.codecs.decoder import decode
from facewatch.restoration.codecs.encoder import encode
from facewatch.restoration.codecs.formats import BY_NAME
from facewatch.restoration.codecs.losses import find_losses
from facewatch.restoration.codecs.metadata import tiff_tags
from facewatch.restoration.codecs.photo import BEHIND, Metadata
from tests.restoration.codecs.samples import BY_A_NETWORK, LIMIT, described, exif, saved, scene
from tests.restoration.codecs.test_rare_metadata import block, directory, jpeg_with
from tests.restoration.codecs.test_tiff_samples import TILE, noise, page

DATE, LENS = 0x9003, 0xA434
TURNED = (1, 6)
"""Upright, and to be turned by a quarter."""


def picture(size=(40, 30), **options):
    return saved("jpeg", Image.fromarray(scene(*size)), quality=95, **options)


def copied(data, name):
    photo = decode(data, LIMIT, settled=True)
    return encode(photo, name, 95, BY_A_NETWORK), find_losses(photo, BY_NAME[name])


class TestBytesBeforeAJpeg:
    @pytest.mark.parametrize("before", [b"\n", b"\r\n\r\n", b"\xef\xbb\xbf", b"\xef\xbb\xbf \t\n"])
    def test_what_a_script_wrote_before_it_is_left_out(self, before):
        data = picture()
        photo = decode(before + data, LIMIT)
        assert np.array_equal(photo.pixels, decode(data, LIMIT).pixels)
        assert not find_losses(photo, BY_NAME["jpeg"])

    @pytest.mark.parametrize("before", [b"HTTP/1.1 200 OK\r\n\r\n", bytes(16), b"\n\0", bytes(range(1, 200))])
    def test_anything_else_is_named(self, before):
        with pytest.raises(NotSupported, match=f"{len(before)} bytes of something else before a JPEG"):
            decode(before + picture(), LIMIT)

    def test_a_kind_that_is_known_keeps_its_name(self):
        with pytest.raises(NotSupported, match="a zip archive"):
            decode(b"PK\x03\x04" + bytes(range(40)) + picture(), LIMIT)


class TestEndOfAJpeg:
    @pytest.mark.parametrize("options", [{}, {"progressive": True}])
    @pytest.mark.parametrize("after", [b"", bytes(100)])
    def test_a_start_mark_in_place_of_the_end_mark_is_an_end(self, options, after):
        data = picture(**options)
        odd = data[:-2] + b"\xff\xd8" + after
        photo = decode(odd, LIMIT, settled=True)
        assert np.array_equal(photo.pixels, decode(data, LIMIT).pixels)
        assert not photo.metadata.tail
        with pytest.raises(TruncatedPhoto):
            decode(odd, LIMIT)

    @pytest.mark.parametrize("size", [80, 4000])
    def test_what_follows_without_any_mark_is_named(self, size):
        other = b"MAKER" + bytes(range(1, 200)) * 40
        photo = decode(picture((size, 30))[:-2] + other, LIMIT, settled=True)
        assert find_losses(photo, BY_NAME["jpeg"]) == (BEHIND,)

    def test_padding_is_nothing_to_name(self):
        photo = decode(picture()[:-2] + bytes(500), LIMIT, settled=True)
        assert not find_losses(photo, BY_NAME["jpeg"])

    def test_a_start_mark_after_half_a_picture_is_no_end(self):
        data = picture((200, 160))
        with pytest.raises(TruncatedPhoto, match="cut off"):
            decode(data[: len(data) * 2 // 3] + b"\xff\xd8", LIMIT, settled=True)

    def test_pictures_one_after_another_without_end_marks_are_kept(self):
        second = picture((24, 16))
        data = picture()[:-2] + second
        copy, lost = copied(data, "jpeg")
        assert not lost
        assert copy.endswith(second)
        assert decode(copy, LIMIT).pixels.shape == (30, 40, 3)
        assert copied(data, "png")[1] == ("1 further picture",)


class TestHeightAfterTheScan:
    @pytest.mark.parametrize("options", [{}, {"progressive": True}, {"restart_marker_rows": 1}])
    def test_it_is_read(self, options):
        data = picture(**options)
        at = next(
            data.index(bytes((0xFF, marker))) for marker in (0xC0, 0xC2) if bytes((0xFF, marker)) in data
        )
        height = data[at + 5 : at + 7]
        first_scan = jpeg_scan_end(data)
        without = data[: at + 5] + b"\0\0" + data[at + 7 : first_scan]
        odd = without + b"\xff\xdc\0\4" + height + data[first_scan:]
        assert np.array_equal(decode(odd, LIMIT).pixels, decode(data, LIMIT).pixels)

    def test_without_it_the_file_is_damaged(self):
        data = picture()
        at = data.index(b"\xff\xc0")
        with pytest.raises(BadPhoto, match="damaged"):
            decode(data[: at + 5] + b"\0\0" + data[at + 7 :], LIMIT)


def jpeg_scan_end(data):
    """Return where the data of a file's first scan ends: at the next marker that is none of restarting."""
    at = data.index(b"\xff\xda") + 2
    while data[at] != 0xFF or data[at + 1] in (0, *range(0xD0, 0xD8)):
        at += 1
    return at


class TestShapeOfPixels:
    """A fax's or a film's pixels are not square; the file gives only their shape, no resolution."""

    def jpeg_file(self, orientation):
        data = picture(exif=exif(orientation))
        at = data.index(b"JFIF\0")
        return data[: at + 7] + struct.pack(">BHH", 0, 2, 1) + data[at + 12 :]

    def png_file(self, orientation, shape=(2, 1)):
        bare = saved("png", Image.fromarray(scene()))
        block = exif(orientation).tobytes().removeprefix(b"Exif\0\0")
        return png.insert_metadata(bare, Metadata(exif=block, pixel_shape=shape))

    @pytest.mark.parametrize("orientation", TURNED)
    @pytest.mark.parametrize("name", ["jpeg", "png"])
    @pytest.mark.parametrize("source", ["jpeg_file", "png_file"])
    def test_it_is_kept_and_turned_with_the_picture(self, source, name, orientation):
        copy, lost = copied(getattr(self, source)(orientation), name)
        assert not lost
        wanted = (2, 1) if orientation == 1 else (1, 2)
        assert decode(copy, LIMIT).metadata.pixel_shape == wanted
        with Image.open(io.BytesIO(copy)) as image:
            found = image.info["jfif_density"] if name == "jpeg" else image.info["aspect"]
        assert found == wanted

    def test_a_large_one_fits_into_a_jpeg(self):
        copy, _ = copied(self.png_file(1, (200_000, 100_000)), "jpeg")
        assert decode(copy, LIMIT).metadata.pixel_shape == (65535, 32768)

    @pytest.mark.parametrize("name", ["tiff", "webp", "bmp"])
    def test_what_cannot_hold_it_names_it(self, name):
        assert "the shape of its pixels, which are not square" in copied(self.jpeg_file(1), name)[1]

    def test_square_pixels_are_nothing_to_name(self):
        photo = decode(picture(), LIMIT)
        assert photo.metadata.pixel_shape is None
        assert not find_losses(photo, BY_NAME["webp"])


class TestTiles:
    @pytest.mark.parametrize("missing_rows", [1, 2])
    def test_a_last_tile_without_the_rows_below_the_picture_is_read(self, missing_rows):
        samples = noise(3, np.uint8)
        data = self.ending_in_its_last_tile(samples)[: -missing_rows * TILE * 3]
        assert np.array_equal(decode(data, LIMIT, settled=True).pixels, samples)
        with pytest.raises(TruncatedPhoto):
            decode(data, LIMIT)

    def test_a_last_tile_without_a_row_of_the_picture_is_cut_off(self):
        data = self.ending_in_its_last_tile(noise(3, np.uint8))
        with pytest.raises(TruncatedPhoto, match="cut off"):
            decode(data[: -2 * TILE * 3 - 1], LIMIT, settled=True)

    @pytest.mark.parametrize(("dtype", "channels"), [(np.uint8, 1), (np.uint8, 3), (np.uint16, 3)])
    def test_tiles_listed_as_strips_are_read(self, dtype, channels):
        samples = noise(channels, dtype)
        data = page(samples, 2 if channels == 3 else 1, tiled=True)
        for tiles, strips in ((324, 273), (325, 279)):
            listed = struct.pack("<HHI", tiles, tiff_tags.LONG, 6)
            assert data.count(listed) == 1
            data = data.replace(listed, struct.pack("<HHI", strips, tiff_tags.LONG, 6))
        assert np.array_equal(decode(data, LIMIT).pixels, np.broadcast_to(samples, (30, 40, 3)))

    def ending_in_its_last_tile(self, samples):
        data = page(samples, 2, tiled=True)
        size = TILE * TILE * 3
        starts = [8 + number * size for number in range(6)]
        listed, moved = (struct.pack("<6I", *starts[:5], last) for last in (starts[5], len(data)))
        assert data.count(listed) == 1
        return data.replace(listed, moved) + data[starts[5] : starts[5] + size]


class TestSecondDirectory:
    def two_directories(self):
        def text(tag, value, at):
            return directory(struct.pack("<HHII", tag, tiff_tags.ASCII, len(value), at + 18)) + value

        start = 8 + 2 + 2 * 12 + 4
        first = text(DATE, b"2001:02:03 04:05:06\0", start)
        second = text(LENS, b"Elmar 50 mm\0", start + len(first))
        starts = (start, start + len(first))
        pointers = [struct.pack("<HHII", tiff_tags.EXIF, tiff_tags.LONG, 1, at) for at in starts]
        return block(*pointers) + first + second

    @pytest.mark.parametrize("name", ["jpeg", "png", "tiff"])
    def test_a_jpegs_stays(self, name):
        copy, lost = copied(jpeg_with(jpeg.APP1, b"Exif\0\0" + self.two_directories()), name)
        assert not lost
        assert all(value in copy for value in (b"2001:02:03 04:05:06", b"Elmar 50 mm"))

    def test_it_is_named_in_a_tiff(self):
        data = described("tiff")
        found = tiff_tags.read_directory(data)
        at = tiff_tags.first_directory_offset(data)
        entries, _ = tiff_tags.raw_entries(data, at, tiff_tags.parse_layout(data))
        again = struct.pack("<HHII", tiff_tags.EXIF, tiff_tags.LONG, 1, found.number(tiff_tags.GPS, 0))
        odd = data[:4] + struct.pack("<I", len(data)) + data[8:] + directory(*entries, again)
        assert copied(odd, "tiff")[1] == ("a second EXIF directory",)

    def test_one_that_is_listed_twice_is_nothing_to_name(self):
        whole = described("jpeg")
        assert not copied(whole, "jpeg")[1]


class TestOtherForms:
    def test_an_os2_bitmap_array_is_named(self):
        data = struct.pack("<2sIIHH", b"BA", 40, 0, 0, 0) + saved("bmp", Image.fromarray(scene()))
        with pytest.raises(NotSupported, match=r"an OS/2 bitmap array.*save it as one of these"):
            decode(data, LIMIT)

    @pytest.mark.parametrize("bits", [12, 16])
    def test_a_lossless_jpeg_of_more_than_8_bits_is_named(self, bits):
        data = bytearray(picture())
        at = data.index(b"\xff\xc0")
        data[at + 1], data[at + 4] = 0xC3, bits
        words = f"a lossless JPEG with {bits} bits a channel; save it as PNG or TIFF with 16 bits"
        with pytest.raises(NotSupported, match=words):
            decode(bytes(data), LIMIT)


class TestCleanAperture:
    """HEIC and AVIF files may ask for a crop, which every viewer applies."""

    @pytest.mark.parametrize("name", ["avif", "heic"])
    def test_only_what_is_shown_is_decoded(self, name):
        whole = saved(name, Image.fromarray(scene(64, 48)))
        photo = decode(with_aperture(whole, (64, 48), (32, 20), (10, 6)), LIMIT)
        assert photo.pixels.shape == (20, 32, 3)
        expected = decode(whole, LIMIT).pixels[6:26, 10:42]
        assert np.abs(photo.pixels.astype(int) - expected).mean() < 2
        assert not find_losses(photo, BY_NAME[name])

    def test_a_crop_that_reaches_outside_is_named(self):
        whole = saved("avif", Image.fromarray(scene(64, 48)))
        photo = decode(with_aperture(whole, (64, 48), (32, 20), (50, 40)), LIMIT)
        assert photo.pixels.shape == (48, 64, 3)
        assert find_losses(photo, BY_NAME["avif"]) == (
            "the crop that the file asks for (the whole picture is restored)",
        )


def boxes(data, start, end):
    """Return the start and end of each box between two offsets, by kind."""
    found = {}
    while start + 8 <= end:
        length, kind = struct.unpack_from(">I4s", data, start)
        found.setdefault(kind, (start, start + (length or end - start)))
        start += length or end - start
    return found


def with_aperture(data, size, shown, corner):
    """Return a HEIC or AVIF file that asks, for all its pictures, for a crop to `shown` at `corner`."""
    meta = boxes(data, 0, len(data))[b"meta"]
    inner = boxes(data, meta[0] + 12, meta[1])
    start, end = inner[b"iprp"]
    parts = {
        kind: data[slice(*place)] for kind, place in boxes(data, start + 8, end).items() if kind != b"free"
    }
    count, at = 0, 8
    while at < len(parts[b"ipco"]):
        count, at = count + 1, at + struct.unpack_from(">I", parts[b"ipco"], at)[0]
    offsets = [2 * corner[axis] + shown[axis] - size[axis] for axis in (0, 1)]
    aperture = struct.pack(">I4s8i", 40, b"clap", shown[0], 1, shown[1], 1, offsets[0], 2, offsets[1], 2)
    old, used, at = parts[b"ipma"], bytearray(parts[b"ipma"][:16]), 16
    for _ in range(struct.unpack_from(">I", old, 12)[0]):
        listed = old[at + 2]
        used += (
            old[at : at + 2] + bytes([listed + 1]) + old[at + 3 : at + 3 + listed] + bytes([0x80 | count + 1])
        )
        at += 3 + listed
    properties = box(b"iprp", box(b"ipco", parts[b"ipco"][8:] + aperture) + box(b"ipma", bytes(used[8:])))
    grown = len(properties) - (end - start)
    places = moved(data[slice(*inner[b"iloc"])], grown)
    changed = {b"iprp": properties, b"iloc": places}
    body = b"".join(changed.get(kind, data[slice(*place)]) for kind, place in inner.items())
    return data[: meta[0]] + box(b"meta", data[meta[0] + 8 : meta[0] + 12] + body) + data[meta[1] :]


def box(kind, body):
    return struct.pack(">I4s", 8 + len(body), kind) + body


def moved(places, by):
    """Return an iloc box, version 0 or 1 with places of four bytes, whose items lie `by` bytes further on."""
    assert places[12] == 0x44
    changed, at = bytearray(places), 16
    for _ in range(struct.unpack_from(">H", places, 14)[0]):
        at += (6 if places[8] else 4) + (places[13] >> 4)
        extents = struct.unpack_from(">H", places, at)[0]
        for number in range(extents):
            place = at + 2 + 8 * number
            struct.pack_into(">I", changed, place, struct.unpack_from(">I", places, place)[0] + by)
        at += 2 + 8 * extents
    return bytes(changed)
