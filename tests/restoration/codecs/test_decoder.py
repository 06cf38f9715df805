"""Decoding of every format, and a clear facewatch error for every kind of bad input."""

import io
import random
import struct
import zlib

import numpy as np
import pillow_heif
import psutil
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFile
from PIL.TiffImagePlugin import AppendingTiffWriter

from facewatch.errors import BadPhoto, FacewatchError, PhotoTooLarge, TruncatedPhoto
from facewatch.restoration.codecs import png
from facewatch.restoration.codecs.decoder import decode
from facewatch.restoration.codecs.photo import PREVIEW
from tests.restoration.codecs import samples
from tests.restoration.codecs.samples import LIMIT, NAMES, described, saved, scene

TURNS = {
    1: lambda a: a,
    2: np.fliplr,
    3: lambda a: np.rot90(a, 2),
    4: np.flipud,
    5: lambda a: np.rot90(np.fliplr(a), 1),
    6: lambda a: np.rot90(a, 1),
    7: lambda a: np.rot90(np.fliplr(a), -1),
    8: lambda a: np.rot90(a, -1),
}
"""The turn of an upright picture into a file with each orientation."""


@pytest.mark.parametrize("name", NAMES)
def test_every_format_is_recognised_by_its_content(name):
    photo = decode(described(name), LIMIT)
    assert (photo.format, photo.mode, photo.grey, photo.made_by_facewatch) == (name, "RGB", False, False)
    assert photo.pixels.shape == (30, 40, 3)
    assert np.abs(photo.pixels.astype(int) - scene()).mean() < 3


@pytest.mark.parametrize("orientation", TURNS)
@pytest.mark.parametrize("name", ["jpeg", "png", "webp", "tiff", "avif", "heic"])
def test_the_orientation_is_applied_once(name, orientation):
    turned = Image.fromarray(np.ascontiguousarray(TURNS[orientation](scene())))
    options = {"quality": 95} if name in ("jpeg", "webp", "avif") else {}
    block = samples.exif(orientation)
    data = saved(name, turned, exif=block.tobytes() if name == "heic" else block, **options)
    photo = decode(data, LIMIT)
    assert photo.pixels.shape == (30, 40, 3)
    assert np.abs(photo.pixels.astype(int) - scene()).mean() < 3


@pytest.mark.parametrize("orientation", TURNS)
@pytest.mark.parametrize("name", ["png", "tiff"])
def test_the_orientation_of_16_bit_pictures_is_applied_once(name, orientation, deep_file):
    photo = decode(
        deep_file(name, TURNS[orientation](scene(dtype=np.uint16)), samples.exif(orientation)), LIMIT
    )
    assert np.array_equal(photo.pixels, scene(dtype=np.uint16))


@pytest.fixture
def deep_file():
    """Return a function that builds a 16-bit RGB file with EXIF from raw bytes."""

    def make(name, pixels, exif):
        height, width = pixels.shape[:2]
        if name == "png":
            rows = b"".join(b"\0" + row.tobytes() for row in pixels.astype(">u2"))
            header = png.chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 16, 2, 0, 0, 0))
            exif_chunk = png.chunk(b"eXIf", exif.tobytes()[6:])
            body = png.chunk(b"IDAT", zlib.compress(rows))
            return png.SIGNATURE + header + exif_chunk + body + png.chunk(b"IEND", b"")
        picture = pixels.astype("<u2").tobytes()
        values = [
            (256, 4, width),
            (257, 4, height),
            (259, 3, 1),
            (262, 3, 2),
            (273, 4, 8),
            (274, 3, exif[274]),
        ]
        values += [(277, 3, 3), (278, 4, height), (279, 4, len(picture))]
        rows = [struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in values]
        start = 8 + len(picture)
        rows.insert(2, struct.pack("<HHII", 258, 3, 3, start + 2 + 12 * 10 + 4))
        table = struct.pack("<H", len(rows)) + b"".join(rows) + bytes(4) + struct.pack("<3H", 16, 16, 16)
        return b"II*\0" + struct.pack("<I", start) + picture + table

    return make


@pytest.mark.parametrize("data", [b"", bytes(5000)])
def test_an_empty_or_zero_filled_file_is_truncated(data):
    with pytest.raises(TruncatedPhoto, match="still being copied"):
        decode(data, LIMIT)


@pytest.mark.parametrize("data", [b"x", b"hello, world" * 50, b"GIF89a" + bytes(99), b"%PDF-1.7" + bytes(99)])
def test_a_file_that_is_no_photo_is_refused(data):
    with pytest.raises(BadPhoto, match="not a JPEG") as caught:
        decode(data, LIMIT)
    assert not isinstance(caught.value, TruncatedPhoto)


@settings(max_examples=300, deadline=None)
@given(
    st.binary(max_size=300),
    st.sampled_from([b"", b"\xff\xd8\xff", b"BM", b"II*\0", png.SIGNATURE, b"\0\0\0\x18ftypavif"]),
)
def test_noise_is_always_a_bad_photo(noise, head):
    with pytest.raises(BadPhoto):
        decode(head + noise, LIMIT)


@pytest.mark.parametrize("name", NAMES)
def test_a_truncated_file_is_never_decoded(name):
    data = described(name)
    cuts = sorted({*range(1, len(data), 61), *range(len(data) - 12, len(data))})
    for cut in cuts:
        with pytest.raises(BadPhoto):
            decode(data[:cut], LIMIT)
    with pytest.raises(TruncatedPhoto):
        decode(data[: len(data) // 2], LIMIT)


@pytest.mark.parametrize("name", ["webp", "heic", "avif"])
def test_a_file_whose_end_is_not_yet_written_is_truncated(name):
    data = described(name)
    with pytest.raises(TruncatedPhoto):
        decode(data[: len(data) * 3 // 4] + bytes(len(data) - len(data) * 3 // 4), LIMIT)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.filterwarnings("ignore")
def test_a_damaged_file_gives_a_photo_or_a_facewatch_error(name):
    data, dice = described(name), random.Random(name)
    for _ in range(150):
        damaged = bytearray(data)
        for _ in range(dice.choice((1, 3, 20))):
            damaged[dice.randrange(len(damaged))] = dice.choice((0, 255, dice.randrange(256)))
        try:
            photo = decode(bytes(damaged), LIMIT)
        except FacewatchError:
            continue
        assert photo.pixels.dtype in (np.uint8, np.uint16)


def test_a_decompression_bomb_is_refused_before_it_is_decompressed():
    side, packer = 40_000, zlib.compressobj(9)
    rows = b"".join(packer.compress(bytes(1 + side // 8)) for _ in range(side)) + packer.flush()
    header = png.chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0))
    bomb = png.SIGNATURE + header + png.chunk(b"IDAT", rows) + png.chunk(b"IEND", b"")
    before = psutil.Process().memory_info().rss
    with pytest.raises(PhotoTooLarge, match="40000 x 40000 pixels"):
        decode(bomb, 179_000_000)
    assert psutil.Process().memory_info().rss - before < 20_000_000


@pytest.mark.parametrize("name", NAMES)
def test_only_the_given_pixel_limit_applies(name, monkeypatch):
    data = described(name)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    assert decode(data, 1200).pixels.shape == (30, 40, 3)
    with pytest.raises(PhotoTooLarge):
        decode(data, 1199)
    assert Image.MAX_IMAGE_PIXELS == 10
    assert not ImageFile.LOAD_TRUNCATED_IMAGES


def test_a_decompression_bomb_in_a_text_does_not_fill_the_memory():
    text = png.chunk(b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(bytes(200_000_000)))
    data = saved("png", Image.fromarray(scene()))
    before = psutil.Process().memory_info().rss
    assert decode(data[:33] + text + data[33:], LIMIT).metadata.exif is None
    assert psutil.Process().memory_info().rss - before < 100_000_000


@pytest.mark.parametrize("name", ["png", "webp", "avif"])
def test_an_animation_is_refused(name):
    first, second = Image.fromarray(scene()), Image.fromarray(scene()[::-1].copy())
    with pytest.raises(BadPhoto, match="animated"):
        decode(saved(name, first, save_all=True, append_images=[second]), LIMIT)


def grey_png(bits, transparent):
    """Return a PNG with two rows of levels (every 4,369th of 16 bits), one transparent, and these levels."""
    levels = np.arange(0, 2**bits, 4369 if bits == 16 else 1)
    row = "".join(f"{level:0{bits}b}" for level in levels)
    line = b"\0" + int(row.ljust(-(-len(row) // 8) * 8, "0"), 2).to_bytes(-(-len(row) // 8), "big")
    header = png.chunk(b"IHDR", struct.pack(">IIBBBBB", len(levels), 2, bits, 0, 0, 0, 0))
    body = png.chunk(b"tRNS", struct.pack(">H", transparent)) + png.chunk(b"IDAT", zlib.compress(line * 2))
    return png.SIGNATURE + header + body + png.chunk(b"IEND", b""), levels


@pytest.mark.parametrize("index", [0, 1, -1])
@pytest.mark.parametrize("bits", [1, 2, 4, 8, 16])
def test_the_transparent_grey_of_a_png_becomes_alpha_at_every_depth(bits, index):
    data, levels = grey_png(bits, 0)
    data, _ = grey_png(bits, int(levels[index]))
    photo = decode(data, LIMIT)
    top = 65535 if bits == 16 else 255
    assert photo.mode == ("LA16" if bits == 16 else "LA")
    assert photo.pixels[0, :, 0].tolist() == (levels * top // (2**bits - 1)).tolist()
    assert photo.alpha[1].tolist() == np.where(levels == levels[index], 0, top).tolist()


def pages(*subfiles):
    """Return a TIFF file with a page for each NewSubfileType: 0 a photo, 1 a half-size preview, 4 a mask."""
    stream = io.BytesIO()
    with AppendingTiffWriter(stream, new=True) as file:
        for subfile in subfiles:
            page = Image.fromarray(scene()[::2, ::2].copy() if subfile == 1 else scene())
            page.save(file, "TIFF", tiffinfo={254: subfile})
            file.newFrame()
    return stream.getvalue()


@pytest.mark.parametrize("subfiles", [(1, 0), (4, 0), (1, 1, 0)])
def test_a_preview_before_its_photo_is_refused(subfiles):
    with pytest.raises(BadPhoto, match="only a preview of a later one; save the photo"):
        decode(pages(*subfiles), LIMIT)


@pytest.mark.parametrize(
    ("subfiles", "lost"),
    [((0, 1), (PREVIEW,)), ((0, 1, 4), (PREVIEW, "a mask of the picture")), ((0,), ())],
)
def test_a_preview_after_its_photo_is_left_out_and_named(subfiles, lost):
    photo = decode(pages(*subfiles), LIMIT)
    assert photo.pixels.shape == (30, 40, 3)
    assert photo.metadata.lost == lost


def test_a_jpeg_with_several_pictures_is_decoded_to_the_first():
    stream = io.BytesIO()
    Image.fromarray(scene()).save(stream, "MPO", save_all=True, append_images=[Image.new("RGB", (9, 9))])
    assert decode(stream.getvalue(), LIMIT).pixels.shape == (30, 40, 3)


@pytest.mark.parametrize("name", ["jpeg", "png", "webp", "avif", "heic"])
@pytest.mark.parametrize(
    "block", [b"Exif\0\0II*\0\xff\xff\xff\xff", b"Exif\0\0nonsense", b"Exif\0\0MM\0*\0\0\0\x08\xff\xff"]
)
def test_a_broken_exif_block_does_not_stop_the_photo(name, block):
    exif = samples.exif()
    del exif[0x0112]  # with it Pillow's AVIF writer would change the block
    whole = exif.tobytes()
    data = saved(name, Image.fromarray(scene()), exif=whole)
    broken = block[6:].ljust(len(whole) - 6, b"\xff")
    assert data.count(whole[6:]) == 1
    data = data.replace(whole[6:], broken)
    if name == "png":
        start = data.index(broken)
        data = data[: start - 8] + png.chunk(b"eXIf", broken) + data[start + len(broken) + 4 :]
    photo = decode(data, LIMIT)
    assert photo.metadata.exif is None
    assert photo.pixels.shape == (30, 40, 3)


def test_a_heic_with_several_pictures_is_decoded_to_the_primary_one():
    heif = pillow_heif.from_pillow(Image.new("RGB", (64, 64)))
    heif.add_from_pillow(Image.fromarray(scene()))
    stream = io.BytesIO()
    heif.save(stream, primary_index=1, quality=95)
    assert decode(stream.getvalue(), LIMIT).pixels.shape == (30, 40, 3)


def test_a_jpeg_without_its_end_marker_is_truncated():
    data = saved("jpeg", Image.fromarray(scene()))
    with pytest.raises(TruncatedPhoto):
        decode(data[:-2], LIMIT)
    assert decode(data + b"a camera's trailer", LIMIT).mode == "RGB"
