"""What torch says when it cannot go on, told as errors of ours."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from facewatch.errors import NetworkFailed, OutOfMemory

# Only CUDA and XPU have a class of their own for it; MPS, the CPU and cuDNN raise a bare RuntimeError.
_MEMORY_SIGNS = ("out of memory", "not enough memory", "can't allocate memory", "alloc_failed")


@contextmanager
def translated(task: str) -> Iterator[None]:
    """Turn torch's errors into OutOfMemory, or else NetworkFailed.

    task    what is being done, as the sentence "The device could not ..." goes on

    To try again with less, leave the `except` first: the caught error keeps the tensors of its frames alive.
    """
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if means_memory(error):
            raise OutOfMemory(
                f"The device has too little free memory to {task}: close other programs that use it, "
                "or set device to another one."
            ) from error
        reason = next(
            (line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__
        )
        raise NetworkFailed(f"The device could not {task}: {reason[:200]}") from error


def means_memory(error: Exception) -> bool:
    """Whether an error says that memory has run out, by its class or in words."""
    words = str(error).lower()
    known = isinstance(error, torch.OutOfMemoryError | MemoryError)
    return known or any(sign in words for sign in _MEMORY_SIGNS)
