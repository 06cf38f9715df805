"""Face networks computed in fewer steps than as they were published, from the same state dicts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, TypeAlias

import torch

Precision: TypeAlias = Literal["float32", "bfloat16", "float16"]
"""What the convolutions compute in; input and output are float32 whatever it is."""
Forward: TypeAlias = Callable[[torch.Tensor, float], torch.Tensor]
"""(N, 3, 512, 512) float32 RGB in [-1, 1] and a weight -> the same, restored; values may stray outside."""
