"""GPEN: its sizes, and numbers that its published code gives."""

from __future__ import annotations

import pytest
import torch

from facewatch.errors import BadCheckpoint
from facewatch.restoration.networks import loader
from facewatch.restoration.networks.state_dict import read_state_dict
from tests import published

PUBLISHED = [0.03068, -0.464335, 0.055472, 0.206665]
"""Three values and the deviation, of the published code with the same checkpoint and picture."""


@pytest.mark.parametrize("size", [32, 64])
def test_the_size_of_the_faces_is_read_from_the_file(tmp_path, size):
    network = loader.load(published.gpen(tmp_path / "a.pth", size, width=1 / 8), "gpen", "cpu")
    assert network.crop_size == size


def test_it_gives_the_numbers_of_the_published_code(tmp_path):
    network = loader.load(published.gpen(tmp_path / "a.pth", 32, width=1 / 16), "gpen", "cpu")
    faces = torch.linspace(-1, 1, 3 * 32 * 32).reshape(1, 3, 32, 32)
    output = network.infer(faces, 0.0)[0]
    found = torch.stack([output[0, 3, 5], output[1, 16, 16], output[2, 31, 0], output.std()])
    torch.testing.assert_close(found, torch.tensor(PUBLISHED), atol=1e-5, rtol=0)


def test_a_network_that_enlarges_is_refused(tmp_path):
    state = read_state_dict(published.gpen(tmp_path / "a.pth", 64, width=1 / 8))
    reader = read_state_dict(published.gpen(tmp_path / "b.pth", 32, width=1 / 8))
    enlarging = {key: tensor for key, tensor in state.items() if not key.startswith("ecd")}
    torch.save(enlarging | {k: v for k, v in reader.items() if k.startswith("ecd")}, tmp_path / "c.pth")
    with pytest.raises(BadCheckpoint, match="it reads 32 px and draws 64 px"):
        loader.load(tmp_path / "c.pth", "gpen", "cpu")
