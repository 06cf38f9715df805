"""Step the weights: Muon for the convolutions inside the network, Adam for everything else.

Muon (Jordan 2024) makes each update of a weight matrix nearly orthogonal, so that weak directions learn too;
scaled as in Moonlight (Liu et al. 2025), one learning rate serves both kinds.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

_QUINTIC = (3.4445, -4.7750, 2.0315)  # Jordan's coefficients: five rounds bring singular values near 1
_ROUNDS = 5
_ADAM_SHARE = 0.5  # of the learning rate


class Mixed(torch.optim.Optimizer):
    """Apply Muon to the parameters named hidden and Adam to the others.

    spread  runs a function over a list, in parallel if it likes
    """

    def __init__(self, network: nn.Module, spread: Callable[..., Any] = map) -> None:
        hidden: list[Tensor] = []
        rest: list[Tensor] = []
        for name, parameter in network.named_parameters():
            convolves = parameter.ndim == 4 and "blocks" in name and parameter.shape[-1] > 1
            (hidden if convolves else rest).append(parameter)
        self._spread = spread
        super().__init__(
            [{"params": hidden, "muon": True}, {"params": rest, "muon": False}], {"lr": 1e-3, "count": 0}
        )

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """Move every parameter along its `grad`."""
        del closure
        for group in self.param_groups:
            group["count"] += 1
            move = _muon if group["muon"] else _adam
            count, rate = group["count"], group["lr"]
            work = [(p, self.state[p], rate, count) for p in group["params"] if p.grad is not None]
            list(self._spread(lambda item, move=move: move(*item), work))


@torch.no_grad()  # of the thread that runs it
def _muon(parameter: Tensor, state: dict[str, Tensor], rate: float, count: int) -> None:
    """Move along the orthogonalised Nesterov momentum."""
    del count
    gradient = parameter.grad
    assert gradient is not None
    if not state:
        state["momentum"] = torch.zeros_like(parameter)
    state["momentum"].lerp_(gradient, 0.05)
    update = gradient.lerp(state["momentum"], 0.95).flatten(1)
    scale = 0.2 * max(update.shape) ** 0.5
    parameter.add_(orthogonal(update).view_as(parameter), alpha=-rate * scale)


@torch.no_grad()
def _adam(parameter: Tensor, state: dict[str, Tensor], rate: float, count: int) -> None:
    """Move as Adam does, betas 0.9 and 0.99."""
    gradient = parameter.grad
    assert gradient is not None
    if not state:
        state["mean"], state["square"] = torch.zeros_like(parameter), torch.zeros_like(parameter)
    state["mean"].lerp_(gradient, 0.1)
    state["square"].lerp_(gradient * gradient, 0.01)
    mean, square = state["mean"] / (1 - 0.9**count), state["square"] / (1 - 0.99**count)
    parameter.addcdiv_(mean, square.sqrt_().add_(1e-8), value=-_ADAM_SHARE * rate)


def orthogonal(matrix: Tensor) -> Tensor:
    """Bring the singular values of an (M, N) matrix near 1 by a Newton-Schulz iteration.

    It iterates on the smaller Gram matrix and multiplies the matrix once: a third of the usual work.
    """
    a, b, c = _QUINTIC
    wide = matrix if matrix.shape[0] <= matrix.shape[1] else matrix.T
    wide = wide / (wide.norm() + 1e-12)
    gram, product = wide @ wide.T, None
    for _ in range(_ROUNDS):
        factor = torch.addmm(b * gram, gram, gram, alpha=c)
        factor.diagonal().add_(a)
        product = factor if product is None else factor @ product
        gram = factor @ gram @ factor
    assert product is not None
    nearly: Tensor = product @ wide
    return nearly if matrix.shape[0] <= matrix.shape[1] else nearly.T
