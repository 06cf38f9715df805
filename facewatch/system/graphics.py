"""Graphics cards, and the build of torch that can use them; neither torch nor a driver is loaded."""

from __future__ import annotations

import importlib.util
import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Literal

Vendor = Literal["NVIDIA", "AMD", "Intel"]
VENDORS: dict[int, Vendor] = {0x10DE: "NVIDIA", 0x1002: "AMD", 0x8086: "Intel"}  # by PCI's numbers
DISPLAY_CLASS = "0x03"
# The first byte of the device numbers of Arc A and B and of Core Ultra, which torch supports; older graphics
# of Intel are in most processors, and torch has no code for them.
INTEL_DEVICES = (0x56, 0x64, 0x7D, 0xB0, 0xE2)
WINDOWS_ADAPTERS = r"SYSTEM\CurrentControlSet\Control\Class\{4d36e968-e325-11ce-bfc1-08002be10318}"
WSL_DRIVER = Path(
    "/usr/lib/wsl/lib/libcuda.so.1"
)  # in Windows' Linux subsystem, which shows no card on the bus
INDEX = "https://download.pytorch.org/whl"
# A build for a card counts as newer than the plain one. Its index has other packages too, in versions of its
# own: whatever reinstalls replaces pillow and numpy by these.
UV_UPGRADE = "--upgrade-package torch --upgrade-package torchvision"


@dataclass(frozen=True)
class TorchBuild:
    """The kinds of cards that an installed torch is built for, each with its version; None: not for them."""

    cuda: str | None = None
    hip: str | None = None
    xpu: str | None = None


def torch_build() -> TorchBuild | None:
    """Return what the installed torch is built for; None if none is installed."""
    try:
        file = metadata.distribution("torch").locate_file("torch/version.py")
        text = Path(str(file)).read_text("utf-8")
    except (metadata.PackageNotFoundError, OSError):
        return None
    found = dict(re.findall(r"^(cuda|hip|xpu)\b.*=\s*['\"]([\w.+-]+)['\"]", text, re.MULTILINE))
    return TorchBuild(found.get("cuda"), found.get("hip"), found.get("xpu"))


def cards(sysfs: Path = Path("/sys"), wsl_driver: Path = WSL_DRIVER) -> tuple[Vendor, ...]:
    """Return the makers of the graphics cards that a torch exists for, with or without a driver.

    Empty on macOS, where every torch can use the GPU.
    """
    if sys.platform == "win32":
        numbers = _windows_devices()
    else:
        numbers = _linux_devices(sysfs)
    found = {VENDORS[vendor] for vendor, device in numbers if vendor in VENDORS and _usable(vendor, device)}
    if sys.platform == "linux" and wsl_driver.exists():
        found.add("NVIDIA")
    return tuple(vendor for vendor in VENDORS.values() if vendor in found)


def torch_note() -> str:
    """Return the sentence of `advice` about this machine and its torch, or an empty text."""
    return advice(cards(), torch_build() or TorchBuild())


def advice(
    found: Iterable[Vendor],
    build: TorchBuild,
    *,
    platform: str = sys.platform,
    python: str = sys.executable,
    frozen: bool = getattr(sys, "frozen", False),
) -> str:
    """Return one sentence about a card that this torch cannot use, with the command for one that can.

    Empty if torch is built for one of the cards, or if there is none.
    """
    versions = {"NVIDIA": build.cuda, "AMD": build.hip, "Intel": build.xpu}
    useless = tuple(found)
    if not useless or any(versions[vendor] for vendor in useless):
        return ""
    vendor = useless[0]
    there = f"there is {'an' if vendor[0] in 'AIN' else 'a'} {vendor} card"
    if vendor == "AMD" and platform == "win32":
        return (
            f"{there}, and PyTorch has no build for it on Windows, so the engine computes on the CPU, except "
            "models that are ONNX files, with onnxruntime-directml"
        )
    kind = {"NVIDIA": "CUDA", "AMD": "ROCm", "Intel": "XPU"}[vendor]
    lacks = f"{there}, but this torch lacks {kind}, so the engine computes on the CPU"
    if frozen:
        return f"{lacks}: install facewatch with pip instead of the app; the README names the right torch"
    # Without that program, uv takes a card of AMD for none.
    needs = "once `rocm_agent_enumerator` (package rocminfo) lists the card, " if vendor == "AMD" else ""
    return f"{lacks}: {needs}run `{_command(vendor, python)}`"


def _command(vendor: Vendor, python: str) -> str:
    program = f'"{python}"' if " " in python else python
    if vendor == "AMD":  # each torch needs another ROCm; uv knows which
        return (
            f"{program} -m pip install uv` and then `{program} -m uv pip install --python {program} "
            f"--torch-backend=auto {UV_UPGRADE} torch torchvision"
        )
    index = f"{INDEX}/{'cu130' if vendor == 'NVIDIA' else 'xpu'}"
    if importlib.util.find_spec("pip") is None:  # made by uv
        return f"uv pip install --python {program} {UV_UPGRADE} --index-url {index} torch torchvision"
    return f"{program} -m pip install --upgrade --index-url {index} torch torchvision"


def _usable(vendor: int, device: int) -> bool:
    return VENDORS[vendor] != "Intel" or device >> 8 in INTEL_DEVICES


def _linux_devices(sysfs: Path) -> Iterator[tuple[int, int]]:
    """Yield vendor and device number of each graphics card."""
    for device in sysfs.glob("bus/pci/devices/*"):
        try:
            kind, vendor, number = (
                (device / name).read_text("ascii") for name in ("class", "vendor", "device")
            )
            if kind.startswith(DISPLAY_CLASS):
                yield int(vendor, 16), int(number, 16)
        except (OSError, ValueError):
            continue


def parsed_hardware_id(text: str) -> tuple[int, int] | None:
    """Return vendor and device number in a hardware id of Windows, as `PCI\\VEN_10DE&DEV_2684&...`."""
    found = re.search(r"VEN_([0-9a-f]{4})&DEV_([0-9a-f]{4})", text, re.IGNORECASE)
    return (int(found[1], 16), int(found[2], 16)) if found else None


if sys.platform == "win32":
    import winreg

    def _windows_devices() -> Iterator[tuple[int, int]]:
        """Yield the same from the registry's list of display adapters."""
        try:
            with winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, WINDOWS_ADAPTERS) as adapters:
                names = [winreg.EnumKey(adapters, place) for place in range(winreg.QueryInfoKey(adapters)[0])]
        except OSError:
            return
        for name in names:
            try:
                with winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, rf"{WINDOWS_ADAPTERS}\{name}") as adapter:
                    device = parsed_hardware_id(str(winreg.QueryValueEx(adapter, "MatchingDeviceId")[0]))
            except OSError:  # `Properties`, which only the system may read
                continue
            if device is not None:
                yield device
