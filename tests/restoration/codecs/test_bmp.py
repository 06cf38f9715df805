"""BMP files with bit masks, and those without a file header."""

import struct

import numpy as np
import pytest

from facewatch.errors import PhotoTooLarge, TruncatedPhoto
from facewatch.restoration.codecs.decoder import decode
from facewatch.restoration.codecs.encoder import encode
from facewatch.restoration.codecs.formats import BY_NAME
from facewatch.restoration.codecs.losses import find_losses
from tests.restoration.codecs.samples import BY_A_NETWORK, LIMIT, scene

RGB555, RGB565, RGB444 = (0x7C00, 0x3E0, 0x1F), (0xF800, 0x7E0, 0x1F), (0xF00, 0xF0, 0xF)
DEEP, BGR = (0x3FF00000, 0xFFC00, 0x3FF), (0xFF, 0xFF00, 0xFF0000)


def masked(masks, bits, *, header=40, compression=3, upside_down=True, alpha=None, width=41, height=30):
    """Return a BMP of `scene()` whose pixels are given by masks; alpha is (H, W) from 0 to 1."""
    shares = [
        *np.moveaxis(scene(width, height) / 255, 2, 0),
        np.ones((height, width)) if alpha is None else alpha,
    ]
    values = np.zeros((height, width), np.uint32)
    for share, mask in zip(shares, masks, strict=False):
        shift = (mask & -mask).bit_length() - 1
        values |= np.rint(share * (mask >> shift)).astype(np.uint32) << shift
    rows = values[::-1] if upside_down else values
    body = b"".join(
        row + bytes(-len(row) % 4) for row in (each.astype(f"<u{bits // 8}").tobytes() for each in rows)
    )
    written = b"".join(struct.pack("<I", mask) for mask in masks)
    sides = width, height if upside_down else -height
    head = struct.pack("<IiiHHIIiiII", header, *sides, 1, bits, compression, len(body), 3937, 3937, 0, 0)
    head = (head + written).ljust(header, b"\0") if header > 40 else head + written
    start = 14 + len(head)
    return struct.pack("<2sIHHI", b"BM", start + len(body), 0, 0, start) + head + body


@pytest.mark.parametrize(
    ("masks", "bits", "steps"),
    [(RGB555, 16, 31), (RGB565, 16, 31), (RGB444, 16, 15), ((0xFC00, 0x3E0, 0x1F), 16, 31), (BGR, 32, 255)],
)
@pytest.mark.parametrize("upside_down", [True, False])
def test_the_colours_are_those_of_the_masks(masks, bits, steps, upside_down):
    photo = decode(masked(masks, bits, upside_down=upside_down), LIMIT)
    expected = scene(41, 30).astype(int)
    assert np.abs(photo.pixels.astype(int) - expected).max() <= 255 / steps / 2 + 1
    assert photo.metadata.dpi == pytest.approx((100, 100), abs=0.1)
    assert (photo.alpha, photo.metadata.lost) == (None, ())


@pytest.mark.parametrize(
    ("masks", "bits", "options"),
    [
        ((*RGB555, 0x8000), 16, {"header": 124}),
        ((*RGB444, 0xF000), 16, {"header": 108}),
        ((*BGR, 0xFF000000), 32, {"compression": 6}),
        ((0xFF0000, 0xFF00, 0xFF, 0xFF000000), 32, {"header": 56}),
    ],
)
def test_alpha_is_kept_in_the_copy(masks, bits, options):
    alpha = np.zeros((30, 41))
    alpha[5:] = 1
    photo = decode(masked(masks, bits, alpha=alpha, **options), LIMIT)
    assert (photo.alpha == np.where(alpha > 0, 255, 0)).all()
    assert (decode(encode(photo, "bmp", 95, BY_A_NETWORK), LIMIT).alpha == photo.alpha).all()


def test_alpha_that_is_nowhere_set_is_none():
    empty = masked((*BGR, 0xFF000000), 32, header=124, alpha=np.zeros((30, 41)))
    assert decode(empty, LIMIT).alpha is None


def test_more_than_8_bits_are_named():
    photo = decode(masked(DEEP, 32), LIMIT)
    assert np.abs(photo.pixels.astype(int) - scene(41, 30)).max() <= 1
    assert find_losses(photo, BY_NAME["bmp"]) == ("10 bits a channel (8 are kept)",)


def test_missing_rows_and_too_many_pixels_are_errors():
    data = masked(RGB555, 16)
    with pytest.raises(TruncatedPhoto):
        decode(data[:-100], LIMIT)
    with pytest.raises(PhotoTooLarge):
        decode(data, 1000)


@pytest.mark.parametrize(
    "data", [masked(RGB565, 16), masked(BGR, 32), masked((*BGR, 0xFF000000), 32, header=124)]
)
def test_a_file_header_may_be_missing(data):
    assert (decode(data[14:], LIMIT).pixels == decode(data, LIMIT).pixels).all()


def test_a_palette_without_a_file_header():
    head = struct.pack("<IiiHHIIiiII", 40, 4, 2, 1, 8, 0, 8, 0, 0, 0, 0)
    palette = b"".join(bytes((level, level, level, 0)) for level in range(256))
    photo = decode(head + palette + bytes((1, 2, 3, 4, 5, 6, 7, 8)), LIMIT)
    assert photo.pixels[..., 0].tolist() == [[5, 6, 7, 8], [1, 2, 3, 4]]
