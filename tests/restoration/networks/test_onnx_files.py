"""ONNX files that are not what they should be: each is refused, and its message says why."""

from __future__ import annotations

import numpy as np
import pytest

from facewatch.errors import BadCheckpoint, NetworkFailed
from facewatch.models.files import ModelFiles
from facewatch.restoration.build import check_model_file
from tests.restoration.networks.test_onnx_network import FLOAT, INT, darker, grey, load, onnx, write

FACE = (1, 3, 256, 256)


def one_node(path, operation, *, given=(FLOAT, FACE), returned=(FLOAT, FACE), constants=(), **attributes):
    """Write a network of one operation; its further inputs are `constants`."""
    nodes = [
        onnx.helper.make_node(
            operation, ["input", *(name for name, _ in constants)], ["output"], **attributes
        )
    ]
    return write(path, nodes, [("input", *given)], [("output", *returned)], constants)


def test_weights_in_another_file_are_not_read_from_the_working_folder(tmp_path, monkeypatch):
    kernel = np.ones((3, 3, 1, 1), np.float32)
    path = one_node(tmp_path / "a.onnx", "Conv", constants=[("kernel", kernel)])
    model = onnx.load(path)
    onnx.save(model, path, save_as_external_data=True, location="a.data", size_threshold=0)
    assert (tmp_path / "a.data").stat().st_size
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BadCheckpoint, match="keeps its weights in another file"):
        load(path)
    with pytest.raises(BadCheckpoint, match="keeps its weights in another file"):
        check_model_file(path)


@pytest.mark.parametrize("kind", ["INT8", "UINT8", "FLOAT16", "INT32"])
def test_pictures_of_other_numbers_are_refused_by_their_name(tmp_path, kind):
    number = getattr(onnx.TensorProto, kind)
    path = one_node(tmp_path / "a.onnx", "Identity", given=(number, FACE), returned=(number, FACE))
    shown = {"FLOAT16": "float16"}.get(kind, kind.lower())
    with pytest.raises(BadCheckpoint, match=rf"inputs are input tensor\({shown}\) .* expected is a float32"):
        load(path)


def test_an_output_of_whole_numbers_is_refused(tmp_path):
    path = one_node(tmp_path / "a.onnx", "Cast", returned=(INT, FACE), to=INT)
    with pytest.raises(BadCheckpoint, match=r"returns tensor\(int32\) .* in float32"):
        load(path)


def test_a_network_without_an_input_is_refused(tmp_path):
    nodes = [onnx.helper.make_node("RandomNormal", [], ["output"], shape=FACE)]
    with pytest.raises(BadCheckpoint, match="its inputs are none; expected"):
        load(write(tmp_path / "a.onnx", nodes, [], [("output", FLOAT, FACE)]))


def test_an_operation_that_onnxruntime_does_not_know_is_named(tmp_path):
    with pytest.raises(BadCheckpoint, match=r"no ONNX network that onnxruntime can load: .*Unheard"):
        load(one_node(tmp_path / "a.onnx", "Unheard"))


def test_a_file_that_does_not_say_what_it_returns_is_tried(tmp_path):
    network = load(one_node(tmp_path / "a.onnx", "Identity", returned=(FLOAT, None)))
    assert (network.restore([grey(7)], 0.0)[0] == 7).all()


def test_a_network_that_takes_any_size_and_returns_one_is_given_that(tmp_path):
    anything = ("n", 3, "h", "w")
    shape = [("shape", np.array(FACE))]
    path = one_node(tmp_path / "a.onnx", "Reshape", given=(FLOAT, anything), constants=shape)
    assert load(path).crop_size == 256
    assert (load(path).restore([grey(9)], 0.0)[0] == 9).all()


def face():
    """Return a crop with dark and light parts."""
    crop = grey(230)
    crop[:100] = 20
    return crop


@pytest.mark.parametrize(
    ("factor", "shift", "numbers"),
    [(127.5, 127.5, "from 20 to 230"), (0.5, 0.5, "from 0.0784 to 0.902")],
    ids=["0 to 255", "0 to 1"],
)
def test_numbers_of_another_range_are_refused_by_name(tmp_path, factor, shift, numbers):
    nodes = [
        onnx.helper.make_node("Mul", ["input", "factor"], ["scaled"]),
        onnx.helper.make_node("Add", ["scaled", "shift"], ["output"]),
    ]
    ends = ([("input", FLOAT, FACE)], [("output", FLOAT, FACE)])
    network = load(write(tmp_path / "a.onnx", nodes, *ends, [("factor", factor), ("shift", shift)]))
    with pytest.raises(NetworkFailed, match=f"mine returned numbers {numbers}; those of a face network"):
        network.restore([face()], 0.0)


def test_a_bright_face_and_numbers_a_little_beyond_the_range_are_right(tmp_path):
    network = load(one_node(tmp_path / "a.onnx", "Mul", constants=[("factor", 1.2)]))
    assert (network.restore([grey(250)], 0.0)[0] == 255).all()
    assert network.restore([face()], 0.0)[0].min() == 0


@pytest.mark.parametrize("content", [b"PK\3\4 a zip", b"\x80\x02. a pickle", b"<!doctype html>", b"\x08\x09"])
def test_another_file_under_the_name_of_an_onnx_file_is_refused(tmp_path, content):
    (tmp_path / "a.onnx").write_bytes(content)
    with pytest.raises(BadCheckpoint, match="The file is no ONNX network"):
        check_model_file(tmp_path / "a.onnx")


def test_the_user_adds_no_file_that_is_refused(tmp_path):
    files = ModelFiles(tmp_path / "models")
    with pytest.raises(BadCheckpoint, match="for faces of 256 pixels; one for 1024 was expected"):
        files.add("gpen-1024-onnx", darker(tmp_path / "a.onnx", 256))
    assert files.state("gpen-1024-onnx") == "missing"
