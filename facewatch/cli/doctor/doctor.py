"""`facewatch doctor`: check the installation; each finding is ok, or says what to do."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from importlib import metadata
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from facewatch import __version__
from facewatch.cli.doctor.computing import engine, torch_and_driver
from facewatch.cli.doctor.desktop import login, tray
from facewatch.cli.doctor.folders import folders, long_paths, room, watches
from facewatch.cli.doctor.running import clock, daemon, times
from facewatch.cli.doctor.types import Finding, Level, Machine
from facewatch.cli.markup import escape
from facewatch.cli.options import ConfigOption, JsonOption, places
from facewatch.errors import FacewatchError
from facewatch.settings.installation import open_store
from facewatch.settings.schema import Settings
from facewatch.state.ledger import LedgerView
from facewatch.system.paths import Places

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
SIGNS = {"ok": "[green]ok[/]", "note": "[yellow]note[/]", "fix": "[red]fix[/]"}
ORDER: tuple[Level, ...] = ("fix", "note", "ok")
PIPE_WIDTH = 1000  # a pipe has no width; wrap nothing


def doctor(
    as_json: JsonOption = False,
    quick: Annotated[bool, typer.Option("--quick", help="Do not start the engine.")] = False,
    everything: Annotated[bool, typer.Option("--all", help="List the versions of the packages too.")] = False,
    config: ConfigOption = None,
) -> None:
    """Check the installation and say what to fix."""
    findings = examine(places(config), quick=quick)
    if as_json:
        print(json.dumps([{**vars(finding), "ok": finding.ok} for finding in findings], indent=2))
    else:
        print_findings(findings, everything=everything)
    raise typer.Exit(0 if all(finding.ok for finding in findings) else 1)


def print_findings(findings: Sequence[Finding], *, everything: bool) -> None:
    """Print what has to be fixed first, then notes, then the rest.

    everything  with the versions of the packages, which are left out while they are right
    """
    shown = [it for it in findings if everything or not (it.ok and it.what in PACKAGES)]
    table = Table.grid(padding=(0, 1))
    for overflow in ("ellipsis", "fold", "fold"):
        table.add_column(overflow=overflow)
    for finding in sorted(shown, key=lambda it: ORDER.index(it.level)):
        table.add_row(SIGNS[finding.level], escape(f"{finding.what}:"), escape(finding.text))
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = PIPE_WIDTH
    console.print(table)
    if not everything:
        console.print("`facewatch doctor --all` lists the versions of the packages too")


def examine(where: Places, *, quick: bool = False, machine: Machine | None = None) -> list[Finding]:
    """Check everything; `quick` leaves out what has to start the engine."""
    machine = machine or Machine()
    findings = [Finding("facewatch", "ok", f"{__version__}, Python {sys.version.split()[0]}")]
    findings += [_package(name) for name in PACKAGES]
    store = open_store(where)
    try:
        settings = store.load()
    except FacewatchError as error:
        findings.append(
            Finding("config", "fix", f"{error}; the findings below hold for the default settings")
        )
        settings = Settings()
    else:
        findings.append(_config(where, settings))
    findings += folders(settings)
    findings += [*watches(settings, machine), *long_paths(machine)]
    findings += [room("state", where.state), room("log", where.logs), _ledger(where)]
    findings += [*clock(where, machine), *times(settings, machine)]
    found = [] if quick else list(engine(where, settings, machine))
    findings += found
    device = next((finding.text for finding in found if finding.what == "device" and finding.ok), None)
    if not any(finding.what == "cuda" for finding in found):
        findings += torch_and_driver(settings, device, machine)
    findings += [*tray(machine), login(machine), daemon(where)]
    return findings


def _package(name: str) -> Finding:
    try:
        return Finding(name, "ok", metadata.version(name))
    except metadata.PackageNotFoundError:
        return Finding(name, "fix", f"is not installed: pip install {name}")


def _config(where: Places, settings: Settings) -> Finding:
    if not os.path.lexists(where.config):
        text = f"{where.config} is not there: `facewatch config init` writes a first one"
        return Finding("config", "fix", text)
    if not settings.folders:
        text = f"{where.config} names no folder: `facewatch config init` adds the usual one"
        return Finding("config", "fix", text)
    return Finding("config", "ok", str(where.config))


def _ledger(where: Places) -> Finding:
    try:
        counts = LedgerView(where.ledger).counts()
    except FacewatchError as error:
        return Finding("ledger", "fix", str(error))
    return Finding("ledger", "ok", f"{sum(counts.values())} photos known")
