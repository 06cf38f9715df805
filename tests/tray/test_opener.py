"""Programs that the tray and the gallery start."""

from __future__ import annotations

import os
import sys
import time

import psutil

from facewatch.tray.opener import Opener


def test_a_program_that_was_started_and_has_ended_leaves_nothing():
    before = {child.pid for child in psutil.Process().children()}
    Opener().start([sys.executable, "-c", "import sys; sys.exit(3)"], dict(os.environ))
    deadline = time.monotonic() + 60
    while {child.pid for child in psutil.Process().children()} - before:
        assert time.monotonic() < deadline, "it is still there, ended and not taken note of"
        time.sleep(0.02)
