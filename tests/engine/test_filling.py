"""Files that are filled in place: they decode, but wait until they are whole, or have been quiet for long."""

from __future__ import annotations

import io
import time

import numpy as np
import pytest
from PIL import Image

from facewatch.engine.messages import RestoreRequest
from facewatch.engine.restorer import Restorer
from facewatch.errors import TruncatedPhoto
from facewatch.restoration.codecs import filling
from facewatch.restoration.options import OutputOptions, RestorationOptions

FILM = b"\0\0\0\x18ftypmp42" + bytes(range(1, 256)) * 40
NOISE = np.random.default_rng(3).integers(1, 255, (120, 160, 3), np.uint8)


def picture(kind, **options):
    stream = io.BytesIO()
    Image.fromarray(NOISE).save(stream, kind, **options)
    return stream.getvalue()


def item(semantic, length):
    return f'<rdf:li rdf:parseType="Resource"><c:Item i:Semantic="{semantic}" i:Length="{length}"/></rdf:li>'


def motion_photo(*, old=False):
    spaces = (
        'xmlns:g="http://ns.google.com/photos/1.0/camera/" '
        'xmlns:c="http://ns.google.com/photos/1.0/container/" '
        'xmlns:i="http://ns.google.com/photos/1.0/container/item/"'
    )
    inner = (
        f'<rdf:Description {spaces} g:MicroVideo="1" g:MicroVideoOffset="{len(FILM)}"/>'
        if old
        else f'<rdf:Description {spaces} g:MotionPhoto="1"><c:Directory><rdf:Seq>{item("Primary", 0)}'
        f"{item('MotionPhoto', len(FILM))}</rdf:Seq></c:Directory></rdf:Description>"
    )
    packet = (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF '
        f'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">{inner}</rdf:RDF></x:xmpmeta>'
    ).encode()
    return picture("JPEG", quality=92, xmp=packet)


def read(tmp_path, data, *, settled=False, age_seconds=0.0):
    source = tmp_path / "photo"
    source.write_bytes(data)
    job = RestoreRequest(
        1, str(source), None, str(tmp_path), 0.0, RestorationOptions(), OutputOptions(), None, settled=settled
    )
    later = time.time() + age_seconds
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(time, "time", lambda: later)
        return Restorer("builtin", None).read(job)


def with_zeros(data, start, stop):
    first, last = int(len(data) * start), int(len(data) * stop)
    return data[:first] + bytes(last - first) + data[last:]


UNCOMPRESSED = {"BMP": {}, "TIFF": {}, "PPM in TIFF": {"compression": "packbits"}}


@pytest.mark.parametrize("kind", UNCOMPRESSED)
@pytest.mark.parametrize("part", [(0.5, 1.0), (0.3, 0.6), (0.95, 1.0)])
def test_a_picture_that_is_filled_in_place_waits_wherever_the_hole_is(tmp_path, kind, part):
    data = picture(kind.split()[-1], **UNCOMPRESSED[kind])
    assert not filling.has_hole(data)
    with pytest.raises(TruncatedPhoto):
        read(tmp_path, with_zeros(data, *part))
    assert read(tmp_path, data).pixels.shape == NOISE.shape


@pytest.mark.parametrize("film", [b"", FILM[: len(FILM) // 2], FILM[:50] + bytes(len(FILM) - 50)])
@pytest.mark.parametrize("old", [False, True])
def test_a_motion_photo_waits_for_its_film(tmp_path, film, old):
    with pytest.raises(TruncatedPhoto, match="behind the picture"):
        read(tmp_path, motion_photo(old=old) + film)
    assert read(tmp_path, motion_photo(old=old) + FILM).format == "jpeg"


def test_a_picture_with_a_gain_map_waits_for_it(tmp_path):
    stream = io.BytesIO()
    first, second = Image.fromarray(NOISE), Image.fromarray(NOISE[::2, ::2])
    first.save(stream, "MPO", save_all=True, append_images=[second])
    data = stream.getvalue()
    with pytest.raises(TruncatedPhoto):
        read(tmp_path, data[: data.index(b"\xff\xd9") + 2])
    assert read(tmp_path, data).metadata.tail


@pytest.mark.parametrize("data", [motion_photo(), with_zeros(picture("BMP"), 0.5, 1.0)])
def test_what_has_been_quiet_for_long_or_is_settled_is_taken_as_it_is(tmp_path, data):
    assert read(tmp_path, data, settled=True).pixels.shape == NOISE.shape
    assert read(tmp_path, data, age_seconds=filling.QUIET_SECONDS + 1).pixels.shape == NOISE.shape
    with pytest.raises(TruncatedPhoto):
        read(tmp_path, data, age_seconds=-3600)  # the clock was put back


def test_space_that_a_camera_reserves_in_a_jpeg_is_no_hole(tmp_path):
    data = picture("JPEG", quality=92)
    reserved = data[:2] + b"\xff\xec\x20\x02" + bytes(0x2000) + data[2:] + bytes(8192)
    assert read(tmp_path, reserved).format == "jpeg"
    with pytest.raises(TruncatedPhoto):
        read(tmp_path, with_zeros(data, 0.5, 0.9))


def test_a_compressed_tiff_that_cannot_be_decoded_yet_is_not_called_damaged(tmp_path):
    data = picture("TIFF", compression="tiff_adobe_deflate")
    with pytest.raises(TruncatedPhoto):
        read(tmp_path, with_zeros(data, 0.4, 0.9))
