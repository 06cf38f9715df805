"""The command line and environment of facewatch's own child processes."""

from __future__ import annotations

import os
import sys


def facewatch_command(*arguments: str) -> list[str]:
    """Return the command line that runs facewatch with `arguments`, frozen into an app or not."""
    if getattr(sys, "frozen", False):
        return [sys.executable, *arguments]
    return [sys.executable, "-m", "facewatch", *arguments]


def child_environment() -> dict[str, str]:
    """Return the environment for a child process, which must not import from the working directory."""
    return {**os.environ, "PYTHONSAFEPATH": "1", "PYTHONUNBUFFERED": "1"}
