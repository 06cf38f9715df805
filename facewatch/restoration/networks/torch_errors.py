"""What torch says when it cannot go on, told as errors of ours."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from facewatch.errors import DeviceFailed, FacewatchError, NetworkFailed, OutOfMemory

# Only CUDA and XPU have a class of their own for it; MPS, the CPU and cuDNN raise a bare RuntimeError.
# cuDNN tries its ways of convolving one after the other; where each wants more memory than is left, torch
# says only that it found none.
_MEMORY_SIGNS = (
    "out of memory",
    "not enough memory",
    "can't allocate memory",
    "alloc_failed",
    "allocation_failed",
    "unable to find an engine to execute",
    "unable to find a valid cudnn algorithm",
)
# Older calls and the libraries beneath torch raise a bare RuntimeError where AcceleratorError is meant.
_DEVICE_SIGNS = (
    "cuda error:",
    "hip error:",
    "device-side assert",
    "unspecified launch failure",
    "illegal memory access",
    "execution_failed",  # cuDNN, cuBLAS and their like
    "status_internal_error",
    "status_mapping_error",
    "device_lost",
    "status_not_initialized",
    "no kernel image",
)


@contextmanager
def translate_torch_errors(task: str) -> Iterator[None]:
    """Turn torch's errors into OutOfMemory, DeviceFailed, or else NetworkFailed.

    task    what is being done, as the sentence "The device could not ..." goes on

    To try again with less, leave the `except` first: the caught error keeps the tensors of its frames alive.
    """
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        raise to_facewatch_error(error, task) from error


def to_facewatch_error(error: Exception, task: str) -> FacewatchError:
    """The error of ours that says what torch's says.

    task    as for `translated`
    """
    if means_memory(error):
        return OutOfMemory(
            f"The device has too little free memory to {task}: close other programs that use it, "
            "or set device to another one."
        )
    if means_device(error):
        return DeviceFailed(
            f"The device failed and could not {task} ({first_lines(error)}): the work goes on with a fresh "
            "engine. If it fails again, restart the computer or renew the driver, or set device to cpu."
        )
    return NetworkFailed(f"The device could not {task}: {first_lines(error)}.")


def means_memory(error: Exception) -> bool:
    """Whether an error says that memory has run out, by its class or in words."""
    words = str(error).lower()
    known = isinstance(error, torch.OutOfMemoryError | MemoryError)
    return known or any(sign in words for sign in _MEMORY_SIGNS)


def means_device(error: Exception) -> bool:
    """Whether an error says that the device itself is in trouble: whatever is asked of it next may fail too.

    Ask `means_memory` first: a device that is out of memory says so in both ways.
    """
    words = str(error).lower()
    return isinstance(error, torch.AcceleratorError) or any(sign in words for sign in _DEVICE_SIGNS)


def first_lines(error: Exception, count: int = 1) -> str:
    """The start of a library's message, short enough for a line of a log."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    text = " ".join(lines[:count]) or type(error).__name__
    return text[:200].rstrip(".")
