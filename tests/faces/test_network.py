from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
import spandrel
import torch
from safetensors.torch import save_file

from facewatch.errors import BadCheckpoint, DeviceFailed, NetworkFailed, OutOfMemory
from facewatch.faces import network
from facewatch.faces.network import TorchNetwork
from facewatch.faces.weights import read_state_dict

pytestmark = pytest.mark.network_files

MEASURE = """
import sys, warnings
from pathlib import Path
warnings.simplefilter("ignore")
from facewatch.faces import network
words = lambda: dict(line.split()[:2] for line in open("/proc/self/status") if line.startswith("Vm"))
before = int(words()["VmRSS:"])
loaded = network.load(Path(sys.argv[1]), "measured", "cpu", sys.argv[2])
print((int(words()["VmHWM:"]) - before) * 1024)
"""


def faces(count):
    """Plain faces, each of its own grey."""
    return [np.full((512, 512, 3), 20 * index + 10, np.uint8) for index in range(count)]


def brighter(x, _weight):
    return x + 40 / 127.5


class Card:
    """A device that holds only so many faces at once."""

    def __init__(self, room, error):
        self.room = room
        self.error = error
        self.batches = []

    def __call__(self, x, weight):
        self.batches.append(len(x))
        if len(x) > self.room:
            raise self.error
        return brighter(x, weight)


def fake(forward, *, takes_weight=False, batch=4):
    return TorchNetwork("fake", forward, "cpu", takes_weight=takes_weight, batch=batch)


def test_every_crop_comes_back_restored_and_in_its_order():
    restored = fake(brighter).restore(faces(7), 0.0)
    assert [int(face[0, 0, 0]) for face in restored] == [20 * index + 50 for index in range(7)]
    assert all(face.shape == (512, 512, 3) and face.dtype == np.uint8 for face in restored)


def test_no_faces_are_no_work():
    assert fake(brighter).restore([], 0.0) == []


def test_channels_and_axes_stay_in_place():
    rng = np.random.default_rng(1)
    crop = rng.integers(0, 256, (512, 512, 3), dtype=np.uint8)
    (same,) = fake(lambda x, _weight: x).restore([crop], 0.0)
    np.testing.assert_array_equal(same, crop)


def test_what_strays_from_the_range_is_clamped():
    (bright,) = fake(lambda x, _weight: x + 9).restore(faces(1), 0.0)
    assert (bright == 255).all()


def test_the_weight_blends_the_crop_back_where_the_network_takes_none():
    (half,) = fake(brighter).restore(faces(1), 0.5)
    (whole,) = fake(brighter).restore(faces(1), 1.0)
    assert (half == 30).all()
    assert (whole == 10).all()


def test_the_weight_goes_to_the_network_that_takes_one():
    (restored,) = fake(lambda x, weight: x + weight * 20 / 127.5, takes_weight=True).restore(faces(1), 0.5)
    assert (restored == 20).all()


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory."),
        RuntimeError("MPS backend out of memory"),
        RuntimeError(
            "[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"
        ),
        MemoryError(),
    ],
)
def test_out_of_memory_halves_the_batch_until_it_fits(error):
    card = Card(1, error)
    assert len(fake(card).restore(faces(5), 0.0)) == 5
    assert card.batches == [4, 2, 1, 1, 1, 1, 1]


def test_out_of_memory_with_one_face_is_said_and_nothing_comes_back():
    card = Card(0, torch.OutOfMemoryError("CUDA out of memory."))
    with pytest.raises(OutOfMemory, match="too little free memory to restore a face with fake"):
        fake(card).restore(faces(2), 0.0)
    assert card.batches == [2, 1] or card.batches == [2, 2, 1]


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
@pytest.mark.parametrize("weight", [0.0, 1.0])
def test_numbers_that_are_no_picture_are_a_failure(number, weight):
    def broken(x, _weight):
        x = x.clone()
        x[-1, 1, 300, 200] = number
        return x

    with pytest.raises(NetworkFailed, match="no picture"):
        fake(broken).restore(faces(3), weight)


def test_numbers_that_overflow_a_reduced_precision_are_a_failure_with_the_way_out():
    half = TorchNetwork("fake", lambda x, _: x * float("inf"), "cpu", takes_weight=False, precision="float16")
    with pytest.raises(NetworkFailed, match=r"no picture.* in float16: set precision to float32"):
        half.restore(faces(1), 0.0)


def failing(error):
    def broken(_x, _weight):
        raise error

    return fake(broken)


def test_an_error_of_the_network_is_a_failure_with_its_reason():
    with pytest.raises(NetworkFailed, match="could not restore a face with fake: sizes differ") as raised:
        failing(RuntimeError("sizes differ\nmore\n")).restore(faces(1), 0.0)
    assert not isinstance(raised.value, OutOfMemory)


@pytest.mark.parametrize(
    "error",
    [
        torch.AcceleratorError("CUDA error: unknown error"),
        RuntimeError("CUDA error: an illegal memory access was encountered\nCUDA kernel errors might be"),
        RuntimeError("cuDNN error: CUDNN_STATUS_EXECUTION_FAILED"),
        RuntimeError("CUDA error: CUBLAS_STATUS_EXECUTION_FAILED when calling `cublasGemmEx(...)`"),
        RuntimeError("CUDA error: unspecified launch failure"),
        RuntimeError("CUDA error: device-side assert triggered"),
        RuntimeError("HIP error: unspecified launch failure"),
        RuntimeError("level_zero backend failed with error: 20 (UR_RESULT_ERROR_DEVICE_LOST)"),
    ],
)
def test_a_device_in_trouble_is_told_from_a_network_that_fails(error):
    reason = str(error).splitlines()[0]
    with pytest.raises(DeviceFailed, match=r"device failed.*goes on with a fresh engine") as raised:
        failing(error).restore(faces(1), 0.0)
    assert reason in str(raised.value)
    assert not isinstance(raised.value, NetworkFailed)


def test_a_device_that_is_out_of_memory_is_not_in_trouble():
    with pytest.raises(OutOfMemory):
        failing(torch.AcceleratorError("CUDA error: out of memory")).restore(faces(1), 0.0)


@pytest.mark.parametrize("precision", ["bfloat16", "float32"])
def test_loading_says_when_the_device_is_in_trouble(gfpgan_file, monkeypatch, precision):
    def broken(*_):
        raise torch.AcceleratorError("CUDA error: unknown error")

    row = network._Architecture(broken)
    monkeypatch.setitem(network._ARCHITECTURES, "GFPGAN", row)
    with pytest.raises(DeviceFailed, match=r"hold gfpgan-1.4"):
        network.load(gfpgan_file, "gfpgan-1.4", "cpu", precision)


def test_a_picture_of_another_size_is_a_failure():
    with pytest.raises(NetworkFailed, match="256, 256"):
        fake(lambda x, _weight: x[:, :, ::2, ::2]).restore(faces(1), 0.0)


def test_the_same_face_comes_out_the_same_every_time(gfpgan_file):
    gfpgan = network.load(gfpgan_file, "gfpgan-1.4", "cpu")
    crop = np.random.default_rng(3).integers(0, 256, (512, 512, 3), dtype=np.uint8)
    first, second = (gfpgan.restore([crop], 0.0)[0] for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert first.std() > 5


@pytest.mark.skipif(sys.platform != "linux", reason="peak memory is read as Linux shows it")
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("form", ["gfpgan_file", "restoreformer_file", "codeformer_file"])
def test_loading_takes_no_more_than_1_3_times_the_file(form, precision, request):
    file = request.getfixturevalue(form)
    environment = os.environ | {"OMP_NUM_THREADS": "2"}
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, file, precision],
        capture_output=True,
        text=True,
        check=True,
        env=environment,
    )
    print(f"{file.name} in {precision}: peak rise {int(done.stdout) / file.stat().st_size:.2f} of the file")
    assert int(done.stdout) <= 1.3 * file.stat().st_size


def test_a_model_in_safetensors_is_the_same_network(codeformer_file, tmp_path):
    state = read_state_dict(codeformer_file)
    save_file(state, tmp_path / "mine.safetensors")
    loaded = network.load(tmp_path / "mine.safetensors", "mine", "cpu")
    assert loaded.name == "mine"
    assert loaded._takes_weight
    (tmp_path / "mine.safetensors").unlink()


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ("realesrgan_x2_file", "looks like ESRGAN, an upscaler: put it under background"),
        ("realesr_general_file", "looks like RealESRGAN Compact, an upscaler: put it under background"),
        ("retinaface_mobilenet_file", "looks like RetinaFace, a face detector: put it under detector"),
        ("parsenet_file", "looks like ParseNet"),
    ],
)
def test_a_file_of_another_kind_is_refused_by_what_it_looks_like(form, said, request):
    with pytest.raises(BadCheckpoint, match=said):
        network.load(request.getfixturevalue(form), "mine", "cpu")


def test_an_unknown_network_is_refused(tmp_path):
    torch.save({"layer.weight": torch.zeros(3, 3)}, tmp_path / "mine.pth")
    with pytest.raises(BadCheckpoint, match="no known kind"):
        network.load(tmp_path / "mine.pth", "mine", "cpu")


@pytest.mark.parametrize("harm", ["a key missing", "a key too many", "a wrong shape"])
def test_a_checkpoint_that_almost_fits_is_refused_with_what_it_looks_like(restoreformer_file, tmp_path, harm):
    state = read_state_dict(restoreformer_file)
    key = "decoder.mid.block_1.norm1.norm.weight" if harm == "a key too many" else "decoder.norm_out.weight"
    match harm:
        case "a key missing":
            del state[key]
        case "a key too many":
            state[key] = torch.zeros(3)
        case _:
            state[key] = torch.zeros(3)
    shapes = {name: tensor.new_zeros(1).expand(tensor.shape) for name, tensor in state.items()}
    torch.save(shapes, tmp_path / "mine.pth")
    with pytest.raises(
        BadCheckpoint, match=r"looks like RestoreFormer but does not fit it \(.*another version"
    ):
        network.load(tmp_path / "mine.pth", "mine", "cpu")


class Inverter(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.own = torch.nn.Parameter(torch.ones(1))

    def forward(self, x):
        return self.own - x


class OwnArchitecture(spandrel.Architecture):
    """A face network that spandrel may know one day."""

    def __init__(self, **traits):
        super().__init__(id="Own", detect=lambda state: "own" in state)
        self.traits = {"purpose": "FaceSR", "scale": 1, "input_channels": 3, "output_channels": 3} | traits

    def load(self, state_dict):
        return spandrel.ImageModelDescriptor(
            Inverter(),
            state_dict,
            architecture=self,
            tags=[],
            supports_half=False,
            supports_bfloat16=False,
            **self.traits,
        )


def load_own(tmp_path, **traits):
    registry = spandrel.ArchRegistry()
    registry.add(spandrel.ArchSupport.from_architecture(OwnArchitecture(**traits)))
    torch.save({"own": torch.ones(1)}, tmp_path / "own.pth")
    return network.load(tmp_path / "own.pth", "own", "cpu", registry=registry)


def test_a_face_network_that_spandrel_learns_later_is_called_by_its_contract(tmp_path):
    (inverted,) = load_own(tmp_path).restore(faces(1), 0.0)
    assert (inverted == 245).all()


@pytest.mark.parametrize(
    "traits",
    [
        {"scale": 2},
        {"input_channels": 1, "output_channels": 1},
        {"size_requirements": spandrel.SizeRequirements(multiple_of=384)},
    ],
)
def test_a_face_network_for_other_pictures_is_refused(tmp_path, traits):
    with pytest.raises(BadCheckpoint, match="not one that takes and gives 512x512 RGB faces"):
        load_own(tmp_path, **traits)


def test_spandrels_own_registry_stays_as_it_is(restoreformer_file):
    network.load(restoreformer_file, "restoreformer", "cpu")
    assert "CodeFormer" not in spandrel.MAIN_REGISTRY
