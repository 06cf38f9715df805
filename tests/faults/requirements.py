"""Requirements of a test on the machine; the test is skipped where one is missing."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest


def require(*programs: str) -> None:
    """Skip the test unless all programs are installed."""
    missing = [program for program in programs if shutil.which(program) is None]
    if missing:
        pytest.skip(f"needs {', '.join(missing)}, which this machine does not have")


def require_root() -> None:
    """Skip the test unless this process may mount file systems."""
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        pytest.skip("needs root, to mount and unmount")
    trial = subprocess.run(["unshare", "-m", "true"], capture_output=True, check=False)
    if trial.returncode != 0:
        pytest.skip(f"needs to mount, which is not allowed here: {trial.stderr.decode().strip()}")
