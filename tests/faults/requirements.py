"""What a row needs of the machine; where it is missing the row is skipped, and says so."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest


def require(*programs: str) -> None:
    """Skip unless every program is here."""
    missing = [program for program in programs if shutil.which(program) is None]
    if missing:
        pytest.skip(f"needs {', '.join(missing)}, which this machine does not have")


def require_root() -> None:
    """Skip unless the system lets this process mount."""
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        pytest.skip("needs root, to mount and unmount")
    trial = subprocess.run(["unshare", "-m", "true"], capture_output=True, check=False)
    if trial.returncode != 0:
        pytest.skip(f"needs to mount, which is not allowed here: {trial.stderr.decode().strip()}")
