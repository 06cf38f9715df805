"""Judge how real a restored face looks beside the input it was made from; learn that while training."""

from __future__ import annotations

import itertools
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

_WIDTHS = (6, 32, 64, 128)
_RATE = 2e-4
_LOUDER = 4.0  # what a restoration changes is small beside the face


class Discriminator:
    """Score patches of 46 of 256 pixels, about an eye, and learn from each step's faces.

    Spectral norms keep the judge from running ahead of the network that learns from it (Miyato et al., 2018);
    the losses are the hinge's.
    """

    def __init__(self, device: torch.device) -> None:
        layers: list[nn.Module] = []
        for inner, outer in itertools.pairwise(_WIDTHS):
            convolution = nn.Conv2d(inner, outer, 4, 2, 1)
            layers += [nn.utils.parametrizations.spectral_norm(convolution), nn.LeakyReLU(0.2)]
        self._network = nn.Sequential(*layers, nn.Conv2d(_WIDTHS[-1], 1, 4, 1, 1)).to(device).eval()
        self._optimizer = torch.optim.Adam(self._network.parameters(), _RATE, betas=(0.5, 0.99))

    def falseness(self, restored: Tensor, given: Tensor) -> Tensor:
        """Return how far restored faces, (N, 3, 256, 256), 0-1, are from passing as real; safe in threads."""
        return -self._scores(restored, given).mean()

    def learn(self, restored: Tensor, given: Tensor, clean: Tensor) -> float:
        """Take one step towards telling restored from clean faces; return the loss, 2 where it cannot."""
        self._network.train()
        real, made = self._scores(clean, given), self._scores(restored.detach(), given)
        loss = functional.relu(1 - real).mean() + functional.relu(1 + made).mean()
        self._optimizer.zero_grad()
        loss.backward()
        self._optimizer.step()
        self._network.eval()
        return loss.item()

    def state(self) -> dict[str, Any]:
        """Return what `load` takes up again."""
        return {"network": self._network.state_dict(), "optimizer": self._optimizer.state_dict()}

    def load(self, state: dict[str, Any]) -> None:
        """Go on from a saved state."""
        self._network.load_state_dict(state["network"])
        self._optimizer.load_state_dict(state["optimizer"])

    def _scores(self, faces: Tensor, given: Tensor) -> Tensor:
        scores: Tensor = self._network(torch.cat((_LOUDER * (faces - given), 2 * given - 1), 1))
        return scores
