"""The desktop: the tray and the entry for the login."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from facewatch.cli.doctor.findings import Finding
from facewatch.cli.doctor.machine import Machine
from facewatch.errors import FacewatchError, NoTray
from facewatch.system.autostart import Autostart

MEND = "`facewatch autostart on` writes it anew, `facewatch autostart off` removes it"


def tray(machine: Machine) -> Iterator[Finding]:
    """Whether an icon can be shown here; a machine without a desktop needs none."""
    if sys.platform in {"win32", "darwin"}:
        return
    from facewatch.tray.detect import choose

    desktop = machine.desktop()
    try:
        backend = choose(desktop)
    except NoTray as error:
        yield Finding("tray", "mend" if desktop.named else "note", str(error))
        return
    if backend is None:
        yield Finding(
            "tray",
            "mend",
            "no panel of this desktop shows icons of programs: on GNOME install its AppIndicator extension, "
            "elsewhere add a system tray to the panel",
        )
        return
    yield Finding("tray", "ok", f"shown by {backend}")


def login(machine: Machine) -> Finding:
    """Whether an entry for the login is there, and starts what is there."""
    try:
        ways = machine.login().ways
        return next((finding for way in ways if (finding := _entry(way))), _no_entry())
    except FacewatchError as error:
        return Finding("autostart", "mend", str(error))


def _no_entry() -> Finding:
    return Finding("autostart", "ok", "off: `facewatch autostart on` starts facewatch at login")


def _entry(way: Autostart) -> Finding | None:
    state, program = way.state(), way.program()
    if state == "broken":
        text = f"{way.place} starts {program}, which is not there: {MEND}"
        return Finding("autostart", "mend", text)
    if state == "on":
        return Finding("autostart", "ok", f"on: {program} ({way.place})")
    if program is not None:
        return Finding("autostart", "note", f"{way.place} is there, but switched off: {MEND}")
    if Path(way.place).exists():
        return Finding("autostart", "mend", f"{way.place} is damaged and starts nothing: {MEND}")
    return None
