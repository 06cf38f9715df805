"""The program around the engine: its help, and the daemon while nothing is to be done."""

from __future__ import annotations

import subprocess
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psutil

from facewatch.cli.bench.case import Case
from facewatch.cli.bench.stopwatch import Stopwatch
from facewatch.cli.bench.worker import Repetition
from facewatch.errors import FlowFailed
from facewatch.system.processes import child_environment, facewatch_command

Made = tuple[Repetition, Mapping[str, Any]]
_READY = "watched folders:"  # what the daemon logs when it takes photos
_PATIENCE_SECONDS = 60
_STOP_SECONDS = 30


def help_text(case: Case, watch: Stopwatch) -> Made:
    """`facewatch --help`, as a process of its own."""
    del case, watch

    def repetition() -> None:
        subprocess.run(
            facewatch_command("--help"), stdout=subprocess.DEVNULL, env=child_environment(), check=True
        )

    return repetition, {}


def daemon(case: Case, watch: Stopwatch) -> Made:
    """The daemon on an empty folder: how soon it takes photos, and what it costs while there are none."""
    del watch
    idle_seconds = float(case.args["idle_seconds"])

    def repetition() -> Mapping[str, Any]:
        with tempfile.TemporaryDirectory(prefix="daemon-", dir=case.folder) as home:
            return _one_life(Path(home), idle_seconds)

    return repetition, {}


def _one_life(home: Path, idle_seconds: float) -> Mapping[str, Any]:
    inbox = home / "Inbox"
    inbox.mkdir()
    folders = f"input = '{inbox}'\noutput = '{home / 'Restored'}'\n"
    (home / "config.toml").write_text(f'model = "builtin"\n\n[[folders]]\n{folders}', "utf-8")
    started = time.perf_counter()
    daemon = psutil.Popen(
        facewatch_command("run", "--no-tray"),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**child_environment(), "FACEWATCH_HOME": str(home)},
    )
    try:
        ready = _wait_until_ready(daemon, home / "logs" / "facewatch.log", started)
        before = sum(daemon.cpu_times()[:2])
        time.sleep(idle_seconds)
        spent = sum(daemon.cpu_times()[:2]) - before
        memory = daemon.memory_info().rss
    finally:
        daemon.terminate()
        try:
            daemon.wait(_STOP_SECONDS)
        except psutil.TimeoutExpired:
            daemon.kill()
            daemon.wait()
    idle = {"idle_core_percent": round(100 * spent / idle_seconds, 2), "idle_bytes": memory}
    return {"total": ready, **(idle if idle_seconds else {})}


def _wait_until_ready(daemon: psutil.Popen, log: Path, started: float) -> float:
    while True:
        seconds = time.perf_counter() - started
        if log.exists() and _READY in log.read_text("utf-8", "replace"):
            return seconds
        if daemon.poll() is not None or seconds > _PATIENCE_SECONDS:
            raise FlowFailed("the daemon did not become ready to take photos")
        time.sleep(0.01)
