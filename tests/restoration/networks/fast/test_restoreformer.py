from __future__ import annotations

import pytest
import torch
from spandrel.architectures.RestoreFormer import RestoreFormer

from facewatch.restoration.networks import precision
from facewatch.restoration.networks.fast import restoreformer
from facewatch.restoration.networks.state_dict import read_state_dict
from tests.restoration.networks.fast.pictures import pictures, psnr

pytestmark = pytest.mark.network_files


@pytest.fixture(scope="module")
def faces():
    return pictures(2, 8)


@pytest.fixture(scope="module")
def published(restoreformer_file, faces):
    """Return the published network's codes for both faces, and its picture of the first."""
    network = RestoreFormer().eval()
    network.load_state_dict(read_state_dict(restoreformer_file), assign=True)
    with torch.inference_mode():
        quantised, _, (_, _, codes, _), features = network.encode(faces)
        first = {name: feature[:1] for name, feature in features.items()}
        return codes.view(2, 256), network.decode(quantised[:1], first)


@pytest.fixture(scope="module")
def build(restoreformer_file):
    return lambda name: restoreformer.build(read_state_dict(restoreformer_file), "cpu", name)


def test_it_equals_the_published_network(build, faces, published):
    _, theirs = published
    network = build("float32")
    with torch.inference_mode():
        ours = network(faces[:1], 0.0)
    difference = (ours - theirs).abs().max().item()
    print(f"max difference {difference:.1e}, output std {theirs.std().item():.2f}")
    assert difference <= 1e-4
    assert theirs.std() > 0.1


def test_fewer_bits_keep_the_codes_and_the_picture(build, faces, published):
    if precision.obstacle("bfloat16", precision.read_hardware("cpu")):
        pytest.skip("without instructions for bfloat16 this would take minutes")
    codes, theirs = published
    network = build("bfloat16")
    with torch.inference_mode():
        assert torch.equal(network.nearest_codes(network.encode(faces).latent), codes)
        ours = network(faces[:1], 0.0)
    assert all(len(face.unique()) > 10 for face in codes), "the random network must distinguish positions"
    quality = psnr(ours, theirs)
    print(f"{quality:.1f} dB")
    assert ours.dtype == torch.float32
    assert quality >= 40


def test_building_empties_the_state_dict(restoreformer_file):
    state = read_state_dict(restoreformer_file)
    restoreformer.build(state, "cpu", "bfloat16")
    assert not state
