"""Import of torchvision without torch's compiler, which remains available."""

from __future__ import annotations

import subprocess
import sys

import pytest

STARTED = """
import sys, warnings
from facewatch.restoration.networks.torch_imports import import_torchvision

import_torchvision()
import torch
from facewatch.restoration.detection import retinaface
from facewatch.restoration.masks import parsing
from facewatch.restoration.networks import loader, upscaler

def compiler():
    return [name for name in sys.modules if name.startswith(("torch._dynamo", "sympy"))]

print(compiler())
"""

USED = """
from spandrel.architectures.Compact import Compact

with torch.inference_mode():
    Compact(num_in_ch=3, num_out_ch=3, num_feat=8, num_conv=1, upscale=2)(torch.zeros(1, 3, 8, 8))
print(compiler())
import torch._dynamo.utils
print(torch._dynamo.utils.__file__.endswith("utils.py"), hasattr(torch._dynamo.utils, "counters"))
"""

LOADED = """
from pathlib import Path
with torch.inference_mode():
    found = {call}
print(compiler())
"""
LOADS = {
    "gfpgan_file": "loader.load(Path({file!r}), 'it', 'cpu')",
    "restoreformer_file": "loader.load(Path({file!r}), 'it', 'cpu')",
    "codeformer_file": "loader.load(Path({file!r}), 'it', 'cpu')",
    "parsenet_file": "parsing.ParseMask(Path({file!r}), 'cpu', 'float32')",
    "retinaface_mobilenet_file": "retinaface.RetinaFace('mobilenet', Path({file!r}), 'cpu')",
    "realesr_general_file": "upscaler.RealESRGAN(Path({file!r}), 'it', 'cpu')",
}

REFUSED = """
import importlib.abc, sys

class Refuse(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name == "torchvision.ops" and "torch._dynamo.utils" in sys.modules:
            raise ImportError("cannot import name counters")

sys.meta_path.insert(0, Refuse())
from facewatch.restoration.networks.torch_imports import import_torchvision

import_torchvision()
print("torch._dynamo.utils" in sys.modules)
sys.meta_path.pop(0)
from facewatch.restoration.detection import retinaface
print(retinaface.RetinaFace.__name__, "torch._dynamo" in sys.modules)
"""


def lines(program):
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_networks_run_without_the_compiler_and_later_imports_get_the_real_one():
    assert lines(STARTED + USED) == ["[]", "[]", "True True"]


@pytest.mark.network_files
@pytest.mark.parametrize("form", LOADS)
def test_a_network_is_loaded_without_the_compiler(form, request):
    call = LOADS[form].format(file=str(request.getfixturevalue(form)))
    assert lines(STARTED + LOADED.format(call=call)) == ["[]", "[]"]


def test_a_release_that_needs_more_of_the_compiler_gets_it():
    assert lines(REFUSED) == ["False", "RetinaFace True"]
