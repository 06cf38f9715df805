"""Written TIFF files: they begin with the EXIF block, and every reader finds the picture after it."""

import io
import struct

import cv2
import numpy as np
import pytest
from PIL import Image

from facewatch.errors import TruncatedPhoto
from facewatch.restoration.codecs.decoder import decode
from facewatch.restoration.codecs.encoder import encode
from facewatch.restoration.codecs.formats import BY_NAME
from facewatch.restoration.codecs.losses import find_losses
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


def with_numbers(data, tag, change):
    """Return a little-endian TIFF file with the 32-bit values of a tag changed in place."""
    found = tiff_tags.read_directory(data).tags[tag]
    values = change(list(struct.unpack(f"<{found.count}I", found.data)))
    packed = struct.pack(f"<{found.count}I", *values)
    return data[: found.offset] + packed + data[found.offset + len(packed) :]


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("number", [0, 3, 7])
def test_rows_without_compression_are_read_whatever_length_their_strip_is_said_to_have(number, dtype):
    pixels, mode = scene(20, 30, 3 if dtype == np.uint8 else 1, dtype), "RGB" if dtype == np.uint8 else "L16"
    rows = pixels.view(np.uint8).reshape(30, -1)
    starts = [8 + 4 * at * rows.shape[1] for at in range(8)]
    channels = pixels.shape[2] if pixels.ndim == 3 else 1
    tags = [
        (256, 3, (20,)), (257, 3, (30,)), (258, 3, (8 * pixels.itemsize,) * channels), (259, 3, (1,)),
        (262, 3, (2 if channels == 3 else 1,)), (273, 4, starts), (277, 3, (channels,)), (278, 3, (4,)),
        (279, 4, [4 * rows.shape[1]] * 7 + [2 * rows.shape[1]]),
    ]  # fmt: skip
    whole = tiff_file(rows.tobytes(), tags)
    assert decode(whole, LIMIT).mode == mode
    wrong = with_numbers(whole, 279, lambda sizes: [*sizes[:number], 0x90000000, *sizes[number + 1 :]])
    again = decode(wrong, LIMIT, settled=True)
    assert np.array_equal(again.pixels, decode(whole, LIMIT).pixels)
    gone = with_numbers(whole, 273, lambda places: [*places[:number], len(whole), *places[number + 1 :]])
    with pytest.raises(TruncatedPhoto, match="cut off"):
        decode(gone, LIMIT, settled=True)


def tiff_file(body, tags):
    """Return a little-endian TIFF file: the picture's bytes, long values, the directory."""
    data, rows = bytearray(b"II*\0\0\0\0\0" + body), []
    for tag, kind, values in tags:
        packed = struct.pack(f"<{len(values)}{'H' if kind == 3 else 'I'}", *values)
        place = packed.ljust(4, b"\0")
        if len(packed) > 4:
            place = struct.pack("<I", len(data))
            data += packed
        rows.append(struct.pack("<HHI", tag, kind, len(values)) + place)
    data[4:8] = struct.pack("<I", len(data))
    return bytes(data + struct.pack("<H", len(rows)) + b"".join(rows) + bytes(4))


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(("value", "lost"), [(400, ()), (1 << 40, ("EXIF values of more than 32 bits",))])
def test_numbers_of_64_bits_in_a_bigtiff_are_kept_where_they_fit(order, value, lost):
    numbers = [(256, 16), (257, 16), (258, 8), (259, 1), (262, 1), (273, 16), (277, 1), (278, 16), (279, 256)]
    rows = [struct.pack(f"{order}HHQQ", tag, 16, 1, number) for tag, number in [*numbers, (40000, value)]]
    body = {"<": b"II", ">": b"MM"}[order] + struct.pack(f"{order}HHHQ", 43, 8, 0, 272) + bytes(range(256))
    photo = decode(body + struct.pack(f"{order}Q", len(rows)) + b"".join(rows) + bytes(8), LIMIT)
    assert find_losses(photo, BY_NAME["tiff"]) == lost
    found = tiff_tags.read_directory(encode(photo, "tiff", 95, BY_A_NETWORK))
    assert found.numbers(40000) == (() if lost else (value,))
