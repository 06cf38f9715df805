from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F  # noqa: N812 - its usual name

from facewatch.restoration.networks.fast.layers import (
    Convolution,
    DoublingConvolution,
    Shelf,
    doubled,
    halved,
)


def numbers(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def plain(*, bias=True):
    return Convolution(numbers(4, 6, 3, 3), numbers(4, seed=1) if bias else None)


def bilinear(x, factor):
    return F.interpolate(x, scale_factor=factor, mode="bilinear", align_corners=False)


@pytest.mark.parametrize(("height", "width"), [(3, 3), (4, 4), (3, 7), (16, 9)])
@pytest.mark.parametrize("bias", [True, False])
def test_doubling_and_convolving_at_once_is_the_same_up_to_the_rim(height, width, bias):
    x = numbers(2, 6, height, width, seed=2)
    fast = DoublingConvolution.of(plain(bias=bias))
    expected = plain(bias=bias)(bilinear(x, 2))
    torch.testing.assert_close(fast(x), expected)
    torch.testing.assert_close(fast.as_written(x), expected)


@pytest.mark.parametrize("form", [Convolution, DoublingConvolution])
def test_scaled_filters_do_what_scaling_the_channels_does(form):
    x, before, after = numbers(1, 6, 5, 5, seed=3), numbers(1, 6, seed=4), numbers(1, 4, seed=5)
    layer = plain(bias=False) if form is Convolution else DoublingConvolution.of(plain(bias=False))
    by_channels = layer(x * before[:, :, None, None])
    torch.testing.assert_close(layer.scaled(before, None)(x), by_channels)
    torch.testing.assert_close(layer.scaled(before, after)(x), by_channels * after[:, :, None, None])


def test_without_bias_nothing_is_added():
    nothing = torch.zeros(1, 6, 4, 4, dtype=torch.float64)
    for layer in (plain(), DoublingConvolution.of(plain())):
        assert layer(nothing).abs().max() > 0
        assert layer.without_bias()(nothing).abs().max() == 0


def test_resizing_by_two_is_bilinear():
    x = numbers(1, 2, 6, 8)
    torch.testing.assert_close(doubled(x), bilinear(x, 2))
    torch.testing.assert_close(halved(x), bilinear(x, 0.5))


@pytest.mark.parametrize("groups", [1, 2])
def test_convolutions_side_by_side_are_each_of_them(groups):
    state = {}
    for seed, name in enumerate("ab"):
        state |= {f"{name}.weight": numbers(4, 6, 3, 3, seed=seed), f"{name}.bias": numbers(4, seed=9)}
    parts = [Convolution(state[f"{name}.weight"].float(), state[f"{name}.bias"].float()) for name in "ab"]
    joined = Shelf(state, "cpu", "float32").side_by_side("a", "b", groups=groups)
    x = numbers(1, 6 * groups, 5, 5).float()
    shares = x.chunk(2, dim=1) if groups == 2 else (x, x)
    expected = torch.cat([part(share) for part, share in zip(parts, shares, strict=True)], dim=1)
    torch.testing.assert_close(joined(x), expected)


@pytest.mark.parametrize("precision", ["float32", "bfloat16", "float16"])
def test_a_shelf_gives_each_tensor_once_in_its_precision(precision):
    state = {"a.weight": numbers(4, 6, 3, 3), "a.bias": numbers(4), "b": numbers(3)}
    shelf = Shelf(state, "cpu", precision)
    layer = shelf.convolution("a")
    assert layer.weight.dtype == layer.bias.dtype == getattr(torch, precision)
    assert layer.weight.is_contiguous(memory_format=torch.channels_last)
    assert shelf.take("b", torch.float32).dtype == torch.float32
    assert not state
