"""What an NVIDIA or AMD card tells of itself; nothing is asked of it before torch has begun to use it."""

from __future__ import annotations

import statistics
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from facewatch.errors import FlowFailed

_SAMPLE_SECONDS = 0.2


def settling(device: str) -> Callable[[], None]:
    """A function that waits until the device has done what it was asked."""

    def settle() -> None:
        if (torch := _torch(device)) is not None:
            torch.cuda.synchronize(device)

    return settle


def held_bytes(device: str) -> int:
    """The most of the card's memory that torch has held for this process; 0 without a card."""
    torch = _torch(device)
    return 0 if torch is None else int(torch.cuda.max_memory_reserved(device))


def refuse_want_of_memory(device: str) -> None:
    """Raise FlowFailed where memory has run out meanwhile: what was halved for it is not what was asked."""
    torch = _torch(device)
    if torch is not None and torch.cuda.memory_stats(device).get("num_ooms"):
        raise FlowFailed("the card's memory ran out, so that less was done at once than asked: free some")


@contextmanager
def watched(device: str) -> Iterator[dict[str, Any]]:
    """Fills in how busy the card was meanwhile, percent, or why that is not known; nothing without a card."""
    told: dict[str, Any] = {}
    torch = _torch(device)
    if torch is None:
        yield told
        return
    busy: list[int] = []
    done, unknown = threading.Event(), ""
    try:
        torch.cuda.utilization(device)
    except (ModuleNotFoundError, RuntimeError) as error:
        unknown = str(error)
    sampling = threading.Thread(target=_sample, args=(torch, device, busy, done), daemon=True)
    if not unknown:
        sampling.start()
    try:
        yield told
    finally:
        done.set()
        if not unknown:
            sampling.join()
    if busy:
        told["gpu_busy_percent"] = round(statistics.mean(busy), 1)
    else:
        told["gpu_busy_unknown"] = unknown or "it was over too soon"


def _sample(torch: Any, device: str, busy: list[int], done: threading.Event) -> None:
    while not done.wait(_SAMPLE_SECONDS):
        busy.append(int(torch.cuda.utilization(device)))


def _torch(device: str) -> Any:
    """torch, if this process computes with it on a card."""
    torch = sys.modules.get("torch")
    if torch is None or not device.startswith("cuda") or not torch.cuda.is_initialized():
        return None
    return torch
