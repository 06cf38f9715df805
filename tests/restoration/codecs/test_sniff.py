"""Zeros at a file's end: unwritten data, the picture's plain bottom, or empty space in an EXIF block."""

import random

import numpy as np
import pytest
from PIL import Image

from facewatch.errors import TruncatedPhoto
from facewatch.restoration.codecs.decoder import decode
from tests.restoration.codecs.samples import LIMIT, saved

WEBP = {
    "lossy": {"quality": 80},
    "effort": {"quality": 90, "method": 6},
    "fine": {"quality": 95, "method": 0},
    "lossless": {"lossless": True, "method": 0, "quality": 0},
}


def portrait(shared):
    with Image.open(shared / "photos" / "whole" / "codeformer_05.jpg") as image:
        return image.convert("RGB").resize((400, 400))


def on_paper(picture, size=(1080, 1920), colour=255):
    """Return a picture above a plain bottom, like a scanned page or a phone's story."""
    page = Image.new("RGB", size, (colour,) * 3)
    page.paste(picture)
    return page


def exif_with_space(zeros, orientation=None):
    """Return an EXIF block with empty space at its end, as Windows and cameras reserve it."""
    exif = Image.Exif()
    exif[0x010F] = "Voigt"
    if orientation:
        exif[0x0112] = orientation
    exif[0xEA1C] = b"\x1c\xea" + bytes(zeros)
    return exif.tobytes()


def with_hole(data, start):
    return data[:start] + bytes(len(data) - start)


@pytest.mark.parametrize("colour", [0, 128, 255])
@pytest.mark.parametrize("size", [(480, 680), (1080, 1920), (2480, 3508)])
@pytest.mark.parametrize("kind", WEBP)
def test_the_plain_bottom_of_a_webp_is_no_hole(kind, size, colour, shared):
    data = saved("webp", on_paper(portrait(shared), size, colour), **WEBP[kind])
    assert decode(data, LIMIT).pixels.shape[:2] == size[::-1]
    if kind != "fine":
        assert data[-64:].strip(b"\0") == b"" or size[0] < 1000


@pytest.mark.parametrize("kind", WEBP)
def test_a_hole_in_a_webp_is_no_plain_bottom(kind, shared):
    data = saved("webp", portrait(shared), **WEBP[kind])
    generator = random.Random(kind)
    for start in sorted(generator.sample(range(30, len(data) - 256), 40)):
        with pytest.raises(TruncatedPhoto, match="still being copied"):
            decode(with_hole(data, start), LIMIT)


@pytest.mark.parametrize("kind", ["lossy", "lossless"])
def test_a_hole_in_a_webp_with_a_plain_bottom_is_found(kind, shared):
    data = saved("webp", on_paper(portrait(shared)), **WEBP[kind])
    picture = len(data.rstrip(b"\0"))
    for start in range(200, picture - 256, picture // 20):
        with pytest.raises(TruncatedPhoto, match="still being copied"):
            decode(with_hole(data, start), LIMIT)


@pytest.mark.parametrize("space", [65, 264, 2060, 4108])
@pytest.mark.parametrize("name", ["webp", "heic", "avif"])
def test_empty_space_at_the_end_of_exif_is_no_hole(name, space, shared):
    block = exif_with_space(space)
    assert block[-64:].strip(b"\0") == b""
    data = saved(name, portrait(shared), exif=block)
    photo = decode(data, LIMIT)
    assert photo.pixels.shape == (400, 400, 3)
    assert photo.metadata.exif == block[6:]


@pytest.mark.parametrize("name", ["webp", "heic"])
def test_empty_space_at_the_end_of_exif_is_no_hole_in_a_turned_photo(name, shared):
    data = saved(name, portrait(shared).crop((0, 0, 400, 300)), exif=exif_with_space(264, orientation=6))
    assert decode(data, LIMIT).pixels.shape == (400, 300, 3)


@pytest.mark.parametrize("name", ["webp", "heic", "avif"])
def test_a_hole_before_the_end_of_exif_is_found(name, shared):
    block = exif_with_space(264)
    data = saved(name, portrait(shared), exif=block)
    for start in (len(data) // 4, len(data) // 2, len(data) - len(block) - 64):
        with pytest.raises(TruncatedPhoto):
            decode(with_hole(data, start), LIMIT)


@pytest.mark.parametrize("size", [(64, 64), (1200, 900)])
@pytest.mark.parametrize("name", ["webp", "heic", "avif"])
def test_a_picture_of_one_colour_is_complete(name, size):
    assert np.ptp(decode(saved(name, Image.new("RGB", size)), LIMIT).pixels) == 0
