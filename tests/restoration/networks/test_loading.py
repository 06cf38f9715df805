"""Loading of checkpoints: accepted and refused files, and memory."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
import spandrel
import torch
from safetensors.torch import save_file

from facewatch.errors import BadCheckpoint, DeviceFailed
from facewatch.restoration.networks import loader
from facewatch.restoration.networks.state_dict import read_state_dict

pytestmark = pytest.mark.network_files

MEASURE = """
import sys, warnings
from pathlib import Path
warnings.simplefilter("ignore")
import spandrel  # loading imports it, which is no part of what a file takes
from facewatch.restoration.networks import loader
words = lambda: dict(line.split()[:2] for line in open("/proc/self/status") if line.startswith("Vm"))
before = int(words()["VmRSS:"])
loaded = loader.load(Path(sys.argv[1]), "measured", "cpu", sys.argv[2])
print((int(words()["VmHWM:"]) - before) * 1024)
"""


@pytest.mark.parametrize("precision", ["bfloat16", "float32"])
def test_loading_reports_a_failed_device(gfpgan_file, monkeypatch, precision):
    def broken(*_):
        raise torch.AcceleratorError("CUDA error: unknown error")

    row = loader._Architecture(broken)
    monkeypatch.setitem(loader._ARCHITECTURES, "GFPGAN", row)
    with pytest.raises(DeviceFailed, match=r"hold gfpgan-1.4"):
        loader.load(gfpgan_file, "gfpgan-1.4", "cpu", precision)


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
    loaded = loader.load(tmp_path / "mine.safetensors", "mine", "cpu")
    assert loaded.name == "mine"
    assert loaded._takes_weight
    (tmp_path / "mine.safetensors").unlink()


@pytest.mark.parametrize(
    ("fixture", "message"),
    [
        ("realesrgan_x2_file", "looks like ESRGAN, an upscaler: set it as background"),
        ("realesr_general_file", "looks like RealESRGAN Compact, an upscaler: set it as background"),
        ("retinaface_mobilenet_file", "looks like RetinaFace, a face detector: set it as detector"),
        ("parsenet_file", "looks like ParseNet"),
    ],
)
def test_a_file_of_another_kind_is_refused_with_its_likely_kind(fixture, message, request):
    with pytest.raises(BadCheckpoint, match=message):
        loader.load(request.getfixturevalue(fixture), "mine", "cpu")


def test_an_unknown_network_is_refused(tmp_path):
    torch.save({"layer.weight": torch.zeros(3, 3)}, tmp_path / "mine.pth")
    with pytest.raises(BadCheckpoint, match="not a known network"):
        loader.load(tmp_path / "mine.pth", "mine", "cpu")


@pytest.mark.parametrize("harm", ["a key missing", "a key too many", "a wrong shape"])
def test_a_checkpoint_that_almost_fits_is_refused_with_its_likely_kind(restoreformer_file, tmp_path, harm):
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
        loader.load(tmp_path / "mine.pth", "mine", "cpu")


class Inverter(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.own = torch.nn.Parameter(torch.ones(1))

    def forward(self, x):
        return self.own - x


class OwnArchitecture(spandrel.Architecture):
    """A face network that a later spandrel may support."""

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
    return loader.load(tmp_path / "own.pth", "own", "cpu", registry=registry)


def test_a_face_network_of_a_later_spandrel_is_called_by_its_convention(tmp_path):
    (inverted,) = load_own(tmp_path).restore([np.full((512, 512, 3), 10, np.uint8)], 0.0)
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
    with pytest.raises(BadCheckpoint, match="not one for 512x512 RGB faces"):
        load_own(tmp_path, **traits)


def test_spandrels_own_registry_is_not_changed(restoreformer_file):
    loader.load(restoreformer_file, "restoreformer", "cpu")
    assert "CodeFormer" not in spandrel.MAIN_REGISTRY
