from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F  # noqa: N812 - its usual name

from facewatch.restoration.networks.fast.upsampling import NearestDoubling


def random(*shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(sum(shape)))


def as_written(x, weight, bias, *, mirrored):
    """The picture doubled by nearest neighbour, widened by a pixel and convolved."""
    doubled = F.interpolate(x, scale_factor=2, mode="nearest")
    widened = F.pad(doubled, (1, 1, 1, 1), mode="reflect" if mirrored else "constant")
    return F.conv2d(widened, weight, bias)


@pytest.mark.parametrize("mirrored", [False, True], ids=["zeros beyond the rim", "mirrored"])
@pytest.mark.parametrize("size", [(7, 5), (1, 4)])
def test_one_step_equals_doubling_and_convolving(size, mirrored):
    x, weight, bias = random(2, 3, *size), random(4, 3, 3, 3), random(4)
    both = NearestDoubling.of(weight, bias, torch.float32, mirrored=mirrored)
    torch.testing.assert_close(both(x), as_written(x, weight, bias, mirrored=mirrored), rtol=1e-5, atol=1e-5)


def test_taps_are_added_up_before_they_are_rounded():
    x, weight, bias = random(1, 8, 6, 6), random(8, 8, 3, 3), random(8)
    rough = NearestDoubling.of(weight, bias, torch.bfloat16)
    exact = NearestDoubling.of(weight, bias, torch.float32)
    assert rough(x.bfloat16()).dtype == torch.bfloat16
    torch.testing.assert_close(rough.kernel, exact.kernel.bfloat16())
