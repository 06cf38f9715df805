"""Cards without a torch that can use them, by stand-ins for each platform."""

from __future__ import annotations

import importlib.util
import runpy
import sys
from importlib import metadata

import pytest

from facewatch.system import graphics
from facewatch.system.graphics import TorchBuild, advice, cards, parsed_hardware_id, torch_build

CPU_ONLY = TorchBuild()
PIP = "-m pip install --upgrade --index-url https://download.pytorch.org/whl"


@pytest.fixture
def pip(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: object())


@pytest.fixture
def sysfs(tmp_path):
    """Plug a card with these PCI numbers into a stand-in for /sys."""

    def plug(vendor: str, device: str, kind: str = "0x030000") -> None:
        folder = tmp_path / "bus" / "pci" / "devices" / f"{vendor}-{device}"
        folder.mkdir(parents=True)
        for name, text in {"vendor": vendor, "device": device, "class": kind}.items():
            (folder / name).write_text(f"{text}\n", "ascii")

    plug.folder = tmp_path
    return plug


@pytest.mark.skipif(sys.platform == "win32", reason="reads a stand-in for /sys")
@pytest.mark.parametrize(
    ("vendor", "device", "found"),
    [
        ("0x10de", "0x2684", ("NVIDIA",)),
        ("0x1002", "0x744c", ("AMD",)),
        ("0x8086", "0x56a0", ("Intel",)),  # Arc A770
        ("0x8086", "0x7d55", ("Intel",)),  # Core Ultra
        ("0x8086", "0x3e92", ()),  # UHD 630: torch has no code for it
        ("0x1234", "0x1111", ()),  # a virtual machine's
    ],
)
def test_a_card_is_found_by_its_pci_numbers(sysfs, vendor, device, found):
    sysfs(vendor, device)
    sysfs("0x10de", "0x22ba", "0x040300")  # the sound of a card
    assert cards(sysfs.folder) == found


@pytest.mark.skipif(sys.platform != "linux", reason="reads a stand-in for /sys")
def test_a_card_behind_windows_linux_subsystem_is_found_by_its_driver(tmp_path):
    assert cards(tmp_path, tmp_path / "libcuda.so.1") == ()
    (tmp_path / "libcuda.so.1").touch()
    assert cards(tmp_path, tmp_path / "libcuda.so.1") == ("NVIDIA",)


@pytest.mark.skipif(sys.platform != "win32", reason="reads Windows' registry")
def test_a_card_is_found_in_the_registry(monkeypatch):
    import winreg

    monkeypatch.setattr(winreg, "HKEY_LOCAL_MACHINE", winreg.HKEY_CURRENT_USER)  # needs no administrator
    monkeypatch.setattr(graphics, "WINDOWS_ADAPTERS", key := r"Software\facewatch tests\adapters")
    assert cards() == ()
    try:
        for name in ("0000", "0001", "Properties"):
            winreg.CreateKey(winreg.HKEY_CURRENT_USER, rf"{key}\{name}")
        for name, device in {
            "0000": r"PCI\VEN_8086&DEV_3E92",
            "0001": r"pci\ven_10de&dev_2684&rev_a1",
        }.items():
            with winreg.OpenKey(
                winreg.HKEY_CURRENT_USER, rf"{key}\{name}", 0, winreg.KEY_SET_VALUE
            ) as adapter:
                winreg.SetValueEx(adapter, "MatchingDeviceId", 0, winreg.REG_SZ, device)
        assert cards() == ("NVIDIA",)
    finally:
        for part in (r"\0000", r"\0001", r"\Properties", ""):
            winreg.DeleteKey(winreg.HKEY_CURRENT_USER, key + part)


def test_windows_names_a_card_by_its_hardware_id():
    assert parsed_hardware_id(r"pci\ven_10de&dev_2684&subsys_889d1043") == (0x10DE, 0x2684)
    assert parsed_hardware_id("root\\basicdisplay") is None


@pytest.mark.parametrize(
    ("vendor", "platform", "says"),
    [
        ("NVIDIA", "win32", r"an NVIDIA card, but this torch lacks CUDA"),
        ("NVIDIA", "linux", f"{PIP}/cu130 torch torchvision`"),
        ("NVIDIA", "win32", f'"C:\\a b\\python" {PIP}/cu130 torch torchvision`'),
        ("AMD", "linux", "once `rocm_agent_enumerator` (package rocminfo) lists the card, run `"),
        ("AMD", "linux", "-m uv pip install --python"),
        ("AMD", "win32", "PyTorch has no build for it on Windows"),
        ("AMD", "win32", "ONNX files, with onnxruntime-directml"),
        ("Intel", "linux", f"{PIP}/xpu torch torchvision`"),
        ("Intel", "win32", f"{PIP}/xpu torch torchvision`"),
    ],
)
def test_a_card_that_torch_cannot_use_gets_one_line_with_the_command(pip, vendor, platform, says):
    line = advice([vendor], CPU_ONLY, platform=platform, python=r"C:\a b\python", frozen=False)
    assert says in line
    assert "the engine computes on the CPU" in line
    assert "\n" not in line


def test_an_environment_without_pip_gets_the_command_of_uv(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    line = advice(["NVIDIA"], CPU_ONLY, python="/venv/bin/python", frozen=False)
    assert "`uv pip install --python /venv/bin/python --upgrade-package torch" in line


def test_an_app_cannot_change_its_torch():
    line = advice(["NVIDIA"], CPU_ONLY, frozen=True)
    assert "install facewatch with pip instead of the app" in line


@pytest.mark.parametrize(
    ("found", "build"),
    [
        ([], CPU_ONLY),
        (["NVIDIA"], TorchBuild(cuda="13.0")),
        (["AMD"], TorchBuild(hip="7.1.0")),
        (["Intel"], TorchBuild(xpu="20250300")),
        (["NVIDIA", "Intel"], TorchBuild(cuda="13.0")),  # a notebook's second card
    ],
)
def test_nothing_is_said_without_a_card_or_with_the_right_torch(found, build):
    assert advice(found, build) == ""


def test_the_build_is_that_of_torch_itself():
    version = runpy.run_path(str(metadata.distribution("torch").locate_file("torch/version.py")))
    assert torch_build() == TorchBuild(version["cuda"], version["hip"], version.get("xpu"))
