"""Checks of the folders: reading photos, writing copies, free space, watch limits."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from facewatch.cli.doctor.types import Finding, Machine
from facewatch.errors import FacewatchError
from facewatch.settings.schema import Folder, Settings
from facewatch.system.atomic import write_temporary
from facewatch.system.paths import nearest_existing
from facewatch.system.write_access import write_problem

LOW_SPACE_BYTES = 1 << 30
WATCHES_SHARE = 0.8  # of the limit: editors and file managers watch folders too
WATCH_LIMITS = ("fs.inotify.max_user_watches", "user.max_inotify_watches")


def folders(settings: Settings) -> Iterator[Finding]:
    """Check each watched folder and the folder of its copies."""
    for folder in settings.folders:
        yield _input(folder.input)
        yield room("output", folder.output)
        yield from _nested(folder, settings)


def room(what: str, folder: Path) -> Finding:
    """Check that a folder can be written to, trying it if it exists, and has space left."""
    existing = nearest_existing(folder)
    problem = write_problem(folder)
    if problem:
        return Finding(what, "fix", problem)
    usage = shutil.disk_usage(existing)
    free = usage.free
    if usage.total and free < LOW_SPACE_BYTES:  # some network file systems report no sizes
        return Finding(what, "fix", f"{folder}: only {free / 1e6:.0f} MB are free: make some space")
    if existing == folder:
        try:
            write_temporary(folder, b"can this be written?").unlink()
        except (FacewatchError, OSError) as error:
            return Finding(what, "fix", str(error))
    return Finding(what, "ok", f"{folder} ({free / 1e9:.0f} GB free)" if usage.total else str(folder))


def watches(settings: Settings, machine: Machine) -> Iterator[Finding]:
    """Check that the system can watch all folders (Linux; other systems watch whole trees)."""
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
        "fix",
        f"{count} folders need watching, and the system allows {most} watches for all your programs: "
        f"new photos in the others are found late. Raise it: `sudo sysctl {key}={max(524_288, 2 * count)}`, "
        "and the same in a file under /etc/sysctl.d to keep it",
    )


def long_paths(machine: Machine) -> Iterator[Finding]:
    """Report that Windows hides files behind paths of more than 259 characters, as it does until asked."""
    if not machine.long_paths():
        yield Finding(
            "long paths",
            "note",
            "Windows hides files with paths of more than 259 characters from most programs, and facewatch "
            "does not see them: as administrator run `reg add "
            r"HKLM\SYSTEM\CurrentControlSet\Control\FileSystem /v LongPathsEnabled /t REG_DWORD /d 1 /f`, "
            "then start facewatch again",
        )


def _input(folder: Path) -> Finding:
    if not os.path.isdir(folder):  # noqa: PTH112 - never raises
        return Finding("input", "fix", f"{folder} is not a folder: make it, or change the config")
    if not os.access(folder, os.R_OK | os.X_OK):
        return Finding("input", "fix", f"{folder} cannot be read: change its permissions")
    return Finding("input", "ok", str(folder))


def _nested(folder: Folder, settings: Settings) -> Iterator[Finding]:
    for other in settings.folders:
        if other.input in folder.output.parents:
            yield Finding(
                "output in input",
                "note",
                f"{folder.output} lies in the watched {other.input}: photos put into it by hand are "
                "not restored, and if it is no longer the output, its copies are taken for photos. "
                "To avoid both, choose an output beside the input",
            )


def _watch_limit(machine: Machine) -> tuple[str, int] | None:
    """Return the name and value of the lower of the two limits; None if there is none."""
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
