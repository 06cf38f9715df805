"""Input pictures and a measure for the comparison of fast and published networks."""

from __future__ import annotations

import math

import torch


def pictures(count: int, seed: int) -> torch.Tensor:
    """Return pictures with edges, gradients and noise, (count, 3, 512, 512) in [-1, 1]."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(count, 3, 16, 16, generator=generator)
    fine = torch.rand(count, 3, 512, 512, generator=generator)
    return coarse.repeat_interleave(32, 2).repeat_interleave(32, 3) + fine - 1


def psnr(ours: torch.Tensor, theirs: torch.Tensor) -> float:
    """Return the peak signal-to-noise ratio in decibels, for a range of 2."""
    return 10 * math.log10(4 / (ours - theirs).square().mean().item())
