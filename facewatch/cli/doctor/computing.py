"""Checks of what computes: the device, torch and its driver, the models."""

from __future__ import annotations

import ctypes.util
import sys
from collections.abc import Callable, Iterator, Sequence

from facewatch.cli.doctor.types import Finding, Level, Machine
from facewatch.cli.identity import unchecked_note
from facewatch.engine.messages import Ready
from facewatch.errors import FacewatchError
from facewatch.models.files import ModelFiles
from facewatch.settings.installation import open_model_files
from facewatch.settings.schema import Plan, Settings
from facewatch.system.graphics import advice, torch_build
from facewatch.system.paths import Places
from facewatch.worker.recipe import resolve

CPU_ONLY = "the engine computes on the CPU"


def engine(places: Places, settings: Settings, machine: Machine) -> Iterator[Finding]:
    """Report the device, which a process of its own chooses, and the models needed on it."""
    try:
        found = machine.probe(settings.engine.device)
    except FacewatchError as error:
        yield Finding("device", "fix", str(error))
        return
    device, precision = found.device, settings.engine.precision
    yield Finding("device", "ok", device)
    if found.passed_over:
        level: Level = "note" if device.startswith("cuda") or settings.engine.device == "cpu" else "fix"
        yield Finding("cuda", level, found.passed_over)
    yield Finding(
        "precision", "ok", found.precision if precision == "auto" else f"{precision}, as configured"
    )
    files = open_model_files(places, settings)
    plans = [settings.plan(folder) for folder in settings.folders] or [settings.plan(None)]
    known: Callable[[str], str] = lambda _: device  # noqa: E731 - the device is known from above
    names = sorted({name for plan in plans for name in resolve(plan, settings.engine, known).models})
    for name in names:
        yield _model(files, name)
    yield from _onnx(found, [row.name for row in files.rows() if row.name in names and row.is_onnx])
    note = unchecked_note(files, settings)
    yield (
        Finding("identity", "note", note.removeprefix("identity is "))
        if note
        else Finding("identity", "ok", _identity_words(plans))
    )


def _onnx(found: Ready, models: Sequence[str]) -> Iterator[Finding]:
    """Report where ONNX files are computed, if onnxruntime is installed or one of them is a chosen model."""
    if found.onnx_problem:
        yield Finding("onnx", "fix" if models else "note", found.onnx_problem)
    elif found.onnx:
        yield Finding("onnx", "ok", f"{found.onnx}, for models that are ONNX files")
    elif models:
        names = ", ".join(models)
        yield Finding("onnx", "fix", f"{names}: onnxruntime is missing: pip install 'facewatch[onnx]'")


def torch_and_driver(settings: Settings, device: str | None, machine: Machine) -> Iterator[Finding]:
    """Report whether torch, the driver and the card fit together, without loading torch.

    device  what the engine would compute on; None: the engine was not started
    """
    build, found = torch_build(), machine.cards()
    if build is None:
        return
    if text := advice(found, build):
        yield Finding("graphics", "note", text)
    cuda, card = build.cuda, "NVIDIA" in found
    if cuda is None:
        return
    driver = _has_driver(machine)
    works = driver if device is None else device.startswith("cuda")
    if works or settings.engine.device == "cpu":
        yield Finding("cuda", "ok", f"torch is built for CUDA {cuda}")
    elif card and driver:
        text = (
            f"torch is built for CUDA {cuda} and there is an NVIDIA card with a driver, but torch cannot use "
            f"it, so {CPU_ONLY}: `nvidia-smi` must list the card, and name CUDA {cuda} or later; otherwise "
            "install a newer driver and start again"
        )
        yield Finding("cuda", "fix", text)
    elif card:
        text = (
            f"torch is built for CUDA {cuda} and there is an NVIDIA card, but no driver answers, so "
            f"{CPU_ONLY}: install the card's driver and start again; `nvidia-smi` must list the card"
        )
        yield Finding("cuda", "fix", text)
    else:
        text = (
            f"torch is built for CUDA {cuda}, but there is no NVIDIA driver, so {CPU_ONLY}. With an NVIDIA "
            "card, install its driver (`nvidia-smi` must list the card); without one there is nothing to fix"
        )
        yield Finding("cuda", "note", text)


def _has_driver(machine: Machine) -> bool:
    if sys.platform == "win32":
        return ctypes.util.find_library("nvcuda") is not None
    # Windows' Linux subsystem reaches the driver of Windows through dxg.
    return any((machine.dev / name).exists() for name in ("nvidiactl", "nvidia0", "dxg"))


def _identity_words(plans: Sequence[Plan]) -> str:
    """Return what is done about faces that became another person's."""
    chosen = dict.fromkeys(plan.restoration.identity for plan in plans)
    return ", ".join("not compared, as configured" if wish == "off" else wish for wish in chosen)


def _model(files: ModelFiles, name: str) -> Finding:
    state = files.state(name)
    if state == "present":
        return Finding(f"model {name}", "ok", "downloaded")
    return Finding(f"model {name}", "fix", f"{state}: `facewatch models pull {name}` downloads it")
