"""The training wants edges as steep as the clean face's, and takes no pattern for them."""

import pytest
import torch
from torch.nn import functional

from training.losses import flatness


@pytest.fixture
def clean():
    """Return smooth random pictures, (2, 3, 256, 256)."""
    coarse = torch.rand((2, 3, 32, 32), generator=torch.Generator().manual_seed(0))
    return functional.interpolate(coarse, scale_factor=8, mode="bicubic")


def test_a_flatter_face_lacks_gradients(clean):
    grey = clean.mean((1, 2, 3), keepdim=True)
    assert flatness(clean, clean).item() == pytest.approx(0, abs=1e-5)
    assert flatness(grey + 0.4 * (clean - grey), clean).item() == pytest.approx(0.6, abs=1e-4)


@pytest.mark.parametrize("period", [2, 4, 6])
def test_dots_do_not_pass_as_edges(clean, period):
    wave = torch.cos(2 * torch.pi / period * torch.arange(256))
    dots = 0.05 * wave[:, None] * wave
    flat = 0.5 + 0.4 * (clean - 0.5)
    assert flatness(flat + dots, clean).item() == pytest.approx(flatness(flat, clean).item(), abs=0.02)
