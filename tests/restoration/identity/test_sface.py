"""SFace's file: only that network is taken for it."""

from __future__ import annotations

import numpy as np
import pytest

from facewatch.errors import BadCheckpoint
from facewatch.models.files import ModelFiles
from facewatch.restoration.detection import yunet
from facewatch.restoration.identity.sface import SFace
from tests.restoration.networks.test_onnx_network import darker

NAME = "face_recognition_sface_2021dec.onnx"
NOT_SFACE = rf"{NAME} is not the network SFace"


@pytest.mark.parametrize(
    "data",
    [b"", b"no network" * 1000, yunet._NETWORK.read_bytes()],
    ids=["empty", "junk", "a network for other pictures"],
)
def test_another_file_is_refused_when_it_is_loaded(tmp_path, data):
    file = tmp_path / NAME
    file.write_bytes(data)
    with pytest.raises(BadCheckpoint, match=NOT_SFACE):
        SFace(file)


def test_a_network_that_returns_something_else_is_refused_when_it_is_loaded(tmp_path):
    with pytest.raises(BadCheckpoint, match=NOT_SFACE):
        SFace(darker(tmp_path / NAME, 112))


def test_half_of_the_file_is_refused(shared, tmp_path):
    whole = (shared / "weights" / NAME).read_bytes()
    file = tmp_path / NAME
    file.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(BadCheckpoint, match=NOT_SFACE):
        SFace(file)


def test_a_file_that_was_removed_is_named(tmp_path):
    with pytest.raises(BadCheckpoint, match=rf"{NAME} cannot be read: No such file"):
        SFace(tmp_path / NAME)


def test_another_network_is_not_added_under_its_name_even_if_it_is_trusted(tmp_path):
    model_files = ModelFiles(tmp_path / "models")
    with pytest.raises(BadCheckpoint, match=r"is not the file of sface\. .* is not the network SFace"):
        model_files.add("sface", darker(tmp_path / "other.onnx", 112), trust=True)


def test_a_face_has_128_numbers(shared):
    numbers = SFace(shared / "weights" / NAME).embed(np.full((512, 512, 3), 90, np.uint8))
    assert (numbers.shape, numbers.dtype) == ((128,), np.float32)
