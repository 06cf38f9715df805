"""The painter looks at a file before it reads it."""

from __future__ import annotations

import os
import tracemalloc

import pytest

from facewatch.errors import BadPhoto
from facewatch.gallery.painter import paint


@pytest.mark.parametrize("head", [b"\0\0\0\x20ftypisom", b"\x1aE\xdf\xa3", b"\xff\xd8\xff", b""])
def test_a_film_named_as_a_photo_is_not_read(tmp_path, head):
    film = tmp_path / "film.jpg"
    with film.open("wb") as file:
        file.write(head)
        file.truncate(5_000_000_000)
    tracemalloc.start()
    with pytest.raises(BadPhoto):
        paint(film, "thumbnail", tmp_path / "small.jpg")
    assert tracemalloc.get_traced_memory()[1] < 20_000_000
    tracemalloc.stop()
    assert os.listdir(tmp_path) == ["film.jpg"]  # noqa: PTH208 - names only
