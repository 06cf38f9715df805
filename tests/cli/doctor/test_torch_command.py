"""The command that `facewatch doctor` gives for a card, run by pip on a stand-in for PyTorch's index."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from facewatch.system import graphics

USUAL = {"torch": "2.14.1", "torchvision": "0.29.1", "pillow": "13.0.0"}
PYTORCHS = {"torch": "2.14.1+cu130", "torchvision": "0.29.1+cu130", "pillow": "11.0.0"}
NEEDS = {"torchvision": ["torch==2.14.1", "pillow"]}


def index(folder: Path, versions: dict[str, str]) -> str:
    """Write a package index of empty packages, and return its address."""
    for name, version in versions.items():
        page = folder / name
        page.mkdir(parents=True)
        wheel = page / f"{name}-{version}-py3-none-any.whl"
        about = f"{name}-{version}.dist-info"
        needs = "".join(f"Requires-Dist: {need}\n" for need in NEEDS.get(name, []))
        with zipfile.ZipFile(wheel, "w") as files:
            files.writestr(
                f"{about}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{needs}"
            )
            files.writestr(f"{about}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
            files.writestr(f"{about}/RECORD", "")
        (page / "index.html").write_text(f'<a href="{wheel.as_uri()}">{wheel.name}</a>', "utf-8")
    return folder.as_uri()


@pytest.mark.skipif(sys.platform == "win32", reason="the interpreter of wine makes no environments")
def test_the_command_replaces_torch_and_no_other_package(tmp_path, monkeypatch):
    subprocess.run([sys.executable, "-m", "venv", str(tmp_path / "venv")], check=True)
    python = str(tmp_path / "venv" / "bin" / "python")
    settings = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")}
    settings |= {"PIP_CONFIG_FILE": os.devnull, "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    usual = [python, "-m", "pip", "install", "--index-url", index(tmp_path / "usual", USUAL), *USUAL]
    subprocess.run(usual, check=True, capture_output=True, env=settings)
    monkeypatch.setattr(graphics, "INDEX", (tmp_path / "pytorch").as_uri())
    index(tmp_path / "pytorch" / "cu130", PYTORCHS)
    advice = graphics.advice(["NVIDIA"], graphics.TorchBuild(), platform="linux", python=python, frozen=False)
    command = shlex.split(advice.split("`")[1])
    subprocess.run(command, check=True, capture_output=True, env=settings)
    listed = subprocess.run(
        [python, "-m", "pip", "freeze"], check=True, capture_output=True, text=True, env=settings
    )
    assert listed.stdout.split() == ["pillow==13.0.0", "torch==2.14.1+cu130", "torchvision==0.29.1+cu130"]
