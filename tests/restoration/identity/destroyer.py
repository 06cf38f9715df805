"""A network that destroys every face."""

from __future__ import annotations

import torch

from facewatch.restoration.networks import builtin
from facewatch.restoration.networks.loader import TorchNetwork


def destroyer(seed: int) -> TorchNetwork:
    """Return the form of the built-in network with random weights, strong enough to show."""
    torch.manual_seed(seed)
    network = builtin.Restorer()
    with torch.no_grad():
        network.tail.weight.normal_(0, 3)
    return TorchNetwork(
        "random", builtin.build(network.state_dict(), "cpu", "float32"), "cpu", takes_weight=False
    )
