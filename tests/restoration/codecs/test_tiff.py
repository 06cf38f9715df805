"""Written TIFF files: they begin with the EXIF block, and every reader finds the picture after it."""

import io
import struct

import cv2
import numpy as np
import pytest
from PIL import Image

from facewatch.restoration.codecs.decoder import decode
from facewatch.restoration.codecs.encoder import encode
from facewatch.restoration.codecs.metadata import tiff_tags
from facewatch.restoration.codecs.photo import Metadata, Photo
from tests.restoration.codecs import samples
from tests.restoration.codecs.samples import BY_A_NETWORK, LIMIT, scene

MAKER_NOTE = b"MAKER\0" + bytes(range(60))


def with_exif(block, dtype=np.uint8):
    photo = Photo(
        scene(dtype=dtype), None, "RGB16" if dtype == np.uint16 else "RGB", "tiff", Metadata(exif=block)
    )
    return encode(photo, "tiff", 90, BY_A_NETWORK)


@pytest.mark.parametrize("order", ["<", ">"])
def test_a_maker_note_keeps_its_offset(order):
    exif = samples.exif(6, MAKER_NOTE)
    exif.endian = order
    block = exif.tobytes()[6:]
    assert tiff_tags.parse_layout(block).order == order
    data = with_exif(block)
    assert data.index(MAKER_NOTE) == block.index(MAKER_NOTE)
    assert (
        tiff_tags.read_directory(data, strict=True).children[tiff_tags.EXIF].tags[0x927C].data == MAKER_NOTE
    )


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize(
    "block", [None, samples.exif(1, bytes(999)).tobytes()[6:]], ids=["bare", "described"]
)
def test_other_decoders_find_the_picture_after_the_exif_block(block, dtype):
    data = with_exif(block, dtype)
    found = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    assert np.array_equal(found[..., ::-1], scene(dtype=dtype))
    if dtype == np.uint8:
        with Image.open(io.BytesIO(data)) as image:
            assert np.array_equal(np.asarray(image), scene())


@pytest.mark.parametrize(("tag", "past"), [(0x010F, 20), (0x010F, 5000), (0x9003, 5000)])
def test_values_past_the_end_of_a_block_are_not_read_from_the_picture(tag, past):
    block = bytearray(samples.exif().tobytes()[6:])
    entry = block.index(struct.pack(">HH", tag, 2))
    struct.pack_into(">I", block, entry + 8, len(block) + past)
    data = with_exif(bytes(block))
    directory = tiff_tags.read_directory(data, strict=True)
    assert tag not in directory.tags
    assert tag not in directory.children[tiff_tags.EXIF].tags
    assert 0x0110 in directory.tags
    assert np.array_equal(decode(data, LIMIT).pixels, scene())
