"""Opener of files, folders and addresses with the desktop's programs."""

from __future__ import annotations

import html
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from string import Template
from typing import Any

from facewatch.errors import FacewatchError
from facewatch.system.atomic import write_atomically

PAGE_NAME = "before-after.html"
FAILURES_NAME = "failed.html"


class Opener:
    """Starts programs without waiting for them to end."""

    def __init__(self, folder: Path) -> None:
        """
        folder  receives the page of `show_before_after`
        """
        self._folder = folder
        self._children: list[subprocess.Popen[bytes]] = []

    def open(self, target: str) -> None:
        """Open a file, a folder or a web address. Raises FacewatchError when that fails."""
        address = target.startswith(("https://", "http://"))
        if not address and not Path(target).exists():
            raise FacewatchError(f"{target} does not exist")
        if sys.platform == "win32":
            try:
                os.startfile(target)  # noqa: S606 - what the user clicked on
            except OSError as error:
                raise FacewatchError(f"{target} cannot be opened: {error.strerror}") from error
        else:
            self._spawn(["open" if sys.platform == "darwin" else "xdg-open", target])

    def show(self, file: Path) -> None:
        """Show a file in its folder. Raises FacewatchError when that fails."""
        if not file.exists():
            raise FacewatchError(f"{file} does not exist")
        if sys.platform == "win32":
            self._spawn(["explorer", f"/select,{file}"])
        elif sys.platform == "darwin":
            self._spawn(["open", "-R", str(file)])
        else:
            self._spawn(["xdg-open", str(file.parent)])

    def show_before_after(self, original: Path, restored: Path) -> None:
        """Open a page that compares both pictures. Raises FacewatchError when that fails."""
        for file in (original, restored):
            if not file.exists():
                raise FacewatchError(f"{file} does not exist")
        page = self._folder / PAGE_NAME
        write_atomically(page, before_after(original, restored).encode())
        self.open(str(page))

    def show_failures(self, photos: Sequence[Mapping[str, Any]]) -> None:
        """Open a page that lists failed photos, those of `Status.failed`, each with its reason."""
        page = self._folder / FAILURES_NAME
        write_atomically(page, failures(photos).encode())
        self.open(str(page))

    def start(self, command: list[str], environment: dict[str, str]) -> None:
        """Start a facewatch program that outlives this process. Raises FacewatchError when that fails."""
        self._spawn(command, environment)

    def _spawn(self, command: list[str], environment: dict[str, str] | None = None) -> None:
        self._children = [child for child in self._children if child.poll() is None]
        try:
            child = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=environment or system_environment(dict(os.environ)),
                start_new_session=os.name == "posix",
            )
        except OSError as error:
            raise FacewatchError(f"{command[0]} cannot be started: {error.strerror}") from error
        self._children.append(child)


def system_environment(environment: dict[str, str]) -> dict[str, str]:
    """Return the environment for the desktop's programs: without the libraries that a frozen app brings."""
    if getattr(sys, "frozen", False):
        for name in ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"):
            environment.pop(name, None)
            original = environment.pop(f"{name}_ORIG", None)
            if original:
                environment[name] = original
        _remove_bundle_paths(environment)
    return environment


def _remove_bundle_paths(environment: dict[str, str]) -> None:
    """Remove paths into the frozen app: a file manager must not load the app's GTK modules."""
    bundle = os.fspath(getattr(sys, "_MEIPASS", Path(sys.executable).parent))
    for name, value in list(environment.items()):
        parts = value.split(os.pathsep)
        kept = [part for part in parts if part != bundle and not part.startswith(bundle + os.sep)]
        if not kept:
            del environment[name]
        elif kept != parts:
            environment[name] = os.pathsep.join(kept)


def before_after(original: Path, restored: Path) -> str:
    """Return an HTML page with links to both pictures, under one slider."""
    name = original.name.encode("utf-8", "replace").decode("utf-8")
    return _PAGE.substitute(
        title=html.escape(name),
        before=html.escape(original.absolute().as_uri()),
        after=html.escape(restored.absolute().as_uri()),
    )


def failures(photos: Sequence[Mapping[str, Any]]) -> str:
    """Return an HTML page with a row for each failed photo: its name, its folder, its reason."""
    rows = []
    for photo in photos:
        path = Path(photo["path"])
        cells = (path.name, photo["reason"] or "reason unknown", str(path.parent))
        shown = (html.escape(cell.encode("utf-8", "replace").decode("utf-8")) for cell in cells)
        rows.append(f"<tr>{''.join(f'<td>{cell}</td>' for cell in shown)}</tr>")
    return _FAILURES.substitute(rows="\n".join(rows))


_FAILURES = Template("""<!doctype html>
<meta charset="utf-8">
<title>Facewatch: failed photos</title>
<style>
body { margin: 1.5rem; background: #202020; color: #ececec; font: 15px sans-serif }
td, th { padding: .4rem 1rem .4rem 0; text-align: left; vertical-align: top; white-space: pre-line }
</style>
<h1>Failed photos</h1>
<table><tr><th>photo</th><th>reason</th><th>folder</th></tr>
$rows
</table>
<p>"Retry all" in the tray menu, or <code>facewatch retry</code>, tries them again.</p>
""")
_PAGE = Template("""<!doctype html>
<meta charset="utf-8">
<title>$title: before and after</title>
<style>
body { margin: 0; background: #202020; color: #ececec; font: 15px sans-serif; text-align: center }
main { display: inline-grid; margin: 8px }
img { grid-area: 1 / 1; max-width: 96vw; max-height: 86vh; width: 100%; height: 100% }
#after { clip-path: inset(0 0 0 var(--at, 50%)) }
input { width: 80vw }
</style>
<p>before <input type="range" min="0" max="100" value="50" aria-label="how much of the original"
  oninput="document.getElementById('after').style.setProperty('--at', this.value + '%')"> after</p>
<main><img src="$before" alt="before"><img id="after" src="$after" alt="after"></main>
""")
