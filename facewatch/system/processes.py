"""Child processes of facewatch's own: command line and environment."""

from __future__ import annotations

import os
import sys


def facewatch_command(*arguments: str) -> list[str]:
    """The command line that runs facewatch itself with `arguments`, frozen into an app or not."""
    if getattr(sys, "frozen", False):
        return [sys.executable, *arguments]
    return [sys.executable, "-m", "facewatch", *arguments]


def child_environment() -> dict[str, str]:
    """The environment for our own child processes: no import from the working directory."""
    return {**os.environ, "PYTHONSAFEPATH": "1", "PYTHONUNBUFFERED": "1"}
