"""The fast networks on a simulated card: device and type of every tensor."""

from __future__ import annotations

import warnings

import pytest
import torch
from facexlib.parsing.parsenet import ParseNet
from spandrel.architectures.GFPGAN import GFPGAN
from spandrel.architectures.RestoreFormer import RestoreFormer
from torch._subclasses.fake_tensor import FakeTensorMode

from facewatch.restoration.networks.fast import codeformer, gfpgan, parsenet, restoreformer

pytestmark = pytest.mark.skipif(torch.version.cuda is None, reason="this torch is built without CUDA")


def published_codeformer():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it uses a deprecated call of torch
        from spandrel_extra_arches.architectures.CodeFormer import CodeFormer
    return CodeFormer()


NETWORKS = {
    "gfpgan": (GFPGAN, gfpgan.build),
    "codeformer": (published_codeformer, codeformer.build),
    "restoreformer": (RestoreFormer, restoreformer.build),
}


def shapes_of(published):
    """Return the published network's tensors without data.

    Outside of a FakeTensorMode: torch 2.14 refuses a batch norm's constructor inside one.
    """
    with torch.device("meta"):
        return published().state_dict()


def state_of(shapes):
    """Return fake CPU tensors of these shapes; inside a FakeTensorMode."""
    return {name: torch.empty(tensor.shape, dtype=tensor.dtype) for name, tensor in shapes.items()}


@pytest.mark.parametrize("precision", ["float32", "bfloat16", "float16"])
@pytest.mark.parametrize("count", [1, 4])
@pytest.mark.parametrize("name", NETWORKS)
def test_a_face_network_stays_on_its_card(name, count, precision):
    published, build = NETWORKS[name]
    shapes = shapes_of(published)
    with FakeTensorMode(), torch.inference_mode():
        network = build(state_of(shapes), "cuda", precision)
        picture = network(torch.empty(count, 3, 512, 512, device="cuda"), 0.5)
    assert (picture.device.type, picture.dtype) == ("cuda", torch.float32)
    assert picture.shape == (count, 3, 512, 512)


@pytest.mark.parametrize("precision", ["float32", "bfloat16", "float16"])
def test_the_parsing_network_stays_on_its_card(precision):
    shapes = shapes_of(lambda: ParseNet(512, 512, parsing_ch=19))
    with FakeTensorMode(), torch.inference_mode():
        network = parsenet.build(state_of(shapes), "cuda", precision)
        scores = network(torch.empty(4, 3, 512, 512, device="cuda"))
    assert scores.device.type == "cuda"
    assert scores.shape == (4, 19, 512, 512)


def test_a_tensor_on_the_wrong_device_would_be_noticed():
    with FakeTensorMode(), pytest.raises(RuntimeError, match=r"cpu|cuda"):
        torch.empty(1, device="cuda") + torch.empty(1)[None].expand(2, 1)
