"""The checks behind `facewatch doctor`, each a finding: ok, or what to do."""

from __future__ import annotations

import os
import sys
from importlib import metadata

from facewatch import __version__
from facewatch.cli.doctor.computing import engine, torch_and_driver
from facewatch.cli.doctor.desktop import login, tray
from facewatch.cli.doctor.findings import Finding, Level
from facewatch.cli.doctor.folders import folders, room, watches
from facewatch.cli.doctor.machine import Machine
from facewatch.cli.doctor.running import clock, daemon
from facewatch.errors import FacewatchError
from facewatch.settings.installation import open_store
from facewatch.settings.schema import Settings
from facewatch.state.ledger import LedgerView
from facewatch.system.paths import Places

__all__ = ["PACKAGES", "Finding", "Level", "Machine", "examine"]

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


def examine(places: Places, *, quick: bool = False, machine: Machine | None = None) -> list[Finding]:
    """Look at everything; `quick` leaves out what has to start the engine."""
    machine = machine or Machine()
    findings = [Finding("facewatch", "ok", f"{__version__}, Python {sys.version.split()[0]}")]
    findings += [_package(name) for name in PACKAGES]
    store = open_store(places)
    try:
        settings = store.load()
    except FacewatchError as error:
        findings.append(Finding("config", "mend", f"{error}; what follows holds for the defaults"))
        settings = Settings()
    else:
        findings.append(_config(places, settings))
    findings += folders(settings)
    findings += watches(settings, machine)
    findings += [room("state", places.state), room("log", places.logs), _ledger(places)]
    findings += clock(places, machine)
    found = [] if quick else list(engine(places, settings, machine))
    findings += found
    device = next((finding.text for finding in found if finding.what == "device" and finding.ok), None)
    if not any(finding.what == "cuda" for finding in found):
        findings += torch_and_driver(settings, device, machine)
    findings += [*tray(machine), login(machine), daemon(places)]
    return findings


def _package(name: str) -> Finding:
    try:
        return Finding(name, "ok", metadata.version(name))
    except metadata.PackageNotFoundError:
        return Finding(name, "mend", f"is not installed: pip install {name}")


def _config(places: Places, settings: Settings) -> Finding:
    if not os.path.lexists(places.config):
        text = f"{places.config} is not there: `facewatch config init` writes a first one"
        return Finding("config", "mend", text)
    if not settings.folders:
        text = f"{places.config} names no folder: `facewatch config init` adds the usual one"
        return Finding("config", "mend", text)
    return Finding("config", "ok", str(places.config))


def _ledger(places: Places) -> Finding:
    try:
        counts = LedgerView(places.ledger).counts()
    except FacewatchError as error:
        return Finding("ledger", "mend", str(error))
    return Finding("ledger", "ok", f"{sum(counts.values())} photos known")
