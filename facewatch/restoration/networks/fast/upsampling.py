"""Doubling a picture and convolving it in one step."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812 - its usual name


@dataclass(frozen=True, eq=False)
class NearestDoubling:
    """Each pixel made two by two, then a 3x3 convolution: as one transposed convolution of stride 2.

    Of the nine pixels the 3x3 sees in the doubled picture only four differ, so 4 products do for 9.
    """

    kernel: torch.Tensor  # (in, out, 4, 4)
    bias: torch.Tensor  # (out,)
    mirrored: bool = False  # beyond its rim, whether the doubled picture is mirrored, or zero

    @classmethod
    def of(
        cls, weight: torch.Tensor, bias: torch.Tensor, dtype: torch.dtype, *, mirrored: bool = False
    ) -> NearestDoubling:
        """To compute in `dtype`, from the 3x3's weight, (out, in, 3, 3) float32, whose taps are added up."""
        kernel = _spread(weight).to(dtype)
        return cls(kernel, bias.to(dtype), mirrored)

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        """(N, in, H, W) -> (N, out, 2 H, 2 W)."""
        if not self.mirrored:
            return F.conv_transpose2d(x, self.kernel, self.bias, stride=2, padding=1)
        # The doubled picture's rim is two equal pixels wide: mirrored about the outer, the inner comes next.
        widened = F.pad(x, (1, 1, 1, 1), mode="replicate")
        return F.conv_transpose2d(widened, self.kernel, self.bias, stride=2, padding=3)


def _spread(weight: torch.Tensor) -> torch.Tensor:
    """(out, in, 3, 3) on the doubled picture -> what one small pixel adds to 4x4 large ones, (in, out, 4, 4).

    Small pixel i is the large 2 i and 2 i + 1, so large o sees it with the taps 2 i + 1 - o and 2 i + 2 - o.
    """
    outputs, inputs = weight.shape[:2]
    kernel = weight.new_zeros(inputs, outputs, 4, 4).contiguous(memory_format=torch.channels_last)
    for row, column in itertools.product(range(3), repeat=2):  # tap by tap: no second kernel beside it
        tap = weight[:, :, 2 - row, 2 - column].t()
        kernel[:, :, row : row + 2, column : column + 2] += tap[..., None, None]
    return kernel
