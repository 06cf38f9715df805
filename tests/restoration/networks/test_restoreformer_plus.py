"""RestoreFormer++: numbers of its published code, strict loading, batches, weight and precision."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from facewatch.errors import BadCheckpoint
from facewatch.restoration.networks import loader
from facewatch.restoration.networks.state_dict import read_state_dict
from tests.restoration.networks.fast.pictures import pictures
from tests.restoration.networks.whole import check_every_weight, check_others_are_refused, load_by_a_row

pytestmark = pytest.mark.network_files

PUBLISHED = [0.007752, 0.224997, -0.109992, 0.192192]
"""Three values and the deviation, of the published code with the same checkpoint and picture."""


@pytest.fixture(scope="module")
def network(restoreformer_plus_file):
    return loader.load(
        restoreformer_plus_file, "restoreformer++", "cpu", network="restoreformer++", crop_size=512
    )


@pytest.fixture(scope="module")
def faces():
    """Return two small pictures: the network takes any size, and 512 pixels take seconds."""
    return pictures(2, 8)[:, :, :64, :64].contiguous()


def test_it_gives_the_numbers_of_the_published_code(network):
    picture = torch.linspace(-1, 1, 3 * 64 * 64).reshape(1, 3, 64, 64)
    output = network.infer(picture, 0.0)[0]
    found = torch.stack([output[0, 3, 5], output[1, 32, 32], output[2, 63, 0], output.std()])
    torch.testing.assert_close(found, torch.tensor(PUBLISHED), atol=1e-4, rtol=0)


def test_a_batch_gives_what_each_face_gives_alone(network, faces):
    together = network.infer(faces, 0.0)
    alone = torch.cat([network.infer(face[None], 0.0) for face in faces])
    assert (together - alone).abs().max() <= 1e-4
    assert (together[0] - together[1]).abs().max() > 0.1


def test_bfloat16_keeps_the_codes_and_the_picture(network, faces, restoreformer_plus_file):
    exact = network.infer(faces, 0.0)
    short = loader.load(restoreformer_plus_file, "mine", "cpu", "bfloat16").infer(faces, 0.0)
    psnr = 10 * math.log10(4 / (exact - short).square().mean().item())
    print(f"{psnr:.1f} dB")
    assert psnr > 40


def test_the_weight_lays_the_original_over_the_result(network):
    crop = np.random.default_rng(3).integers(0, 256, (512, 512, 3), dtype=np.uint8)
    half, faithful = (network.restore([crop], weight)[0].astype(int) for weight in (0.5, 1.0))
    assert (faithful == crop).all()
    assert 5 < np.abs(half - crop).mean() < 60


@pytest.mark.parametrize("harm", ["missing", "does not belong", "expected"])
def test_a_file_that_almost_fits_is_refused_by_name(restoreformer_plus_file, tmp_path, harm):
    state = read_state_dict(restoreformer_plus_file)
    key = "quantize.utility_counter" if harm == "does not belong" else "decoder.up.4.attn.2.norm2.weight"
    if harm == "missing":
        del state[key]
    else:
        state[key] = torch.zeros(3)
    shapes = {name: tensor.new_zeros(1).expand(tensor.shape) for name, tensor in state.items()}
    torch.save(shapes, tmp_path / "mine.pth")
    with pytest.raises(BadCheckpoint, match=rf"looks like RestoreFormer\+\+ but does not fit it \(.*{harm}"):
        loader.load(tmp_path / "mine.pth", "mine", "cpu")


def test_the_older_restoreformer_is_not_taken_for_it(restoreformer_file):
    with pytest.raises(BadCheckpoint, match=r"RestoreFormer\+\+ was expected"):
        loader.load(restoreformer_file, "restoreformer++", "cpu", network="restoreformer++")


def test_a_photo_goes_through_the_whole_pipeline(network, monkeypatch):
    check_every_weight(network, 64, monkeypatch)


def test_one_more_such_network_takes_one_row(restoreformer_plus_file, tmp_path):
    assert load_by_a_row("restoreformer++", restoreformer_plus_file, tmp_path).crop_size == 512


def test_another_network_is_refused_by_name(restoreformer_plus_file, tmp_path):
    check_others_are_refused("restoreformer++", restoreformer_plus_file, tmp_path)
