"""RestoreFormer++, recognised and loaded strictly from its published state dict.

It differs from RestoreFormer in four heads instead of eight, and in attentions of the decoder at 32 pixels
too, whose queries are the encoder's features of that size.
"""

from __future__ import annotations

from torch import nn

from facewatch.restoration.networks.fast import Forward, Precision, restoreformer
from facewatch.restoration.networks.state_dict import StateDict
from facewatch.restoration.networks.strict import load_strictly
from facewatch.restoration.networks.torch_imports import import_torchvision

_HEADS = 4  # not stored in the file
_LARGER = 4  # the decoder's level at 32 pixels


def recognises(state: StateDict) -> bool:
    """Return True if a state dict looks like RestoreFormer++'s."""
    return f"decoder.up.{_LARGER}.attn.0.q.weight" in state and "quantize.embedding.weight" in state


def build(state: StateDict, device: str, precision: Precision) -> Forward:
    """Return the network on its device; it ignores the weight.

    state  is emptied meanwhile

    Raises ValueError or KeyError when a key is missing or unknown, or a shape does not fit.
    """
    load_strictly(skeleton, state)
    return restoreformer.build(state, device, precision, _HEADS)


def skeleton() -> nn.Module:
    """Return a module with the keys and shapes of the published file."""
    import_torchvision()  # which spandrel imports, more slowly
    from spandrel.architectures.RestoreFormer import RestoreFormer

    network: nn.Module = RestoreFormer(head_size=_HEADS)
    level = network.get_submodule(f"decoder.up.{_LARGER}")
    channels = network.get_parameter(f"decoder.up.{_LARGER}.block.0.norm2.weight").numel()
    attention = type(network.get_submodule("decoder.mid.attn_1"))
    blocks = len(list(level.get_submodule("block").children()))
    level.attn = nn.ModuleList(attention(channels, _HEADS) for _ in range(blocks))
    return network
