"""Readings from an NVIDIA or AMD card, taken only once torch uses it."""

from __future__ import annotations

import statistics
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from facewatch.errors import FlowFailed

_SAMPLE_SECONDS = 0.2


def synchronizer(device: str) -> Callable[[], None]:
    """Return a function that waits until the device has finished its work."""

    def synchronize() -> None:
        if (torch := _torch(device)) is not None:
            torch.cuda.synchronize(device)

    return synchronize


def peak_held_bytes(device: str) -> int:
    """Return the most card memory that torch has held for this process; 0 without a card."""
    torch = _torch(device)
    return 0 if torch is None else int(torch.cuda.max_memory_reserved(device))


def require_enough_memory(device: str) -> None:
    """Raise FlowFailed if memory ran out meanwhile: the batch was then smaller than the row says."""
    torch = _torch(device)
    if torch is not None and torch.cuda.memory_stats(device).get("num_ooms"):
        raise FlowFailed("the card's memory ran out, so the batch was made smaller: free some memory")


@contextmanager
def busy_sampled(device: str) -> Iterator[dict[str, Any]]:
    """Fill in the card's mean load in percent, or why it is unknown; nothing without a card."""
    facts: dict[str, Any] = {}
    torch = _torch(device)
    if torch is None:
        yield facts
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
        yield facts
    finally:
        done.set()
        if not unknown:
            sampling.join()
    if busy:
        facts["gpu_busy_percent"] = round(statistics.mean(busy), 1)
    else:
        facts["gpu_busy_unknown"] = unknown or "the work ended too soon"


def _sample(torch: Any, device: str, busy: list[int], done: threading.Event) -> None:
    while not done.wait(_SAMPLE_SECONDS):
        busy.append(int(torch.cuda.utilization(device)))


def _torch(device: str) -> Any:
    """Return torch if this process computes with it on a card, else None."""
    torch = sys.modules.get("torch")
    if torch is None or not device.startswith("cuda") or not torch.cuda.is_initialized():
        return None
    return torch
