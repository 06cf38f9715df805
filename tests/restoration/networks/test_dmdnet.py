"""DMDNet: numbers of its published code, strict loading, parts, batches and precision."""

from __future__ import annotations

import math

import pytest
import torch

from facewatch.errors import BadCheckpoint
from facewatch.restoration.networks import dmdnet, loader
from facewatch.restoration.networks.state_dict import read_state_dict
from tests import published
from tests.restoration.networks.fast.pictures import pictures
from tests.restoration.networks.whole import check_every_weight, check_others_are_refused, load_by_a_row

pytestmark = pytest.mark.network_files

PUBLISHED = [0.32624, 0.207876, -0.003267, 0.25774]
"""Three values and the deviation, of the published code with the same checkpoint, picture and boxes."""


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    return published.dmdnet(tmp_path_factory.mktemp("dmdnet") / "a.pth", 2)


@pytest.fixture(scope="module")
def network(file):
    return loader.load(file, "dmdnet", "cpu", network="dmdnet", crop_size=512)


def small(count):
    """Return pictures of 128 pixels: the parts lie in proportion, and 512 pixels take seconds."""
    return pictures(count, 8)[:, :, ::4, ::4].contiguous()


def test_it_gives_the_numbers_of_the_published_code(network):
    output = network.infer(torch.linspace(-1, 1, 3 * 128 * 128).reshape(1, 3, 128, 128), 0.0)[0]
    found = torch.stack([output[0, 57, 47], output[1, 92, 62], output[2, 127, 0], output.std()])
    torch.testing.assert_close(found, torch.tensor(PUBLISHED), atol=1e-4, rtol=0)


def test_faces_in_a_batch_do_not_touch_each_other(network):
    faces = small(2)
    together = network.infer(faces, 0.0)
    assert (together[1:] - network.infer(faces[1:], 0.0)).abs().max() <= 1e-4
    assert (together[0] - together[1]).abs().max() > 0.05


def test_bfloat16_stays_near_float32(network, file):
    face = small(1)
    exact = network.infer(face, 0.0)
    short = loader.load(file, "mine", "cpu", "bfloat16").infer(face, 0.0)
    psnr = 10 * math.log10(4 / (exact - short).square().mean().item())
    print(f"{psnr:.1f} dB")
    assert psnr > 40


@pytest.mark.parametrize("harm", ["missing", "does not belong", "expected"])
def test_a_file_that_almost_fits_is_refused_by_name(file, tmp_path, harm):
    state = read_state_dict(file)
    key = "E_hq.conv1.0.weight_u"  # of a layer that is loaded and dropped
    if harm == "missing":
        del state[key]
    else:
        state["further" if harm == "does not belong" else key] = torch.zeros(3)
    shapes = {name: tensor.new_zeros(1).expand(tensor.shape) for name, tensor in state.items()}
    torch.save(shapes, tmp_path / "mine.pth")
    with pytest.raises(BadCheckpoint, match=rf"looks like DMDNet but does not fit it \(.*{harm}"):
        loader.load(tmp_path / "mine.pth", "mine", "cpu")


def test_the_parts_lie_where_the_frame_of_every_crop_has_them():
    from facewatch.restoration.alignment import TEMPLATE

    left_eye, right_eye, _, *mouth = TEMPLATE
    for point, part in ((left_eye, "LE"), (right_eye, "RE"), *((corner, "MO") for corner in mouth)):
        left, top, right, bottom = dmdnet.PARTS[part]
        assert left < point[0] < right
        assert top < point[1] < bottom


def test_a_photo_goes_through_the_whole_pipeline(network, monkeypatch):
    check_every_weight(network, 128, monkeypatch)


def test_one_more_such_network_takes_one_row(file, tmp_path):
    assert load_by_a_row("dmdnet", file, tmp_path).crop_size == 512


def test_another_network_is_refused_by_name(file, tmp_path):
    check_others_are_refused("dmdnet", file, tmp_path)
