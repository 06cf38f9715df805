"""Translation of torch's errors to facewatch's."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from facewatch.errors import DeviceFailed, FacewatchError, NetworkFailed, OutOfMemory

# Only CUDA and XPU have an exception class for it; MPS, the CPU and cuDNN raise a plain RuntimeError.
# cuDNN tries its convolution algorithms one after the other; if each needs more memory than is left, torch
# reports only that it found none.
_MEMORY_SIGNS = (
    "out of memory",
    "not enough memory",
    "can't allocate memory",
    "alloc_failed",
    "allocation_failed",
    "unable to find an engine to execute",
    "unable to find a valid cudnn algorithm",
)
# Older calls and the libraries below torch raise a plain RuntimeError instead of AcceleratorError.
_DEVICE_SIGNS = (
    "cuda error:",
    "hip error:",
    "device-side assert",
    "unspecified launch failure",
    "illegal memory access",
    "execution_failed",  # cuDNN, cuBLAS and similar
    "status_internal_error",
    "status_mapping_error",
    "device_lost",
    "status_not_initialized",
    "no kernel image",
)


@contextmanager
def translate_torch_errors(task: str) -> Iterator[None]:
    """Turn torch's errors into OutOfMemory, DeviceFailed, or else NetworkFailed.

    task    completes the sentence "The device could not ..."

    Leave the `except` before a retry with less: the caught error keeps the tensors of its frames alive.
    """
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        raise to_facewatch_error(error, task) from error


def to_facewatch_error(error: Exception, task: str) -> FacewatchError:
    """Return facewatch's error for one of torch's.

    task    as for `translate_torch_errors`
    """
    if means_memory(error):
        return OutOfMemory(
            f"The device has too little free memory to {task}: close other programs that use it, "
            "or set device to another one."
        )
    if means_device(error):
        return DeviceFailed(
            f"The device failed and could not {task} ({first_lines(error)}): facewatch restarts the engine "
            "and continues. If it fails again, restart the computer, renew the driver, or set device to cpu."
        )
    return NetworkFailed(f"The device could not {task}: {first_lines(error)}.")


def means_memory(error: Exception) -> bool:
    """Return True if an error means out of memory, by its class or its message."""
    message = str(error).lower()
    has_class = isinstance(error, torch.OutOfMemoryError | MemoryError)
    return has_class or any(sign in message for sign in _MEMORY_SIGNS)


def means_device(error: Exception) -> bool:
    """Return True if an error means that the device itself failed, so that further calls may fail too.

    Call `means_memory` first: an error for too little memory may match both.
    """
    message = str(error).lower()
    return isinstance(error, torch.AcceleratorError) or any(sign in message for sign in _DEVICE_SIGNS)


def first_lines(error: Exception, count: int = 1) -> str:
    """Return the start of a library's message, short enough for a log line."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    text = " ".join(lines[:count]) or type(error).__name__
    return text[:200].rstrip(".")
