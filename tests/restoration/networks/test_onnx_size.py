"""An ONNX file is looked at before it is read, also without onnxruntime."""

from __future__ import annotations

import pytest

from facewatch.errors import BadCheckpoint
from facewatch.restoration.networks.onnx_network import load


def test_a_file_that_no_onnx_can_be_is_not_read(tmp_path):
    film = tmp_path / "film.onnx"
    with film.open("wb") as file:
        file.truncate(5_000_000_000)
    with pytest.raises(BadCheckpoint, match="larger than 2 GB"):
        load(film, "film", "cpu")
