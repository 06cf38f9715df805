"""Whether a file's end is there: zeros may be a hole in it, a plain bottom, or room in an EXIF block."""

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
    """A picture above a plain bottom, as a scanned page or a phone's story has it."""
    page = Image.new("RGB", size, (colour,) * 3)
    page.paste(picture)
    return page


def with_room(zeros, orientation=None):
    """An EXIF block with empty room at its end, as Windows and cameras leave it for what may come."""
    said = Image.Exif()
    said[0x010F] = "Voigt"
    if orientation:
        said[0x0112] = orientation
    said[0xEA1C] = b"\x1c\xea" + bytes(zeros)
    return said.tobytes()


def hollow(data, start):
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
    dice = random.Random(kind)
    for start in sorted(dice.sample(range(30, len(data) - 256), 40)):
        with pytest.raises(TruncatedPhoto, match="still be being copied"):
            decode(hollow(data, start), LIMIT)


@pytest.mark.parametrize("kind", ["lossy", "lossless"])
def test_a_hole_in_a_webp_with_a_plain_bottom_is_seen(kind, shared):
    data = saved("webp", on_paper(portrait(shared)), **WEBP[kind])
    picture = len(data.rstrip(b"\0"))
    for start in range(200, picture - 256, picture // 20):
        with pytest.raises(TruncatedPhoto, match="still be being copied"):
            decode(hollow(data, start), LIMIT)


@pytest.mark.parametrize("room", [65, 264, 2060, 4108])
@pytest.mark.parametrize("name", ["webp", "heic", "avif"])
def test_room_at_the_end_of_exif_is_no_hole(name, room, shared):
    block = with_room(room)
    assert block[-64:].strip(b"\0") == b""
    data = saved(name, portrait(shared), exif=block)
    photo = decode(data, LIMIT)
    assert photo.pixels.shape == (400, 400, 3)
    assert photo.metadata.exif == block[6:]


@pytest.mark.parametrize("name", ["webp", "heic"])
def test_nor_is_it_in_a_turned_photo(name, shared):
    data = saved(name, portrait(shared).crop((0, 0, 400, 300)), exif=with_room(264, orientation=6))
    assert decode(data, LIMIT).pixels.shape == (400, 300, 3)


@pytest.mark.parametrize("name", ["webp", "heic", "avif"])
def test_a_hole_before_the_end_of_exif_is_seen(name, shared):
    block = with_room(264)
    data = saved(name, portrait(shared), exif=block)
    for start in (len(data) // 4, len(data) // 2, len(data) - len(block) - 64):
        with pytest.raises(TruncatedPhoto):
            decode(hollow(data, start), LIMIT)


@pytest.mark.parametrize("size", [(64, 64), (1200, 900)])
@pytest.mark.parametrize("name", ["webp", "heic", "avif"])
def test_a_picture_of_one_colour_is_whole(name, size):
    assert np.ptp(decode(saved(name, Image.new("RGB", size)), LIMIT).pixels) == 0
