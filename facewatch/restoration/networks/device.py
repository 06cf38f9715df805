"""Choice and description of the device that computes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

import torch

from facewatch.errors import NoSuchDevice

_NAMES = "auto, cuda, cuda:1 (the second of several), mps, xpu or cpu"


def present() -> tuple[str, ...]:
    """Return the devices that torch can use here, the best first and the cpu last."""
    xpus = torch.xpu.device_count() if torch.xpu.is_available() else 0
    apple = ("mps",) if torch.backends.mps.is_available() else ()
    cards = (f"cuda:{i}" for i in range(_cards()) if _has_code_for(i))
    return (*cards, *apple, *(f"xpu:{i}" for i in range(xpus)), "cpu")


def passed_over() -> str:
    """Return a text about the cards that this torch cannot use, with what to do; empty if there are none."""
    return " ".join(_unsupported_cards())


def free_cache(device: str) -> None:
    """Release the device memory that torch has cached."""
    if device.startswith("cuda"):
        torch.cuda.empty_cache()
    elif device.startswith("xpu"):
        torch.xpu.empty_cache()
    elif device.startswith("mps"):
        torch.mps.empty_cache()


def threads() -> int:
    """Return the number of threads that compute on the processor."""
    return torch.get_num_threads()


def use_threads(count: int) -> None:
    """Compute on the processor with this number of threads from now on."""
    torch.set_num_threads(count)


def _cards() -> int:
    return torch.cuda.device_count() if torch.cuda.is_available() else 0


def _has_code_for(index: int) -> bool:
    """Return True if this torch has code for a card; torch counts every card, and only warns of older ones.

    Binary code runs on later cards of its generation (7.5 on none of 8.x, 8.0 on 8.6); PTX, `compute_`, is
    compiled for every later one. CUDA C++ Programming Guide, section on compute capability.
    """
    if torch.version.hip is not None:
        return True
    card = torch.cuda.get_device_capability(index)
    for name in torch.cuda.get_arch_list():
        found = re.match(r"(sm|compute)_(\d+)(\d)", name)
        if found is None:
            continue
        code = int(found[2]), int(found[3])
        if code <= card and (found[1] == "compute" or code[0] == card[0]):
            return True
    return False


def _unsupported_cards() -> Iterator[str]:
    for index in range(_cards()):
        if not _has_code_for(index):
            major, minor = torch.cuda.get_device_capability(index)
            yield (
                f"The card {torch.cuda.get_device_name(index)} (compute capability {major}.{minor}) is not "
                f"among those this torch is built for ({', '.join(torch.cuda.get_arch_list())}): install a "
                "build of torch for it; a card below 7.5 needs, after `pip uninstall torch torchvision`, "
                "the one of https://download.pytorch.org/whl/cu126."
            )


def choose(requested: str, devices: Sequence[str] | None = None) -> str:
    """Return the device to compute on, by torch's name: `cuda`, `cuda:1`, `mps`, `xpu`, `xpu:1` or `cpu`.

    requested  `auto` takes the best one; any other name is taken or refused, never replaced
    devices    by default those of `present`

    Raises NoSuchDevice when the requested one is not on this machine, or is not a device.
    """
    found = present() if devices is None else tuple(devices)
    if requested == "auto":
        return found[0].removesuffix(":0")
    if requested in found or f"{requested}:0" in found:
        return requested
    kind = requested.partition(":")[0]
    if kind not in {"cuda", "mps", "xpu", "cpu"}:
        raise NoSuchDevice(f"Unknown device {requested!r}: choose {_NAMES}.")
    raise NoSuchDevice(
        f"The device {requested} is not available; available: {', '.join(found)}. {_remedy(kind)} "
        "Or set device to auto, or to an available one."
    )


def describe(device: str) -> str:
    """Return the device in words, such as `cpu (2 threads)` or `cuda:0 (NVIDIA RTX 4090, 24 GB)`.

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
        return "This torch is built without CUDA: `facewatch doctor` shows how to install one with it."
    if kind == "cuda":
        return passed_over() or "Check with nvidia-smi that the card and its driver work."
    if kind == "mps":
        return "It needs a Mac with Apple silicon."
    if kind == "xpu":
        return "It needs an Intel GPU, its driver and an XPU build of torch."
    return "The processor has no number: it is just cpu."
