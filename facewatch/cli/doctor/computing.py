"""What computes: the device, torch and its driver, the models."""

from __future__ import annotations

import ctypes.util
import re
import sys
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path

from facewatch.cli.doctor.findings import Finding, Level
from facewatch.cli.doctor.machine import Machine
from facewatch.errors import FacewatchError
from facewatch.models.files import ModelFiles
from facewatch.settings.installation import open_model_files
from facewatch.settings.schema import Settings
from facewatch.system.paths import Places
from facewatch.worker.recipe import resolve

NVIDIA = "0x10de"  # as PCI knows it
DISPLAY_CLASS = "0x03"
CPU_ONLY = "the engine computes on the CPU"


def engine(places: Places, settings: Settings, machine: Machine) -> Iterator[Finding]:
    """The device that the engine will use, asked of a process of its own, and the models it needs there."""
    try:
        found = machine.probe(settings.engine.device)
    except FacewatchError as error:
        yield Finding("device", "mend", str(error))
        return
    device, precision = found.device, settings.engine.precision
    yield Finding("device", "ok", device)
    if found.passed_over:
        level: Level = "note" if device.startswith("cuda") or settings.engine.device == "cpu" else "mend"
        yield Finding("cuda", level, found.passed_over)
    yield Finding("precision", "ok", found.precision if precision == "auto" else f"{precision}, as it is set")
    files = open_model_files(places, settings)
    plans = [settings.plan(folder) for folder in settings.folders] or [settings.plan(None)]
    known: Callable[[str], str] = lambda _: device  # noqa: E731 - asked once, above
    for name in sorted({name for plan in plans for name in resolve(plan, settings.engine, known).models}):
        yield _model(files, name)


def torch_and_driver(settings: Settings, device: str | None, machine: Machine) -> Iterator[Finding]:
    """Whether torch, the driver and the card go together; torch itself is not loaded for it.

    device  what the engine would compute on; None: it was not asked
    """
    cuda = cuda_of_torch()
    card = _has_card(machine)
    if cuda is None:
        if card:
            text = (
                f"an NVIDIA card is here, but this torch cannot use it, so {CPU_ONLY}: install it with CUDA"
            )
            yield Finding("cuda", "note", text)
        return
    works = _has_driver(machine) if device is None else device.startswith("cuda")
    if works or settings.engine.device == "cpu":
        yield Finding("cuda", "ok", f"torch is built for CUDA {cuda}")
    elif card:
        text = (
            f"torch is built for CUDA {cuda} and an NVIDIA card is here, but no driver answers, so "
            f"{CPU_ONLY}: install the card's driver and start again; `nvidia-smi` must list the card"
        )
        yield Finding("cuda", "mend", text)
    else:
        text = (
            f"torch is built for CUDA {cuda}, but no NVIDIA driver is here, so {CPU_ONLY}. With an NVIDIA "
            "card, install its driver (`nvidia-smi` must list the card); without one nothing needs mending"
        )
        yield Finding("cuda", "note", text)


def cuda_of_torch() -> str | None:
    """The version of CUDA that the installed torch is built for; None where it is built without."""
    try:
        file = metadata.distribution("torch").locate_file("torch/version.py")
        text = Path(str(file)).read_text("utf-8")
    except (metadata.PackageNotFoundError, OSError):
        return None
    found = re.search(r"^cuda\b.*=\s*['\"]([\d.]+)['\"]", text, re.MULTILINE)
    return found[1] if found else None


def _has_driver(machine: Machine) -> bool:
    if sys.platform == "win32":
        return ctypes.util.find_library("nvcuda") is not None
    # dxg is how Windows' own driver is reached from its Linux subsystem.
    return any((machine.dev / name).exists() for name in ("nvidiactl", "nvidia0", "dxg"))


def _has_card(machine: Machine) -> bool:
    """Whether an NVIDIA graphics card is plugged in, with or without a driver (Linux)."""
    for device in machine.sys.glob("bus/pci/devices/*"):
        try:
            vendor, kind = ((device / name).read_text("ascii") for name in ("vendor", "class"))
        except OSError:
            continue
        if vendor.strip() == NVIDIA and kind.startswith(DISPLAY_CLASS):
            return True
    return False


def _model(files: ModelFiles, name: str) -> Finding:
    state = files.state(name)
    if state == "present":
        return Finding(f"model {name}", "ok", "present")
    return Finding(f"model {name}", "mend", f"{state}: `facewatch models pull {name}` fetches it")
