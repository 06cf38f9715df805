"""Checks of the desktop: the tray and the autostart entry."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from facewatch.cli.doctor.types import Finding, Machine
from facewatch.errors import FacewatchError, NoTray
from facewatch.system.autostart import Autostart

REMEDY = "`facewatch autostart on` rewrites it, `facewatch autostart off` removes it"


def tray(machine: Machine) -> Iterator[Finding]:
    """Report whether the desktop can show an icon; a machine without a desktop needs none."""
    if sys.platform in {"win32", "darwin"}:
        return
    from facewatch.tray.detect import choose

    desktop = machine.desktop()
    try:
        backend = choose(desktop)
    except NoTray as error:
        yield Finding("tray", "fix" if desktop.named else "note", str(error))
        return
    if backend is None:
        yield Finding(
            "tray",
            "fix",
            "no panel of this desktop shows tray icons: on GNOME install its AppIndicator extension, "
            "elsewhere add a system tray to the panel",
        )
        return
    yield Finding("tray", "ok", f"shown by {backend}")


def login(machine: Machine) -> Finding:
    """Report whether an autostart entry exists, and whether its program does."""
    try:
        ways = machine.login().ways
        return next((finding for way in ways if (finding := _entry(way))), _no_entry())
    except FacewatchError as error:
        return Finding("autostart", "fix", str(error))


def _no_entry() -> Finding:
    return Finding("autostart", "ok", "off: `facewatch autostart on` starts facewatch at login")


def _entry(way: Autostart) -> Finding | None:
    state, program = way.state(), way.program()
    if state == "broken":
        text = f"{way.place} starts {program}, which does not exist: {REMEDY}"
        return Finding("autostart", "fix", text)
    if state == "on":
        return Finding("autostart", "ok", f"on: {program} ({way.place})")
    if program is not None:
        return Finding("autostart", "note", f"{way.place} exists, but is switched off: {REMEDY}")
    if Path(way.place).exists():
        return Finding("autostart", "fix", f"{way.place} is damaged and starts nothing: {REMEDY}")
    return None
