from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F  # noqa: N812 - its usual name

from facewatch.restoration.networks.fast.layers import (
    Convolution,
    UpsampleConvolution,
    Weights,
    downsample,
    upsample,
)


def numbers(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def plain(*, bias=True):
    return Convolution(numbers(4, 6, 3, 3), numbers(4, seed=1) if bias else None)


def bilinear(x, factor):
    return F.interpolate(x, scale_factor=factor, mode="bilinear", align_corners=False)


@pytest.mark.parametrize(("height", "width"), [(2, 2), (3, 3), (4, 4), (3, 7), (16, 9)])
@pytest.mark.parametrize("bias", [True, False])
def test_the_fast_upsample_convolution_equals_its_definition_up_to_the_rim(height, width, bias):
    x = numbers(2, 6, height, width, seed=2)
    fast = UpsampleConvolution.of(plain(bias=bias))
    expected = plain(bias=bias)(bilinear(x, 2))
    torch.testing.assert_close(fast(x), expected)
    torch.testing.assert_close(fast.by_definition(x), expected)


@pytest.mark.parametrize("form", [Convolution, UpsampleConvolution])
def test_scaling_the_filters_equals_scaling_the_channels(form):
    x, before, after = numbers(1, 6, 5, 5, seed=3), numbers(1, 6, seed=4), numbers(1, 4, seed=5)
    layer = plain(bias=False) if form is Convolution else UpsampleConvolution.of(plain(bias=False))
    by_channels = layer(x * before[:, :, None, None])
    torch.testing.assert_close(layer.scaled(before, None)(x), by_channels)
    torch.testing.assert_close(layer.scaled(before, after)(x), by_channels * after[:, :, None, None])


def test_without_bias_nothing_is_added():
    zeros = torch.zeros(1, 6, 4, 4, dtype=torch.float64)
    for layer in (plain(), UpsampleConvolution.of(plain())):
        assert layer(zeros).abs().max() > 0
        assert layer.without_bias()(zeros).abs().max() == 0


def test_resizing_by_two_is_bilinear():
    x = numbers(1, 2, 6, 8)
    torch.testing.assert_close(upsample(x), bilinear(x, 2))
    torch.testing.assert_close(downsample(x), bilinear(x, 0.5))


@pytest.mark.parametrize("groups", [1, 2])
def test_a_joined_convolution_equals_its_parts(groups):
    state = {}
    for seed, name in enumerate("ab"):
        state |= {f"{name}.weight": numbers(4, 6, 3, 3, seed=seed), f"{name}.bias": numbers(4, seed=9)}
    parts = [Convolution(state[f"{name}.weight"].float(), state[f"{name}.bias"].float()) for name in "ab"]
    joined = Weights(state, "cpu", "float32").joined_convolution("a", "b", groups=groups)
    x = numbers(1, 6 * groups, 5, 5).float()
    shares = x.chunk(2, dim=1) if groups == 2 else (x, x)
    expected = torch.cat([part(share) for part, share in zip(parts, shares, strict=True)], dim=1)
    torch.testing.assert_close(joined(x), expected)


@pytest.mark.parametrize("precision", ["float32", "bfloat16", "float16"])
def test_weights_are_taken_once_and_in_the_requested_precision(precision):
    state = {"a.weight": numbers(4, 6, 3, 3), "a.bias": numbers(4), "b": numbers(3)}
    weights = Weights(state, "cpu", precision)
    layer = weights.convolution("a")
    assert layer.weight.dtype == layer.bias.dtype == getattr(torch, precision)
    assert layer.weight.is_contiguous(memory_format=torch.channels_last)
    assert weights.take("b", torch.float32).dtype == torch.float32
    assert not state
