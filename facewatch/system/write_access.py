"""Whether copies can be written to a folder that may not exist yet."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from facewatch.system.paths import nearest_existing


def write_problem(output: Path) -> str:
    """Return why copies cannot be written to a folder, and what to do; empty if they can."""
    # A folder that is missing before a `..` hides where the path leads.
    places = (output, Path(os.path.realpath(output)))
    return next(filter(None, (_problem(output, nearest_existing(place)) for place in places)), "")


def _problem(output: Path, folder: Path) -> str:
    """Return why `output` cannot be made in `folder`, the nearest one that is there; empty if it can."""
    if not os.path.isdir(folder):  # noqa: PTH112 - never raises
        return f"{folder} is a file, not a folder: choose another place"
    if not os.access(folder, os.W_OK | os.X_OK):
        return f"{folder} cannot be written to: change its permissions"
    if shutil.disk_usage(folder).total == 0 and (reason := _refusal(folder)):
        return f"{output} cannot be made: {folder} takes no files ({reason}); choose another place"
    return ""


def _refusal(folder: Path) -> str:
    """Return why a folder whose disk has no size takes no folder: /proc and /sys refuse even root."""
    try:
        os.rmdir(tempfile.mkdtemp(prefix=".facewatch-", dir=folder))  # noqa: PTH106 - a name, not a path
    except OSError as error:
        return error.strerror or str(error)
    return ""
