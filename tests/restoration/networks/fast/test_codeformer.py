"""Comparison of the fast CodeFormer with the published network."""

from __future__ import annotations

import warnings
from dataclasses import replace

import pytest
import torch

from facewatch.restoration.networks import precision
from facewatch.restoration.networks.fast import codeformer
from facewatch.restoration.networks.state_dict import read_state_dict
from tests.restoration.networks.fast.pictures import pictures, psnr

pytestmark = pytest.mark.network_files

# On [-1, 1]. Random fusions amplify rounding four times: at 1 the published network differs by 3e-4 from
# itself with channels last in memory.
TOLERANCES = {0.0: 1e-4, 0.5: 5e-4, 1.0: 1e-3}  # sums depend a little on the number of threads


@pytest.fixture(scope="module")
def faces():
    return pictures(3, 6)


@pytest.fixture(scope="module")
def published(codeformer_file):
    """Return the published network."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it uses a deprecated call of torch
        from spandrel_extra_arches.architectures.CodeFormer import CodeFormer
    network = CodeFormer().eval()
    network.load_state_dict(read_state_dict(codeformer_file), assign=True)
    return network


@pytest.fixture(scope="module")
def drawn(published, faces):
    """Return the published network's picture of the first face, by weight."""
    with torch.inference_mode():
        return {weight: published(faces[:1], weight=weight)[0] for weight in TOLERANCES}


@pytest.fixture(scope="module")
def build(codeformer_file):
    return lambda name: codeformer.build(read_state_dict(codeformer_file), "cpu", name)


def test_it_equals_the_published_network_at_every_weight(build, faces, drawn):
    network = build("float32")
    for weight, theirs in drawn.items():
        with torch.inference_mode():
            ours = network(faces[:1], weight)
        difference = (ours - theirs).abs().max().item()
        print(f"at {weight}: max difference {difference:.1e}, output std {theirs.std().item():.2f}")
        assert difference <= TOLERANCES[weight]
        assert theirs.std() > 0.1
    assert (drawn[0.0] - drawn[0.5]).abs().max() > 0.1
    assert (drawn[0.5] - drawn[1.0]).abs().max() > 0.1


def test_the_codes_are_the_published_networks_in_any_precision(build, published, faces, monkeypatch):
    monkeypatch.setattr(
        published.generator, "blocks", torch.nn.ModuleList()
    )  # they run after the choice of the codes
    network = build("bfloat16")
    with torch.inference_mode():
        _, scores = published(faces, weight=0.0)
        codes = network.code_predictor(network.encode(faces)[0])
    assert codes.shape == (3, 256)
    assert torch.equal(codes, scores.argmax(2))
    assert all(len(face.unique()) > 10 for face in codes), "the random network must distinguish positions"


def test_fewer_bits_keep_the_picture(build, faces, drawn):
    if precision.obstacle("bfloat16", precision.read_hardware("cpu")):
        pytest.skip("without instructions for bfloat16 this would take minutes")
    network = build("bfloat16")
    for weight, theirs in drawn.items():
        with torch.inference_mode():
            ours = network(faces[:1], weight)
        quality = psnr(ours, theirs)
        print(f"at {weight}: {quality:.1f} dB")
        assert ours.dtype == torch.float32
        assert quality >= 40


def test_at_weight_0_nothing_is_fused(build, faces):
    network = build("float32")
    with torch.inference_mode():
        _, features = network.encode(faces[:1], network.fusions)
    assert {side: tuple(each.shape) for side, each in features.items()} == {
        32: (1, 256, 32, 32),
        64: (1, 256, 64, 64),
        128: (1, 128, 128, 128),
        256: (1, 128, 256, 256),
    }

    def never(_original, _drawn, _weight):
        raise AssertionError("fused")

    unfused = replace(network, fusions=dict.fromkeys(network.fusions, never))
    with torch.inference_mode():
        assert unfused(faces[:1], 0.0).shape == (1, 3, 512, 512)
        with pytest.raises(AssertionError, match="fused"):
            unfused(faces[:1], 0.01)


def test_building_empties_the_state_dict(codeformer_file):
    state = read_state_dict(codeformer_file)
    codeformer.build(state, "cpu", "bfloat16")
    assert not state
