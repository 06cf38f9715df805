"""Copies that may be a photo's after the ledger was lost: only a whole one counts."""

from __future__ import annotations

import hashlib
import os
import struct

import numpy as np
import pytest

from facewatch.engine.existing import whole_copy
from facewatch.engine.messages import RestoreRequest
from facewatch.restoration.codecs import formats
from facewatch.restoration.codecs.encoder import encode
from facewatch.restoration.codecs.photo import Metadata, Photo, Provenance
from facewatch.restoration.options import OutputOptions, RestorationOptions

TAGS = Provenance("builtin", 0.0, "1", "a" * 64, "b" * 64)


def request(*existing):
    names = [str(path) for path in existing]
    return RestoreRequest(
        7, "photo.jpg", None, "out", 0.0, RestorationOptions(), OutputOptions(), None, existing=names
    )


def copy_in(format_name, size=(96, 128), exif=None):
    pixels = np.random.default_rng(1).integers(0, 255, (*size, 3), np.uint8)
    return encode(
        Photo(pixels, None, "RGB", format_name, metadata=Metadata(exif=exif)), format_name, 90, TAGS
    )


@pytest.mark.parametrize("format_name", [row.name for row in formats.FORMATS])
def test_a_whole_copy_counts_with_the_hash_of_what_was_decoded(tmp_path, format_name):
    data = copy_in(format_name)
    copy = tmp_path / f"a{formats.BY_NAME[format_name].suffixes[0]}"
    copy.write_bytes(data)
    found = whole_copy(request(copy))
    assert (found.number, found.adopted, found.temporary) == (7, str(copy), None)
    assert found.sha256 == hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize("format_name", [row.name for row in formats.FORMATS])
@pytest.mark.parametrize("part", [0.1, 0.5, 0.9])
def test_a_copy_that_is_cut_off_does_not_count(tmp_path, format_name, part):
    data = copy_in(format_name)
    copy = tmp_path / "a.jpg"
    copy.write_bytes(data[: int(len(data) * part)])
    assert whole_copy(request(copy)) is None


@pytest.mark.parametrize("format_name", ["jpeg", "png", "webp", "tiff", "heic", "avif"])
def test_a_copy_whose_second_half_is_zeros_does_not_count(tmp_path, format_name):
    data = copy_in(format_name)
    copy = tmp_path / "a.jpg"
    copy.write_bytes(data[: len(data) // 2] + bytes(len(data) - len(data) // 2))
    assert whole_copy(request(copy)) is None


@pytest.mark.parametrize("format_name", ["jpeg", "png", "webp", "tiff", "heic", "avif"])
@pytest.mark.parametrize("part", [0.2, 0.5, 0.7])
def test_a_copy_that_lost_a_block_in_its_middle_does_not_count(tmp_path, format_name, part):
    data = copy_in(format_name, (300, 400))
    copy, at = tmp_path / "a.jpg", int(len(data) * part)
    assert len(data) - at > 10_000
    copy.write_bytes(data[:at] + bytes(4096) + data[at + 4096 :])
    assert whole_copy(request(copy)) is None


@pytest.mark.parametrize("format_name", ["jpeg", "png", "webp", "tiff", "heic", "avif"])
def test_a_copy_with_zeros_in_its_metadata_counts(tmp_path, format_name):
    note = struct.pack("<2sHIHHHIII", b"II", 42, 8, 1, 0x927C, 7, 9000, 26, 0) + bytes(9000)
    copy = tmp_path / "a.jpg"
    copy.write_bytes(copy_in(format_name, exif=note))
    assert bytes(4096) in copy.read_bytes() or format_name == "png"
    assert whole_copy(request(copy)) is not None


def test_a_whole_copy_behind_a_broken_one_is_found(tmp_path):
    broken, whole = tmp_path / "a.jpg", tmp_path / "a (2).jpg"
    whole.write_bytes(copy_in("jpeg"))
    broken.write_bytes(whole.read_bytes()[:2000])
    assert whole_copy(request(broken, whole)).adopted == str(whole)


def test_a_pipe_or_a_link_is_not_read(tmp_path):
    pipe, link, whole = tmp_path / "a.jpg", tmp_path / "a (2).jpg", tmp_path / "elsewhere.jpg"
    whole.write_bytes(copy_in("jpeg"))
    link.symlink_to(whole)
    if hasattr(os, "mkfifo"):
        os.mkfifo(pipe)
    assert whole_copy(request(pipe, link)) is None
