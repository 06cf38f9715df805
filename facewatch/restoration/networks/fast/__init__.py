"""Networks computed in fewer operations than in their published form, from the same state dicts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, TypeAlias

import torch

Precision: TypeAlias = Literal["float32", "bfloat16", "float16"]
"""The data type of the convolutions; input and output are always float32."""
Forward: TypeAlias = Callable[[torch.Tensor, float], torch.Tensor]
"""(N, 3, 512, 512) float32 RGB in [-1, 1] and a weight -> the same, restored; values may leave the range."""
