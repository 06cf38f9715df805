from __future__ import annotations

import pytest
import torch
from spandrel.architectures.GFPGAN import GFPGAN

from facewatch.restoration.networks import precision
from facewatch.restoration.networks.fast import gfpgan
from facewatch.restoration.networks.state_dict import read_state_dict
from tests.restoration.networks.fast.pictures import pictures, psnr

pytestmark = pytest.mark.network_files

TOLERANCE = 1e-4  # on [-1, 1]


@pytest.fixture(scope="module")
def faces():
    return pictures(2, 5)


@pytest.fixture(scope="module")
def published(gfpgan_file, faces):
    """Return the published network's pictures of the faces."""
    network = GFPGAN().eval()
    network.load_state_dict(read_state_dict(gfpgan_file), assign=True)
    with torch.inference_mode():
        return torch.cat([network(x[None], return_rgb=False, randomize_noise=False)[0] for x in faces])


@pytest.fixture(scope="module")
def build(gfpgan_file):
    return lambda name: gfpgan.build(read_state_dict(gfpgan_file), "cpu", name)


def restored(network, faces):
    with torch.inference_mode():
        return network(faces, 0.0)


def test_it_equals_the_published_network_for_one_face_and_for_several(build, faces, published):
    network = build("float32")
    together = restored(network, faces)
    alone = restored(network, faces[:1])
    for ours, theirs in ((together, published), (alone, published[:1])):
        difference = (ours - theirs).abs().max().item()
        print(f"max difference {difference:.1e}, output std {theirs.std().item():.2f}")
        assert difference <= TOLERANCE
    assert published.std() > 0.1
    assert (published[0] - published[1]).abs().max() > 0.1


@pytest.mark.parametrize("name", ["bfloat16", "float16"])
def test_fewer_bits_keep_the_picture(build, faces, published, name):
    if precision.obstacle(name, precision.read_hardware("cpu")):
        pytest.skip(f"without instructions for {name} this would take minutes")
    network = build(name)
    for count in (1, 2):
        ours = restored(network, faces[:count])
        assert ours.dtype == torch.float32
        quality = psnr(ours, published[:count])
        print(f"{name}, {count} at once: {quality:.1f} dB")
        assert quality >= 40


def test_the_input_is_not_changed(build, faces):
    given = faces.clone()
    network = build("float32")
    restored(network, given[:1])
    assert torch.equal(given, faces)


def test_building_empties_the_state_dict(gfpgan_file):
    state = read_state_dict(gfpgan_file)
    gfpgan.build(state, "cpu", "float32")
    assert not state
