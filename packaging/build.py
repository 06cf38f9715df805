"""Build the one-folder app and try it: `python packaging/build.py [FOLDER]` (needs PyInstaller)."""

from __future__ import annotations

import ctypes
import importlib
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

HERE = Path(__file__).resolve().parent
PHOTO = HERE.parent / "facewatch" / "cli" / "demo" / "eileen-collins.jpg"
NEEDED_BYTES = 7_000_000_000  # the result has 1.2 GB, with the CUDA libraries of a torch for NVIDIA 4.4 GB


def build(folder: Path) -> Path:
    """Build below `folder` and return the path of the program."""
    if importlib.util.find_spec("PyInstaller") is None:
        sys.exit("PyInstaller is not installed: pip install pyinstaller")
    folder.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(folder).free
    if free < NEEDED_BYTES:
        sys.exit(f"{folder} has {free / 1e9:.0f} GB free, and the build needs {NEEDED_BYTES / 1e9:.0f}")
    places = ["--distpath", str(folder / "dist"), "--workpath", str(folder / "work")]
    _run_pyinstaller(["--noconfirm", *places, str(HERE / "facewatch.spec")])
    return folder / "dist" / "facewatch" / ("facewatch.exe" if os.name == "nt" else "facewatch")


def _run_pyinstaller(arguments: Sequence[str]) -> None:
    if not _is_wine():
        subprocess.run([sys.executable, "-m", "PyInstaller", *arguments], check=True)
        return
    # Processes that it starts to import packages do not end on wine: with their own mark it starts none.
    sys._pyi_isolated_subprocess = True  # type: ignore[attr-defined]  # noqa: SLF001
    importlib.import_module("PyInstaller.__main__").run(list(arguments))


def _is_wine() -> bool:
    if sys.platform != "win32":
        return False
    return hasattr(ctypes.WinDLL("ntdll"), "wine_get_version")


def try_out(program: Path) -> None:
    """Run the program with a home of its own: it restores a photo directly and as a daemon."""
    with tempfile.TemporaryDirectory() as home:
        once, daemon = Path(home, "once"), Path(home, "demo")
        for arguments in (
            ["--help"],
            ["config", "init"],
            ["doctor", "--quick"],
            ["restore", str(PHOTO), "--model", "builtin", "--output", str(once)],
            ["demo", "--model", "builtin", "--output", str(daemon)],
        ):
            environment = {**os.environ, "FACEWATCH_HOME": home}
            subprocess.run([str(program), *arguments], env=environment, check=True, timeout=300)
        for folder in (once, daemon / "Restored"):
            if not (folder / PHOTO.name).is_file():
                sys.exit(f"{program} restored nothing into {folder}")
    sys.stdout.write(f"{program} works\n")


def main() -> None:
    """Build the program and try it."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(tempfile.mkdtemp(prefix="facewatch-build-"))
    try_out(build(folder.absolute()))


if __name__ == "__main__":
    main()
