"""Face networks from ONNX files: inputs read from the file, weight, refusals, devices, torch beside it."""

from __future__ import annotations

import sys
import warnings

import numpy as np
import pytest
import torch

from facewatch.errors import BadCheckpoint, NetworkFailed, NoSuchDevice
from facewatch.models.catalogue import Checkpoint, Model
from facewatch.models.files import ModelFiles, own_names
from facewatch.restoration.build import check_model_file, load_face_network
from facewatch.restoration.networks import loader, onnx_network
from tests import published
from tests.models.rows import FREE

onnx = pytest.importorskip("onnx", reason="the package onnx is not installed")
pytest.importorskip("onnxruntime", reason="the extra `onnx` is not installed")

FLOAT, DOUBLE, INT = (onnx.TensorProto.FLOAT, onnx.TensorProto.DOUBLE, onnx.TensorProto.INT32)


def write(path, nodes, inputs, outputs, constants=()):
    """Write a network; inputs and outputs are (name, type, shape)."""
    values = [onnx.helper.make_tensor_value_info(*it) for it in (*inputs, *outputs)]
    graph = onnx.helper.make_graph(
        nodes,
        "face",
        values[: len(inputs)],
        values[len(inputs) :],
        [
            onnx.numpy_helper.from_array(
                number if isinstance(number, np.ndarray) else np.asarray(number, np.float32), name
            )
            for name, number in constants
        ],
    )
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=9)
    onnx.save(model, path)
    return path


def darker(path, size=256, *, given=None, returned=None, kind=FLOAT):
    """Write a network that halves its picture."""
    face = (1, 3, size, size)
    nodes = [onnx.helper.make_node("Mul", ["input", "half"], ["output"])]
    ends = ([("input", kind, given or face)], [("output", kind, returned or face)])
    return write(path, nodes, *ends, [("half", 0.5)])


def weighted(path, kind=DOUBLE, name="weight", shape=(1,)):
    """Write a network that multiplies its picture with the weight."""
    nodes = [
        onnx.helper.make_node("Cast", [name], ["factor"], to=FLOAT),
        onnx.helper.make_node("Mul", ["input", "factor"], ["output"]),
    ]
    face = (1, 3, 256, 256)
    return write(path, nodes, [("input", FLOAT, face), (name, kind, shape)], [("output", FLOAT, face)])


def load(path, **arguments):
    return load_face_network(path, "mine", "cpu", **arguments)


def grey(value, size=256):
    return np.full((size, size, 3), value, np.uint8)


@pytest.mark.parametrize("size", [256, 512, 1024])
def test_the_size_of_the_faces_is_read_from_the_file(tmp_path, size):
    network = load(darker(tmp_path / "a.onnx", size))
    assert network.crop_size == size
    (restored,) = network.restore([grey(255, size)], 0.0)
    assert restored.shape == (size, size, 3)
    assert (restored == 191).all()


def test_a_network_for_any_size_is_given_the_usual_one(tmp_path):
    anything = ("batch", 3, "height", "width")
    network = load(darker(tmp_path / "a.onnx", given=anything, returned=anything))
    assert network.crop_size == 512
    assert network.restore([grey(255, 512)], 0.0)[0].shape == (512, 512, 3)


def test_channels_and_axes_stay_in_place(tmp_path):
    crop = np.random.default_rng(1).integers(0, 256, (256, 256, 3), dtype=np.uint8)
    (restored,) = load(darker(tmp_path / "a.onnx")).restore([crop], 0.0)
    assert np.abs(restored.astype(int) - (crop / 2 + 63.75)).max() <= 1


def test_without_a_weight_input_the_original_is_blended_in(tmp_path):
    network = load(darker(tmp_path / "a.onnx"))
    assert [int(network.restore([grey(255)], weight)[0][0, 0, 0]) for weight in (0.0, 0.5, 1.0)] == [
        191,
        223,
        255,
    ]


@pytest.mark.parametrize("kind", [FLOAT, DOUBLE])
@pytest.mark.parametrize("shape", [(1,), ()])
def test_a_weight_input_gets_the_weight(tmp_path, kind, shape):
    network = load(weighted(tmp_path / "a.onnx", kind, shape=shape))
    assert network.takes_weight
    assert [int(network.restore([grey(255)], weight)[0][0, 0, 0]) for weight in (0.0, 0.5, 1.0)] == [
        128,
        191,
        255,
    ]


def test_several_faces_are_restored_in_order(tmp_path):
    restored = load(darker(tmp_path / "a.onnx")).restore([grey(10), grey(100), grey(200)], 0.0)
    assert [int(face[0, 0, 0]) for face in restored] == [69, 114, 164]


def refused(tmp_path, case):
    path, face = tmp_path / "a.onnx", (1, 3, 256, 256)
    if case == "size":
        return darker(path, 300)
    if case == "grey":
        return darker(path, given=(1, 1, 256, 256), returned=(1, 1, 256, 256))
    if case == "oblong":
        return darker(path, given=(1, 3, 256, 512), returned=(1, 3, 256, 512))
    if case == "batch":
        return darker(path, given=(4, 3, 256, 256), returned=(4, 3, 256, 256))
    if case == "vector":
        return darker(path, given=(1, 128), returned=(1, 128))
    if case == "type":
        cast = [onnx.helper.make_node("Cast", ["input"], ["output"], to=FLOAT)]
        return write(path, cast, [("input", INT, face)], [("output", FLOAT, face)])
    if case == "enlarges":
        nodes = [onnx.helper.make_node("Resize", ["input", "", "scales"], ["output"])]
        ends = ([("input", FLOAT, face)], [("output", FLOAT, (1, 3, 512, 512))])
        return write(path, nodes, *ends, [("scales", [1, 1, 2, 2])])
    if case == "pictures":
        nodes = [onnx.helper.make_node("Add", ["input", "other"], ["output"])]
        return write(path, nodes, [("input", FLOAT, face), ("other", FLOAT, face)], [("output", FLOAT, face)])
    return weighted(path, name="strength")


@pytest.mark.parametrize(
    "case", ["size", "grey", "oblong", "batch", "vector", "type", "enlarges", "pictures", "strength"]
)
def test_other_networks_are_refused_with_what_they_take(tmp_path, case):
    with pytest.raises(BadCheckpoint, match=r"not a face network: (its inputs are|it takes) .* expected is"):
        load(refused(tmp_path, case))


@pytest.mark.parametrize("content", [b"", b"not a network", b"<html>", None])
def test_a_damaged_file_is_refused(tmp_path, content):
    path = darker(tmp_path / "a.onnx")
    path.write_bytes(path.read_bytes()[:60] if content is None else content)
    with pytest.raises(BadCheckpoint):
        load(path)


def test_a_network_whose_output_is_no_picture_fails(tmp_path):
    face = ("n", 3, 256, 256)
    nodes = [onnx.helper.make_node("Log", ["input"], ["output"])]
    network = load(write(tmp_path / "a.onnx", nodes, [("input", FLOAT, face)], [("output", FLOAT, face)]))
    with pytest.raises(NetworkFailed, match="NaN or infinite"):
        network.restore([grey(0)], 0.0)


def test_an_error_of_onnxruntime_is_a_failure_with_its_reason(tmp_path):
    face = ("n", 3, "h", "w")
    nodes = [onnx.helper.make_node("MatMul", ["input", "narrow"], ["output"])]
    ends = ([("input", FLOAT, face)], [("output", FLOAT, face)])
    network = load(write(tmp_path / "a.onnx", nodes, *ends, [("narrow", np.zeros((9, 512), np.float32))]))
    with pytest.raises(NetworkFailed, match="onnxruntime could not restore a face with mine"):
        network.restore([grey(0, 512)], 0.0)


def test_the_same_network_in_torch_gives_the_same_faces(tmp_path):
    checkpoint = published.gpen(tmp_path / "gpen.pth", 256, width=1 / 32)
    beside = loader.load(checkpoint, "gpen", "cpu")

    class Exported(torch.nn.Module):
        def forward(self, x):
            return beside._forward(x, 0.0)

    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            Exported(),
            (torch.zeros(1, 3, 256, 256),),
            tmp_path / "gpen.onnx",
            input_names=["input"],
            dynamo=False,
        )
    network = load(tmp_path / "gpen.onnx")
    face = torch.rand(1, 3, 256, 256, generator=torch.Generator().manual_seed(2)) * 2 - 1
    ours, theirs = network.infer(face.numpy(), 0.0), beside.infer(face, 0.0).numpy()
    print(f"largest difference {np.abs(ours - theirs).max():.1e}")
    assert theirs.std() > 0.05
    assert np.abs(ours - theirs).max() <= 1e-3


ALL = list(onnx_network.PROVIDERS.values())
CPU = [onnx_network.PROVIDERS["cpu"]]


@pytest.mark.parametrize(
    ("requested", "device", "providers", "expected"),
    [
        ("auto", "cpu", CPU, "cpu"),
        ("auto", "cuda:1", ALL, "cuda:1"),
        ("auto", "cuda", CPU, "cpu"),
        ("auto", "mps", ALL, "mps"),
        ("auto", "xpu", ALL, "directml"),
        ("auto", "cpu", ALL, "directml"),
        ("cpu", "cpu", ALL, "cpu"),
        ("cuda:0", "cuda:0", ALL, "cuda:0"),
    ],
)
def test_auto_takes_the_best_device_of_the_installed_onnxruntime(requested, device, providers, expected):
    assert onnx_network.choose_device(requested, device, providers) == expected


@pytest.mark.parametrize(("device", "remedy"), [("cuda", "onnxruntime-gpu"), ("xpu", "set device to auto")])
def test_a_device_that_onnxruntime_cannot_use_is_refused(device, remedy):
    with pytest.raises(NoSuchDevice, match=f"cannot compute on {device} .*{remedy}"):
        onnx_network.choose_device(device, device, CPU)


def test_without_onnxruntime_the_message_names_the_extra(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(BadCheckpoint, match=r"pip install 'facewatch\[onnx\]'"):
        load(darker(tmp_path / "a.onnx"))


def test_a_file_dropped_into_the_models_folder_is_a_model(tmp_path):
    darker(tmp_path / "gfpgan_1.4.onnx")
    assert own_names(tmp_path) == ("gfpgan_1.4",)
    files = ModelFiles(tmp_path)
    assert load(files.find("gfpgan_1.4")).crop_size == 256
    check_model_file(files.find("gfpgan_1.4"))


def test_a_row_for_an_onnx_file_is_checked_by_its_size(tmp_path):
    checkpoint = Checkpoint("a.onnx", "", None, None, FREE, page="https://example.org")
    files = ModelFiles(
        tmp_path / "models", rows=(Model("row", "face", "", checkpoint, network="onnx", crop_size=512),)
    )
    with pytest.raises(BadCheckpoint, match="for faces of 256 pixels; one for 512 was expected"):
        files.add("row", darker(tmp_path / "small.onnx"))
    with pytest.raises(BadCheckpoint, match=r"small\.pth is no ONNX file"):
        files.add("row", published.gpen(tmp_path / "small.pth", 32, width=1 / 16))
    assert files.add("row", darker(tmp_path / "right.onnx", 512)).name == "a.onnx"


def test_an_onnx_file_is_no_checkpoint(tmp_path):
    with pytest.raises(BadCheckpoint, match="is an ONNX file; a checkpoint of gpen was expected"):
        load(darker(tmp_path / "a.onnx"), network="gpen")
