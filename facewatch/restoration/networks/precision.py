"""Choice of the networks' precision: as few bits as the hardware is really fast with."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, get_args

import torch

from facewatch.errors import NoSuchDevice
from facewatch.restoration.networks.fast import Precision

_INSTRUCTIONS = {  # torch's name -> name for people, the fastest first
    "bfloat16": {"amx_bf16": "AMX", "avx512_bf16": "AVX-512 BF16"},
    "float16": {"amx_fp16": "AMX FP16", "avx512_fp16": "AVX-512 FP16"},
}
_NAMES = f"auto, {', '.join(get_args(Precision))}"


@dataclass(frozen=True)
class Hardware:
    """The features that decide the precision; only those of the device's kind are set."""

    kind: str  # cpu, cuda, mps or xpu
    instructions: frozenset[str] = frozenset()  # of a processor, by torch's names
    capability: tuple[int, int] | None = None  # of an NVIDIA card; None for an AMD one, which is `cuda` too
    has_bfloat16: bool = True  # of an Apple or Intel GPU


def read_hardware(device: str) -> Hardware:
    """Return the features of a device from `device.choose`."""
    kind = device.partition(":")[0]
    if kind == "cpu":
        return Hardware(
            kind, instructions=frozenset(name for name, present in _capabilities().items() if present)
        )
    if kind == "cuda":
        nvidia = torch.version.hip is None
        return Hardware(kind, capability=torch.cuda.get_device_capability(device) if nvidia else None)
    if kind == "mps":
        return Hardware(kind, has_bfloat16=torch.backends.mps.is_macos_or_newer(14, 0))
    return Hardware(kind, has_bfloat16=torch.xpu.is_bf16_supported(including_emulation=False))


def choose(requested: str, device: str, hardware: Hardware | None = None) -> Precision:
    """Return the precision to compute in.

    requested  `auto` takes what is fast on the device and safe for every network; any other name is taken or
               refused, never replaced
    device     from `device.choose`
    hardware   by default that of `device`

    bfloat16 has the range of float32, so nothing overflows. float16 has not: GFPGAN and CodeFormer can leave
    its range (spandrel allows it for neither), so `auto` never takes it, not even on the cards of 2017 to
    2019 that would be fast with it; requested by name, it is taken, and an overflow is reported as a failure.

    Raises NoSuchDevice when the requested one would be slower here than float32, or is not a precision.
    """
    return _decide(requested, hardware or read_hardware(device))[0]


def describe(requested: str, device: str, hardware: Hardware | None = None) -> str:
    """Return the choice and its reason in words: `bfloat16, because this processor has AMX`.

    Raises as `choose`.
    """
    precision, reason = _decide(requested, hardware or read_hardware(device))
    return f"{precision}, {reason}"


def _decide(requested: str, hardware: Hardware) -> tuple[Precision, str]:
    if requested == "auto":
        precision, reason = _fastest(hardware)
        return precision, f"because {reason}"
    for precision in get_args(Precision):
        if requested == precision:
            reason_against = obstacle(precision, hardware)
            if reason_against is None:
                return precision, "as it is set"
            raise NoSuchDevice(
                f"{requested} would be slower than float32 here, or not work at all: {reason_against}. "
                f"Set precision to auto, which takes {_fastest(hardware)[0]}."
            )
    raise NoSuchDevice(f"Unknown precision {requested!r}: choose {_NAMES}.")


def _fastest(hardware: Hardware) -> tuple[Precision, str]:
    if hardware.kind == "cpu":
        has = _instructions_for("bfloat16", hardware)
        # torch uses bfloat16 instructions on ARM too, but it is unknown if convolutions are faster with them.
        return ("bfloat16", f"this processor has {has}") if has else ("float32", _lacks("bfloat16"))
    if hardware.kind == "cuda" and hardware.capability is not None:
        if hardware.capability >= (8, 0):
            return "bfloat16", "this card computes it many times as fast as float32"
        return "float32", "this card is slow with bfloat16, and float16 can overflow"
    return "float32", "no other precision has been tried on this kind of device"


def obstacle(precision: Precision, hardware: Hardware) -> str | None:
    """Return the reason against a precision that was requested by name; None if there is none."""
    if precision == "float32":
        return None
    if hardware.kind == "cpu":
        has_arm = {"bfloat16": "bf16", "float16": "fp16_arith"}[precision] in hardware.instructions
        return None if has_arm or _instructions_for(precision, hardware) else _lacks(precision)
    if precision == "float16":
        return None
    if hardware.capability is not None and hardware.capability < (8, 0):
        return "this card has no circuits for it"
    return None if hardware.has_bfloat16 else "this device has no instructions for it, or an old system"


def _instructions_for(precision: Precision, hardware: Hardware) -> str | None:
    rows = _INSTRUCTIONS[precision].items()
    return next((words for name, words in rows if name in hardware.instructions), None)


def _lacks(precision: Precision) -> str:
    names = " nor ".join(_INSTRUCTIONS[precision].values())
    return f"this processor has neither {names}"


def _capabilities() -> Mapping[str, Any]:
    """Return the capabilities of the processor, by torch's names."""
    if hasattr(torch.cpu, "get_capabilities"):
        capabilities: Mapping[str, Any] = torch.cpu.get_capabilities()
        return capabilities
    # Older versions of torch have one function for each; AMX tiles always support bfloat16.
    return {
        "amx_bf16": torch.cpu._is_amx_tile_supported(),  # noqa: SLF001 - the older functions are private
        "avx512_bf16": torch.cpu._is_avx512_bf16_supported(),  # noqa: SLF001
    }


def without_tf32() -> AbstractContextManager[None]:
    """Compute float32 convolutions exactly: cards otherwise round the factors to TF32's ten bits."""
    flags: AbstractContextManager[None] = torch.backends.cudnn.flags(enabled=True, allow_tf32=False)
    return flags
