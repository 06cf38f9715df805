"""Photos are looked at before they are read."""

from __future__ import annotations

import os
import struct
import sys
import tracemalloc
from pathlib import Path

import pytest

from facewatch.engine.source import hash_source, read_source
from facewatch.errors import BadPhoto, PhotoTooLarge, SourceChanged, SourceGone, TruncatedPhoto
from facewatch.restoration.codecs import byte_limit
from facewatch.restoration.codecs.size_limit import SizeLimit
from facewatch.system.fingerprint import Fingerprint

LIMIT = SizeLimit(179_000_000)
LARGE = 4_000_000_000


def frame(width: int, height: int) -> bytes:
    """The head of a JPEG, with an APP segment before its size."""
    return b"\xff\xd8\xff\xe0\0\x04ab\xff\xc0\0\x11\x08" + struct.pack(">HH", height, width) + bytes(12)


def tiff(width: int, height: int) -> bytes:
    tags = struct.pack("<HHII", 0x100, 4, 1, width) + struct.pack("<HHIHH", 0x101, 3, 1, height, 0)
    return b"II*\0" + struct.pack("<IH", 8, 2) + tags + bytes(4)


def sparse(path: Path, head: bytes, size_bytes: int = LARGE) -> Path:
    with path.open("wb") as file:
        file.write(head)
        file.truncate(size_bytes)
    return path


HEADS = {
    "jpeg": frame(640, 480),
    "png": b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + struct.pack(">II", 640, 480),
    "tiff": tiff(640, 480),
    "bmp": b"BM" + bytes(16) + struct.pack("<ii", 640, -480),
    "webp": b"RIFF\0\0\0\0WEBPVP8X" + bytes(8) + b"\x7f\x02\0\xdf\x01\0",
    "heic": b"\0\0\0\x18ftypheic" + bytes(12) + b"\0\0\0\x14ispe" + bytes(4) + struct.pack(">II", 640, 480),
}


@pytest.mark.parametrize("head", HEADS.values(), ids=HEADS.keys())
def test_a_file_far_larger_than_its_picture_is_refused_unread(tmp_path, head):
    film = sparse(tmp_path / "film.jpg", head)
    tracemalloc.start()
    for take in (read_source, hash_source):
        with pytest.raises(BadPhoto, match="307200 pixels"):
            take(film, LIMIT)
    assert tracemalloc.get_traced_memory()[1] < 10_000_000
    tracemalloc.stop()


@pytest.mark.parametrize(
    ("head", "error"),
    [
        (b"\xff\xd8\xff", BadPhoto),
        (b"\0\0\0\x18ftypisom", BadPhoto),
        (b"\x1aE\xdf\xa3 a film", BadPhoto),
        (b"", TruncatedPhoto),
        (frame(60_000, 60_000), PhotoTooLarge),
    ],
)
def test_a_large_file_that_is_no_photo_is_refused_unread(tmp_path, head, error):
    with pytest.raises(error):
        hash_source(sparse(tmp_path / "film.jpg", head), LIMIT)


@pytest.mark.parametrize("pages", ["a loop", "many"])
def test_pages_that_a_tiff_only_claims_do_not_make_room_for_a_film(tmp_path, pages):
    head = tiff(10_000, 10_000)
    if pages == "a loop":
        head = head[:-4] + struct.pack("<I", 8)
    else:
        page = head[8:-4]
        links = (8 + (number + 1) * (len(page) + 4) for number in range(1000))
        head = head[:8] + b"".join(page + struct.pack("<I", link) for link in links) + page + bytes(4)
    with pytest.raises(BadPhoto, match="no picture despite its name"):
        hash_source(sparse(tmp_path / "film.tif", head), LIMIT)


@pytest.mark.parametrize("head", HEADS.values(), ids=HEADS.keys())
def test_a_large_photo_is_read_whole(tmp_path, head, monkeypatch):
    monkeypatch.setattr(byte_limit, "SMALL_BYTES", 0)
    photo = sparse(tmp_path / "a.jpg", head, 1_000_000)
    assert read_source(photo, LIMIT) == photo.read_bytes()


def test_only_the_file_that_settled_is_hashed(tmp_path):
    photo = tmp_path / "a.jpg"
    with pytest.raises(SourceGone):
        hash_source(photo, LIMIT)
    photo.write_bytes(b"photo")
    settled = Fingerprint.of(photo.stat())
    photo.write_bytes(b"another")
    with pytest.raises(SourceChanged):
        hash_source(photo, LIMIT, settled)


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pipe")
def test_a_pipe_with_a_photos_name_is_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "a.jpg")
    with pytest.raises(BadPhoto, match="not a regular file"):
        read_source(tmp_path / "a.jpg", LIMIT)


def test_the_pages_of_a_scan_are_counted_together(tmp_path, monkeypatch):
    monkeypatch.setattr(byte_limit, "FILM_BYTES", 0)
    monkeypatch.setattr(byte_limit, "SMALL_BYTES", 0)
    first = tiff(640, 480)[:-4] + struct.pack("<I", 1000)
    second = tiff(640, 480)[8:]
    size_bytes = byte_limit.PIXEL_BYTES * 640 * 480 * 2
    scan = sparse(tmp_path / "scan.tif", first.ljust(1000, b"\0") + second, size_bytes)
    assert len(read_source(scan, LIMIT)) == size_bytes
    os.truncate(scan, size_bytes + 1)
    with pytest.raises(BadPhoto, match="614400 pixels"):
        read_source(scan, LIMIT)
