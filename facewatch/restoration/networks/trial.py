"""A short trial of the precisions that a device has: which is the fastest here, now measured."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

import torch
import torch.nn.functional as F  # noqa: N812 - its usual name

from facewatch.restoration.networks.device import describe
from facewatch.restoration.networks.fast import Precision
from facewatch.restoration.networks.precision import Hardware, obstacle, read_hardware

CHANNELS, SIDE = 128, 64  # as in the middle of the networks for faces
ROUNDS = 4
LEAST_GAIN = 0.9  # of float32's time; what gains less is not worth the rounding
_CANDIDATES: tuple[Precision, ...] = ("float32", "bfloat16")  # float16 can overflow in these networks


def candidates(device: str, hardware: Hardware | None = None) -> tuple[Precision, ...]:
    """Return the precisions that are safe for every network and that the device has; float32 is the first."""
    found = hardware or read_hardware(device)
    return tuple(name for name in _CANDIDATES if obstacle(name, found) is None)


def conditions(device: str) -> str:
    """Return what a measurement depends on: torch, the device with its threads, the processor's features."""
    features = "+".join(sorted(read_hardware(device).instructions))
    return f"torch {torch.__version__}, {describe(device)}, {features}"


def measure(
    device: str, precisions: tuple[Precision, ...], run: Callable[[Precision], float] | None = None
) -> dict[Precision, float]:
    """Return the seconds of one convolution in each precision: the least of several, measured in turn.

    device  from `device.choose`
    run     computes one convolution in a precision and returns its seconds; a test hands in another
    """
    step = run or _convolution(device, precisions)
    for precision in precisions:
        step(precision)  # the first call prepares kernels
    times = [{precision: step(precision) for precision in precisions} for _ in range(ROUNDS)]
    return {precision: min(row[precision] for row in times) for precision in precisions}


def fastest(seconds: Mapping[Precision, float]) -> Precision:
    """Return the fastest precision of a measurement, float32 unless another is clearly faster."""
    best = min(seconds, key=lambda precision: seconds[precision])
    return best if seconds[best] < LEAST_GAIN * seconds["float32"] else "float32"


def _convolution(device: str, precisions: tuple[Precision, ...]) -> Callable[[Precision], float]:
    layout = torch.channels_last
    weight = torch.ones(CHANNELS, CHANNELS, 3, 3, device=device).to(memory_format=layout)
    picture = torch.ones(1, CHANNELS, SIDE, SIDE, device=device).to(memory_format=layout)
    tensors = {
        precision: (picture.to(getattr(torch, precision)), weight.to(getattr(torch, precision)))
        for precision in precisions
    }

    def run(precision: Precision) -> float:
        began = time.perf_counter()
        with torch.inference_mode():
            float(
                F.conv2d(*tensors[precision], padding=1)[0, 0, 0, 0]
            )  # reading a value waits for the device
        return time.perf_counter() - began

    return run
