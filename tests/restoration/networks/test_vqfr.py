"""VQFR, both versions: numbers that their published code gives."""

from __future__ import annotations

import pytest
import torch

from facewatch.restoration.networks import loader
from tests import published

SMALL = ((32, 32, 64), 64, 32)
PUBLISHED = {
    "vqfr1": (0.0, [0.083433, 0.165686, -0.014415, 0.186053]),
    "vqfr2": (0.5, [-0.119463, -0.241995, 0.002276, 0.174815]),
}
"""The weight, three values and the deviation, of the published code with the same checkpoint and picture."""


@pytest.mark.parametrize("name", sorted(PUBLISHED))
def test_it_gives_the_numbers_of_the_published_code(tmp_path, name):
    network = loader.load(getattr(published, name)(tmp_path / "a.pth", *SMALL), name, "cpu")
    assert network.crop_size == 64
    weight, expected = PUBLISHED[name]
    output = network.infer(torch.linspace(-1, 1, 3 * 64 * 64).reshape(1, 3, 64, 64), weight)[0]
    found = torch.stack([output[0, 3, 5], output[1, 32, 32], output[2, 63, 0], output.std()])
    torch.testing.assert_close(found, torch.tensor(expected), atol=1e-4, rtol=0)
