"""Make a Debian package of the built app: `python packaging/deb.py FOLDER/dist/facewatch [FILE.deb]`.

It holds the app in /opt/facewatch, the command, the launcher with its icon, the man page, completion for
bash, zsh and fish, and scripts: one restarts running programs after an upgrade, one takes the users' entries
out before the package is removed.
"""

from __future__ import annotations

import gzip
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from facewatch import __version__

HERE = Path(__file__).resolve().parent
SHELLS = {
    "bash": "usr/share/bash-completion/completions/facewatch",
    "zsh": "usr/share/zsh/vendor-completions/_facewatch",
    "fish": "usr/share/fish/vendor_completions.d/facewatch.fish",
}
CONTROL = """\
Package: facewatch
Version: {version}
Architecture: {architecture}
Maintainer: The facewatch authors <facewatch@localhost>
Installed-Size: {kilobytes}
Depends: libc6 (>= {libc}), libgl1, libglib2.0-0t64 | libglib2.0-0
Recommends: xdg-utils
Section: graphics
Priority: optional
Homepage: https://github.com/facewatch/facewatch
Description: restores the faces in new photos
 Drop old, blurred or small photos into a folder; restored copies appear
 beside it, with sharp faces. The originals are never touched. Everything
 happens on this computer.
"""


def make(app: Path, package: Path) -> None:
    """Make the package of the app that packaging/build.py has built. Needs dpkg-deb."""
    program = app / "facewatch"
    if not program.is_file():
        sys.exit(f"{app} holds no program: python packaging/build.py FOLDER builds FOLDER/dist/facewatch")
    dpkg_deb = shutil.which("dpkg-deb")
    if dpkg_deb is None:
        sys.exit("dpkg-deb is not installed: apt install dpkg")
    with tempfile.TemporaryDirectory(dir=app.parent) as name:  # on the same disk, where files can be linked
        root = Path(name)
        root.chmod(0o755)
        shutil.copytree(app, root / "opt" / "facewatch", symlinks=True, copy_function=os.link)
        _add_files(root, program)
        _add_control(root)
        command = [dpkg_deb, "--root-owner-group", "-Zzstd", "-z9", "--build", str(root), str(package)]
        subprocess.run(command, check=True)


def _add_files(root: Path, program: Path) -> None:
    command = root / "usr" / "bin" / "facewatch"
    command.parent.mkdir(parents=True)
    command.symlink_to("/opt/facewatch/facewatch")
    _write(root / "usr/share/man/man1/facewatch.1.gz", gzip.compress(_read("linux/facewatch.1"), mtime=0))
    _write(root / "usr/share/applications/facewatch.desktop", _read("linux/facewatch.desktop"))
    _write(root / "usr/share/icons/hicolor/scalable/apps/facewatch.svg", _read("icons/facewatch.svg"))
    _write(root / "usr/share/doc/facewatch/copyright", (HERE.parent / "LICENSE").read_bytes())
    for shell, place in SHELLS.items():
        environment = {**os.environ, "_FACEWATCH_COMPLETE": f"source_{shell}"}
        run = subprocess.run([str(program)], env=environment, capture_output=True, check=True)
        _write(root / place, completion_file(shell, run.stdout.decode()).encode())


def completion_file(shell: str, script: str) -> str:
    """Return the file of a shell's completion from the script that the program prints.

    zsh takes only a file that begins with #compdef, and runs it for the first Tab, which is to complete too.
    """
    first_tab = '[[ $zsh_eval_context[-1] == loadautofunc ]] && _facewatch_completion "$@"\n'
    return f"{script.strip()}\n{first_tab if shell == 'zsh' else ''}"


def _add_control(root: Path) -> None:
    size = sum(path.lstat().st_size for path in root.rglob("*"))
    command = [str(shutil.which("dpkg")), "--print-architecture"]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    values = {
        "version": re.sub(r"\.?(dev|rc|a|b)(?=\d)", r"~\1", __version__),  # Debian sorts ~ before the end
        "architecture": run.stdout.strip(),
        "kilobytes": size // 1024,
        "libc": os.confstr("CS_GNU_LIBC_VERSION").split()[1],
    }
    _write(root / "DEBIAN" / "control", CONTROL.format(**values).encode())
    for script in ("postinst", "prerm"):
        _write(root / "DEBIAN" / script, _read(f"linux/{script}"))
        (root / "DEBIAN" / script).chmod(0o755)


def _read(name: str) -> bytes:
    return (HERE / name).read_bytes()


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    path.chmod(0o644)


def main() -> None:
    """Make the package of the built folder that is named."""
    if len(sys.argv) < 2:
        sys.exit("name the built folder: python packaging/deb.py FOLDER/dist/facewatch [FILE.deb]")
    app = Path(sys.argv[1]).absolute()
    package = Path(sys.argv[2] if len(sys.argv) > 2 else f"facewatch-{__version__}.deb").absolute()
    make(app, package)
    sys.stdout.write(f"{package}: {package.stat().st_size / 1e6:.0f} MB\n")


if __name__ == "__main__":
    main()
