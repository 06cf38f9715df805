"""Nearest-neighbour upsampling and convolution in one operation."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812 - its usual name


@dataclass(frozen=True, eq=False)
class NearestUpsampleConvolution:
    """Nearest-neighbour upsampling by two, then a 3x3 convolution, as one transposed convolution of stride 2.

    Of the nine pixels in a 3x3 window of the upsampled picture only four differ, so 4 products replace 9.
    """

    kernel: torch.Tensor  # (in, out, 4, 4)
    bias: torch.Tensor  # (out,)
    reflect: bool = False  # padding of the upsampled picture: reflected, or else zero

    @classmethod
    def of(
        cls, weight: torch.Tensor, bias: torch.Tensor, dtype: torch.dtype, *, reflect: bool = False
    ) -> NearestUpsampleConvolution:
        """Return the layer in `dtype`, of a 3x3 weight, (out, in, 3, 3) float32, whose taps are summed."""
        kernel = _sum_taps(weight).to(dtype)
        return cls(kernel, bias.to(dtype), reflect)

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        """Map (N, in, H, W) to (N, out, 2 H, 2 W)."""
        if not self.reflect:
            return F.conv_transpose2d(x, self.kernel, self.bias, stride=2, padding=1)
        # The upsampled picture's rim is two equal pixels wide: reflecting about the outer one repeats it.
        padded = F.pad(x, (1, 1, 1, 1), mode="replicate")
        return F.conv_transpose2d(padded, self.kernel, self.bias, stride=2, padding=3)


def _sum_taps(weight: torch.Tensor) -> torch.Tensor:
    """Return the kernel from one input pixel to 4x4 outputs, (in, out, 4, 4), of a (out, in, 3, 3) weight.

    Input pixel i becomes 2 i and 2 i + 1, so output o sees it with the taps 2 i + 1 - o and 2 i + 2 - o.
    """
    outputs, inputs = weight.shape[:2]
    kernel = weight.new_zeros(inputs, outputs, 4, 4).contiguous(memory_format=torch.channels_last)
    for row, column in itertools.product(range(3), repeat=2):  # tap by tap, without a second kernel in memory
        tap = weight[:, :, 2 - row, 2 - column].t()
        kernel[:, :, row : row + 2, column : column + 2] += tap[..., None, None]
    return kernel
