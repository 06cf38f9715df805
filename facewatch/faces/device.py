"""Which processor computes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from facewatch.errors import NoSuchDevice

_WISHES = "auto, cuda, cuda:1 (the second of several), mps, xpu or cpu"


def present() -> tuple[str, ...]:
    """The devices that torch can use here, the best first; the cpu is always the last."""
    cards = torch.cuda.device_count() if torch.cuda.is_available() else 0
    arcs = torch.xpu.device_count() if torch.xpu.is_available() else 0
    apple = ("mps",) if torch.backends.mps.is_available() else ()
    return (*(f"cuda:{i}" for i in range(cards)), *apple, *(f"xpu:{i}" for i in range(arcs)), "cpu")


def choose(wish: str, devices: Sequence[str] | None = None) -> str:
    """The device to compute on, as torch names it: `cuda`, `cuda:1`, `mps`, `xpu`, `xpu:1` or `cpu`.

    wish       `auto` takes the best one; any other name is taken or refused, never replaced
    devices    what is there, as `present` gives it; looked up when not given

    Raises NoSuchDevice when the one named is not on this machine, or is no device at all.
    """
    found = present() if devices is None else tuple(devices)
    if wish == "auto":
        return found[0].removesuffix(":0")
    if wish in found or f"{wish}:0" in found:
        return wish
    kind = wish.partition(":")[0]
    if kind not in {"cuda", "mps", "xpu", "cpu"}:
        raise NoSuchDevice(f"There is no device called {wish!r}: choose {_WISHES}.")
    raise NoSuchDevice(
        f"The device {wish} is not here; there is {', '.join(found)}. {_remedy(kind)} "
        "Or set device to auto, or to one that is there."
    )


def describe(device: str) -> str:
    """The device in words for a person, such as `cpu (2 threads)` or `cuda:0 (NVIDIA RTX 4090, 24 GB)`.

    device     a name from `choose`
    """
    kind, _, index = device.partition(":")
    if kind == "cpu":
        count = torch.get_num_threads()
        return f"cpu ({count} thread{'' if count == 1 else 's'})"
    if kind == "cuda":
        card: Any = torch.cuda.get_device_properties(int(index or 0))
    elif kind == "xpu":
        card = torch.xpu.get_device_properties(int(index or 0))
    else:
        return f"{kind} (Apple GPU)"
    return f"{kind}:{index or 0} ({card.name}, {card.total_memory / 2**30:.0f} GB)"


def _remedy(kind: str) -> str:
    if kind == "cuda" and torch.version.cuda is None and torch.version.hip is None:
        return "This torch is built without CUDA: install the CUDA build."
    if kind == "cuda":
        return "Check with nvidia-smi that the card and its driver are well."
    if kind == "mps":
        return "It needs a Mac with Apple silicon."
    if kind == "xpu":
        return "It needs an Intel GPU, its driver and an XPU build of torch."
    return "The processor has no number: it is just cpu."
