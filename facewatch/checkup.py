"""The checks behind `facewatch doctor`, each a finding: ok, or what to do."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from facewatch import __version__
from facewatch.checkpoints import Checkpoints
from facewatch.engine.handle import probe
from facewatch.errors import FacewatchError
from facewatch.files import Places, nearest_existing
from facewatch.installation import checkpoints_of, store_of
from facewatch.ledger import LedgerView
from facewatch.lock import running_pid
from facewatch.recipe import resolve
from facewatch.settings import Settings

PACKAGES = (
    "torch",
    "torchvision",
    "spandrel",
    "spandrel-extra-arches",
    "facexlib",
    "opencv-python",
    "pillow",
    "pillow-heif",
    "watchdog",
    "pydantic",
    "httpx",
    "tomlkit",
    "typer",
    "rich",
    "filelock",
    "psutil",
    "platformdirs",
    "pystray",
)
LOW_SPACE_BYTES = 1 << 30


@dataclass(frozen=True)
class Finding:
    """One line of the check-up."""

    what: str
    ok: bool
    text: str  # how it is; what to do when it is not ok


def examine(places: Places, *, quick: bool = False) -> list[Finding]:
    """Look at everything; `quick` leaves out what has to start the engine."""
    findings = [Finding("facewatch", ok=True, text=f"{__version__}, Python {sys.version.split()[0]}")]
    findings += [_package(name) for name in PACKAGES]
    store = store_of(places)
    try:
        settings = store.load()
    except FacewatchError as error:
        findings.append(Finding("config", ok=False, text=f"{error}; what follows holds for the defaults"))
        settings = Settings()
    else:
        findings.append(_config(places, settings))
    findings += _folders(settings)
    findings += [_writable("state", places.state), _writable("log", places.logs), _ledger(places)]
    if not quick:
        findings += _engine(places, settings)
    pid = running_pid(places)
    findings.append(Finding("daemon", ok=True, text=f"runs as process {pid}" if pid else "is not running"))
    return findings


def _package(name: str) -> Finding:
    try:
        return Finding(name, ok=True, text=metadata.version(name))
    except metadata.PackageNotFoundError:
        return Finding(name, ok=False, text=f"is not installed: pip install {name}")


def _config(places: Places, settings: Settings) -> Finding:
    if not places.config.exists():
        text = f"{places.config} is not there: `facewatch config init` writes a first one"
        return Finding("config", ok=False, text=text)
    if not settings.folders:
        return Finding("config", ok=False, text=f"{places.config} names no folder: add a [[folders]] entry")
    return Finding("config", ok=True, text=str(places.config))


def _folders(settings: Settings) -> Iterator[Finding]:
    for folder in settings.folders:
        if not os.path.isdir(folder.input):  # noqa: PTH112 - never raises
            yield Finding(
                "input", ok=False, text=f"{folder.input} is not a folder: make it, or change the config"
            )
        elif not os.access(folder.input, os.R_OK | os.X_OK):
            yield Finding("input", ok=False, text=f"{folder.input} cannot be read: change its permissions")
        else:
            yield Finding("input", ok=True, text=str(folder.input))
        yield _writable("output", folder.output)


def _writable(what: str, folder: Path) -> Finding:
    there = nearest_existing(folder)
    if not os.path.isdir(there):  # noqa: PTH112 - never raises
        return Finding(what, ok=False, text=f"{there} is a file, not a folder: choose another place")
    if not os.access(there, os.W_OK | os.X_OK):
        return Finding(what, ok=False, text=f"{there} cannot be written to: change its permissions")
    free = shutil.disk_usage(there).free
    if free < LOW_SPACE_BYTES:
        return Finding(what, ok=False, text=f"{folder}: only {free / 1e6:.0f} MB are free: make some space")
    return Finding(what, ok=True, text=f"{folder} ({free / 1e9:.0f} GB free)")


def _ledger(places: Places) -> Finding:
    try:
        counts = LedgerView(places.ledger).counts()
    except FacewatchError as error:
        return Finding("ledger", ok=False, text=str(error))
    return Finding("ledger", ok=True, text=f"{sum(counts.values())} photos known")


def _engine(places: Places, settings: Settings) -> Iterator[Finding]:
    try:
        device = probe(settings.engine.device)
    except FacewatchError as error:
        yield Finding("device", ok=False, text=str(error))
        return
    yield Finding("device", ok=True, text=device)
    files = checkpoints_of(places, settings)
    plans = [settings.plan(folder) for folder in settings.folders] or [settings.plan(None)]
    known: Callable[[str], str] = lambda _: device  # noqa: E731 - asked once, above
    for name in sorted({name for plan in plans for name in resolve(plan, settings.engine, known).models}):
        yield _model(files, name)


def _model(files: Checkpoints, name: str) -> Finding:
    state = files.state(name)
    if state == "present":
        return Finding(f"model {name}", ok=True, text="present")
    return Finding(f"model {name}", ok=False, text=f"{state}: `facewatch models pull {name}` fetches it")
