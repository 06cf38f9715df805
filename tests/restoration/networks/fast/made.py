"""Pictures for networks whose published form and fast form are held side by side."""

from __future__ import annotations

import torch


def pictures(count: int, seed: int) -> torch.Tensor:
    """Pictures with edges, gradients and noise, (count, 3, 512, 512) in [-1, 1]."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(count, 3, 16, 16, generator=generator)
    fine = torch.rand(count, 3, 512, 512, generator=generator)
    return coarse.repeat_interleave(32, 2).repeat_interleave(32, 3) + fine - 1
