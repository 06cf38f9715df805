"""Strict loading of networks that are torch modules."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from torch import nn

from facewatch.restoration.networks.state_dict import StateDict, blank

Network = TypeVar("Network", bound=nn.Module)


def load_strictly(make: Callable[[], Network], state: StateDict) -> Network:
    """Return a module with the tensors of a state dict in place, for inference, on the CPU.

    make  builds the module; its tensors are never filled

    Raises ValueError when a key is missing or unknown, a shape does not fit, or a number is not finite.
    """
    with blank():
        network = make()
    try:
        network.load_state_dict(state, strict=True, assign=True)
    except RuntimeError as error:
        raise ValueError(_differences(network, state)) from error
    for key, tensor in state.items():
        if tensor.is_floating_point() and not tensor.sum().isfinite():
            raise ValueError(f"{key} holds NaN or infinite numbers")
    return network.requires_grad_(requires_grad=False).eval()


def _differences(network: nn.Module, state: StateDict) -> str:
    """Return the first key in which a state dict differs from a module's, in words."""
    expected = network.state_dict()
    for key, tensor in expected.items():
        if key not in state:
            return f"{key} is missing"
        if state[key].shape != tensor.shape:
            return f"{key} is {tuple(state[key].shape)}, expected {tuple(tensor.shape)}"
    unknown = next(key for key in state if key not in expected)
    return f"{unknown} does not belong to it"
