from __future__ import annotations

import math

import pytest
import torch
from facexlib.parsing.parsenet import ParseNet

from facewatch.restoration.networks.fast import parsenet


@pytest.fixture(scope="module")
def state():
    """Return random weights, with batch norms that have statistics."""
    generator = torch.Generator().manual_seed(19)
    weights = ParseNet(512, 512, parsing_ch=19).state_dict()
    for key, tensor in weights.items():
        if key.endswith(("norm.running_var", "norm.weight")):
            tensor.uniform_(0.5, 1.5, generator=generator)
        elif key.endswith(("norm.running_mean", "norm.bias")):
            tensor.normal_(0, 0.1, generator=generator)
        elif key.endswith("conv2d.weight"):
            tensor.normal_(0, 1 / math.sqrt(tensor[0].numel()), generator=generator)
    return weights


@pytest.fixture(scope="module")
def picture():
    """Return a (2, 3, 96, 64) batch; small, so that errors at the rim count."""
    return torch.rand(2, 3, 96, 64, generator=torch.Generator().manual_seed(2)) * 2 - 1


@pytest.fixture(scope="module")
def published(state, picture):
    """Return the published network's scores of the picture."""
    network = ParseNet(512, 512, parsing_ch=19).eval()
    network.load_state_dict(state)
    with torch.inference_mode():
        return network(picture)[0]


def parsed(state, picture, precision):
    with torch.inference_mode():
        return parsenet.build(dict(state), "cpu", precision)(picture)


def test_it_equals_the_published_network(state, picture, published):
    ours = parsed(state, picture, "float32")
    assert ours.shape == published.shape
    difference = ((ours - published).abs().max() / published.std()).item()
    print(f"max difference {difference:.1e} of the output's spread")
    assert difference <= 1e-4
    best, second = published.topk(2, dim=1).values.unbind(1)
    clear = best - second > 2e-4 * published.std()  # closer scores may be swapped by rounding
    assert clear.float().mean() > 0.999
    assert torch.equal(ours.argmax(1)[clear], published.argmax(1)[clear])


def test_bfloat16_keeps_the_parts(state, picture, published):
    ours = parsed(state, picture, "bfloat16")
    error = ((ours.float() - published).square().mean().sqrt() / published.std()).item()
    same = (ours.argmax(1) == published.argmax(1)).float().mean().item()
    print(f"error {error:.1e} of the output's spread, {same:.1%} of the pixels the same part")
    assert error <= 0.03
    assert same >= 0.95


def test_building_empties_the_state_dict(state):
    taken = dict(state)
    parsenet.build(taken, "cpu", "bfloat16")
    assert not taken
