from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F  # noqa: N812 - its usual name

from facewatch.restoration.networks.fast.upsampling import NearestUpsampleConvolution


def random(*shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(sum(shape)))


def by_definition(x, weight, bias, *, reflect):
    """Upsample by nearest neighbour, pad by a pixel and convolve."""
    upsampled = F.interpolate(x, scale_factor=2, mode="nearest")
    padded = F.pad(upsampled, (1, 1, 1, 1), mode="reflect" if reflect else "constant")
    return F.conv2d(padded, weight, bias)


@pytest.mark.parametrize("reflect", [False, True], ids=["zero padding", "reflected"])
@pytest.mark.parametrize("size", [(7, 5), (1, 4)])
def test_one_operation_equals_upsampling_and_convolution(size, reflect):
    x, weight, bias = random(2, 3, *size), random(4, 3, 3, 3), random(4)
    both = NearestUpsampleConvolution.of(weight, bias, torch.float32, reflect=reflect)
    torch.testing.assert_close(both(x), by_definition(x, weight, bias, reflect=reflect), rtol=1e-5, atol=1e-5)


def test_taps_are_summed_before_they_are_rounded():
    x, weight, bias = random(1, 8, 6, 6), random(8, 8, 3, 3), random(8)
    rough = NearestUpsampleConvolution.of(weight, bias, torch.bfloat16)
    exact = NearestUpsampleConvolution.of(weight, bias, torch.float32)
    assert rough(x.bfloat16()).dtype == torch.bfloat16
    torch.testing.assert_close(rough.kernel, exact.kernel.bfloat16())
