"""The folders of the config: whether photos can be read, copies written and news heard."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from facewatch.cli.doctor.findings import Finding
from facewatch.cli.doctor.machine import Machine
from facewatch.errors import FacewatchError
from facewatch.settings.schema import Folder, Settings
from facewatch.system.atomic import write_temporary
from facewatch.system.paths import nearest_existing

LOW_SPACE_BYTES = 1 << 30
WATCHES_SHARE = 0.8  # of the limit: editors and file managers watch folders too
WATCH_LIMITS = ("fs.inotify.max_user_watches", "user.max_inotify_watches")


def folders(settings: Settings) -> Iterator[Finding]:
    """Each watched folder, and where its copies go."""
    for folder in settings.folders:
        yield _input(folder.input)
        yield room("output", folder.output)
        yield from _nested(folder, settings)


def room(what: str, folder: Path) -> Finding:
    """Whether files can be written into a folder, tried where it is there already, and its space left."""
    there = nearest_existing(folder)
    if not os.path.isdir(there):  # noqa: PTH112 - never raises
        return Finding(what, "mend", f"{there} is a file, not a folder: choose another place")
    if not os.access(there, os.W_OK | os.X_OK):
        return Finding(what, "mend", f"{there} cannot be written to: change its permissions")
    free = shutil.disk_usage(there).free
    if free < LOW_SPACE_BYTES:
        return Finding(what, "mend", f"{folder}: only {free / 1e6:.0f} MB are free: make some space")
    if there == folder:
        try:
            write_temporary(folder, b"can this be written?").unlink()
        except (FacewatchError, OSError) as error:
            return Finding(what, "mend", str(error))
    return Finding(what, "ok", f"{folder} ({free / 1e9:.0f} GB free)")


def watches(settings: Settings, machine: Machine) -> Iterator[Finding]:
    """Whether the system will watch as many folders as there are (Linux; others watch whole trees)."""
    limit = _watch_limit(machine)
    if limit is None:
        return
    key, most = limit
    count = sum(_count_folders(folder) for folder in settings.folders)
    if count <= most * WATCHES_SHARE:
        yield Finding("watches", "ok", f"{count} folders to watch, {most} watches allowed")
        return
    yield Finding(
        "watches",
        "mend",
        f"{count} folders are to be watched, and the system allows {most} watches for all your programs: "
        f"photos in the others are found late. Raise it: `sudo sysctl {key}={max(524_288, 2 * count)}`, and "
        "the same in a file under /etc/sysctl.d to keep it",
    )


def _input(folder: Path) -> Finding:
    if not os.path.isdir(folder):  # noqa: PTH112 - never raises
        return Finding("input", "mend", f"{folder} is not a folder: make it, or change the config")
    if not os.access(folder, os.R_OK | os.X_OK):
        return Finding("input", "mend", f"{folder} cannot be read: change its permissions")
    return Finding("input", "ok", str(folder))


def _nested(folder: Folder, settings: Settings) -> Iterator[Finding]:
    for other in settings.folders:
        if other.input in folder.output.parents:
            yield Finding(
                "output in input",
                "note",
                f"{folder.output} lies in the watched {other.input}: photos that are put into it by hand are "
                "not restored, and should it stop being the output, the copies in it are taken for photos. "
                "To avoid both, choose an output beside the input",
            )


def _watch_limit(machine: Machine) -> tuple[str, int] | None:
    """The lower of the two limits, by its name; None where there is none."""
    if not sys.platform.startswith("linux"):
        return None
    found = []
    for key in WATCH_LIMITS:
        try:
            found.append((int((machine.proc / "sys" / key.replace(".", "/")).read_text("ascii")), key))
        except (OSError, ValueError):
            continue
    return (min(found)[1], min(found)[0]) if found else None


def _count_folders(folder: Folder) -> int:
    if not folder.recursive:
        return 1
    return sum(1 for _ in os.walk(folder.input))
