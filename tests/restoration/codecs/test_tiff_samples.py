"""TIFF pages with extra channels, in L*a*b*, in tiles and in BigTIFF: every pixel is the original's."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, ImageCms

from facewatch.errors import NotSupported
from facewatch.restoration.codecs.decoder import decode
from facewatch.restoration.codecs.encoder import encode
from facewatch.restoration.codecs.formats import BY_NAME
from facewatch.restoration.codecs.losses import find_losses
from facewatch.restoration.codecs.metadata import tiff_tags
from tests.restoration.codecs.samples import BY_A_NETWORK, LIMIT, scene

WIDTH, HEIGHT, TILE = 40, 30, 16
LAB_COLOURS = [(0, 0, 0), (255, 255, 255), (200, 30, 40), (20, 160, 60), (30, 60, 200), (128, 128, 128)]


def page(samples, photometric, *, extra=(), order="<", predicted=False, tiled=False, compression=1):
    """Return a TIFF file of samples, (H, W, C), side by side."""
    height, width, channels = samples.shape
    bits = 8 * samples.itemsize
    rows = [samples]
    if tiled:
        padded = np.pad(samples, ((0, -height % TILE), (0, -width % TILE), (0, 0)))
        rows = [
            padded[top : top + TILE, left : left + TILE]
            for top in range(0, height, TILE)
            for left in range(0, width, TILE)
        ]
    if predicted:
        rows = [np.diff(part, axis=1, prepend=np.zeros_like(part[:, :1])) for part in rows]
    parts = [part.astype(part.dtype.newbyteorder(order)).tobytes() for part in rows]
    if compression == 8:
        parts = [zlib.compress(part) for part in parts]
    starts = [8 + sum(map(len, parts[:number])) for number in range(len(parts))]
    tags = {256: [width], 257: [height], 258: [bits] * channels, 259: [compression], 262: [photometric]}
    tags |= {277: [channels], 284: [1], 317: [2 if predicted else 1]}
    if tiled:
        tags |= {322: [TILE], 323: [TILE], 324: starts, 325: [len(part) for part in parts]}
    else:
        tags |= {273: starts, 278: [height], 279: [len(part) for part in parts]}
    if extra:
        tags[338] = list(extra)
    return _file(b"".join(parts), tags, order)


def _file(body, tags, order):
    start = 8 + len(body) + len(body) % 2
    values_at = start + 2 + 12 * len(tags) + 4
    rows = values = b""
    for tag, numbers in sorted(tags.items()):
        data = struct.pack(f"{order}{len(numbers)}I", *numbers)
        place = data if len(data) == 4 else struct.pack(order + "I", values_at + len(values))
        values += b"" if len(data) == 4 else data
        rows += struct.pack(order + "HHI", tag, 4, len(numbers)) + place
    head = {"<": b"II", ">": b"MM"}[order] + struct.pack(order + "HI", 42, start)
    return (
        head + body + b"\0" * (len(body) % 2) + struct.pack(order + "H", len(tags)) + rows + bytes(4) + values
    )


def noise(channels, dtype=np.uint16):
    top = np.iinfo(dtype).max
    return np.random.default_rng(5).integers(0, top, (HEIGHT, WIDTH, channels), dtype, endpoint=True)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("tiled", [False, True])
@pytest.mark.parametrize("predicted", [False, True])
@pytest.mark.parametrize("compression", [1, 8])
def test_a_16_bit_photo_with_two_masks_is_taken_with_its_alpha(order, tiled, predicted, compression):
    stored = noise(5)
    data = page(
        stored, 2, extra=(2, 0), order=order, tiled=tiled, predicted=predicted, compression=compression
    )
    photo = decode(data, LIMIT)
    assert np.array_equal(photo.pixels, stored[..., :3])
    assert np.array_equal(photo.alpha, stored[..., 3])
    assert find_losses(photo, BY_NAME["tiff"]) == ("1 extra channel (saved selections, infrared)",)


@pytest.mark.parametrize("extra", [(), (0,), (2,)])
def test_grey_with_16_bits_and_an_extra_channel_is_taken(extra):
    stored = noise(2)
    photo = decode(page(stored, 1, extra=extra), LIMIT)
    assert photo.mode == ("LA16" if extra == (2,) else "L16")
    assert np.array_equal(photo.pixels[..., 1], stored[..., 0])


def lab_of(colours):
    """Return L*a*b* of sRGB colours in D50, as littlecms computes it: L* 0-100, a* and b*."""
    image = Image.fromarray(np.array([colours], np.uint8))
    convert = ImageCms.buildTransform(
        ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), "RGB", "LAB"
    )
    whole = np.asarray(ImageCms.applyTransform(image, convert))[0]
    return np.column_stack([whole[:, 0] / 2.55, whole[:, 1:].view(np.int8)])


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("photometric", [8, 9], ids=["CIE", "ICC"])
def test_lab_is_converted_to_srgb_and_named(bits, photometric):
    lightness, *opponents = lab_of(LAB_COLOURS).T
    step, top = (1, 255) if bits == 8 else (256, 65280 if photometric == 9 else 65535)
    offset = 128 * step if photometric == 9 else 0
    planes = [lightness / 100 * top, *(plane * step + offset for plane in opponents)]
    dtype = np.uint8 if bits == 8 else np.uint16
    stored = np.rint(planes).astype(np.int64).astype(dtype).T[None].repeat(8, axis=0)
    photo = decode(page(np.ascontiguousarray(stored), photometric), LIMIT)
    shown = photo.pixels / (1 if bits == 8 else 257)
    assert np.abs(shown[0] - LAB_COLOURS).max() < 4  # a step of 8-bit L*a*b* is more than one of sRGB
    assert photo.pixels.dtype == dtype
    assert find_losses(photo, BY_NAME["tiff"]) == ("L*a*b* (it is converted to sRGB)",)
    assert decode(encode(photo, "tiff", 90, BY_A_NETWORK), LIMIT).pixels.tobytes() == photo.pixels.tobytes()


def test_pillows_lab_is_read_as_littlecms_reads_it():
    image = Image.fromarray(np.array([LAB_COLOURS] * 8, np.uint8))
    convert = ImageCms.buildTransform(
        ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), "RGB", "LAB"
    )
    stream = io.BytesIO()
    ImageCms.applyTransform(image, convert).save(stream, "TIFF")
    assert np.abs(decode(stream.getvalue(), LIMIT).pixels[0].astype(int) - LAB_COLOURS).max() < 4


def test_lab_in_jpeg_compression_is_named():
    data = page(noise(3, np.uint8), 8, compression=7)
    with pytest.raises(NotSupported, match=r"L\*a\*b\*, not RGB; save it as RGB"):
        decode(data, LIMIT)


def test_the_pages_of_a_bigtiff_are_taken():
    first, second = (Image.fromarray(scene(*size)) for size in ((64, 48), (40, 30)))
    stream = io.BytesIO()
    first.save(stream, "TIFF", big_tiff=True, save_all=True, append_images=[second])
    photo = decode(stream.getvalue(), LIMIT)
    again = decode(encode(photo, "tiff", 90, BY_A_NETWORK), LIMIT)
    assert np.array_equal(again.pixels, scene(64, 48))
    assert [np.array_equal(one.pixels, scene(40, 30)) for one in again.pages] == [True]


@pytest.mark.parametrize(
    "shares", [(1, 0, 1, 0, 1, 0), (0, 1, 0, 1, 0, 1), (299, 1000, 587, 1000, 114, 1000)]
)
def test_plain_ycbcr_with_unusable_coefficients_is_read_with_the_usual_ones(shares):
    body = bytes([100, 128, 200]) * (WIDTH * HEIGHT)
    tags = {256: [WIDTH], 257: [HEIGHT], 258: [8, 8, 8], 259: [1], 262: [6], 273: [8], 277: [3]}
    tags |= {278: [HEIGHT], 279: [len(body)], 284: [1], 529: shares, 530: [1, 1]}
    listed, rational = (
        struct.pack("<HHI", 529, *form) for form in ((tiff_tags.LONG, 6), (tiff_tags.RATIONAL, 3))
    )
    data = _file(body, tags, "<")
    assert data.count(listed) == 1
    photo = decode(data.replace(listed, rational), LIMIT)
    assert np.abs(photo.pixels.astype(int) - (201, 49, 100)).max() <= 1


@pytest.mark.parametrize(("cb", "cr", "colour"), [(128, 128, (100, 100, 100)), (128, 200, (201, 49, 100))])
@pytest.mark.parametrize(("across", "down"), [(2, 2), (2, 1), (1, 1)])
def test_plain_ycbcr_with_thinned_out_colours_is_read(cb, cr, colour, across, down):
    unit = bytes([100] * (across * down) + [cb, cr])
    body = unit * (WIDTH // across * HEIGHT // down)
    tags = {256: [WIDTH], 257: [HEIGHT], 258: [8, 8, 8], 259: [1], 262: [6], 273: [8], 277: [3]}
    data = _file(body, tags | {278: [HEIGHT], 279: [len(body)], 284: [1], 530: [across, down]}, "<")
    photo = decode(data, LIMIT)
    assert photo.mode == "RGB"
    assert np.abs(photo.pixels.astype(int) - colour).max() <= 1


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({258: [4, 4, 4]}, "has 4 bits a channel"),
        ({258: [2, 2, 2]}, "has 2 bits a channel"),
        ({258: [16], 262: [3], 277: [1], 320: [0] * 6}, "has a palette with 16 bits a pixel"),
        ({262: [6], 284: [2], 530: [2, 2]}, "is in YCbCr with each channel for itself"),
        ({259: [34933]}, "is compressed with PNG"),
        ({259: [32809]}, "is compressed with ThunderScan"),
        ({259: [50013]}, r"is compressed with a rare method \(number 50013\)"),
        ({258: [16, 16, 16], 259: [50000]}, "is compressed with Zstandard"),
    ],
)
def test_a_sound_page_of_a_rare_form_is_not_called_damaged(changes, words):
    body = bytes(WIDTH * HEIGHT * 6)
    tags = {256: [WIDTH], 257: [HEIGHT], 258: [8, 8, 8], 259: [1], 262: [2], 273: [8], 277: [3]}
    data = _file(body, tags | {278: [HEIGHT], 279: [len(body)], 284: [1]} | changes, "<")
    with pytest.raises(NotSupported, match=f"the picture {words}.*; save it"):
        decode(data, LIMIT, settled=True)


def test_tags_about_a_fax_and_a_print_stay():
    body = bytes(WIDTH * HEIGHT)
    tags = {256: [WIDTH], 257: [HEIGHT], 258: [8], 259: [1], 262: [1], 273: [8], 277: [1], 278: [HEIGHT]}
    data = _file(body, tags | {279: [len(body)], 284: [1], 321: [40, 200], 326: [3], 327: [1], 328: [2]}, "<")
    copy = encode(decode(data, LIMIT), "tiff", 95, BY_A_NETWORK)
    found = tiff_tags.read_directory(copy)
    assert [found.numbers(tag) for tag in (321, 326, 327, 328)] == [(40, 200), (3,), (1,), (2,)]
