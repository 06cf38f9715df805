"""Starting facewatch: the engine, the help, and the daemon while it is idle."""

from __future__ import annotations

import subprocess
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psutil

from facewatch.cli.bench.case import Case
from facewatch.cli.bench.memory import peak_bytes, reset_peak, resident_bytes
from facewatch.cli.bench.rows import detector_for
from facewatch.cli.bench.stopwatch import Stopwatch
from facewatch.cli.bench.worker import Prepared
from facewatch.errors import FlowFailed
from facewatch.restoration.options import Setup
from facewatch.system.processes import child_environment, facewatch_command

_READY = "watched folders:"  # in the log once the daemon accepts photos
_READY_SECONDS = 60
_STOP_SECONDS = 30


def engine(case: Case, watch: Stopwatch) -> Prepared:
    """Import and load the engine with a network and the detector for this device.

    Each repetition is a new process, whose preparation is measured.
    """
    model, detector = "gfpgan-1.4", detector_for(case.device)
    with watch.stage("import"):
        from facewatch.engine.restorer import Restorer
        from facewatch.restoration.networks.torch_imports import import_torchvision

        import_torchvision()
        from facewatch.restoration.detection import retinaface as _detector  # noqa: F401
    before, reset = resident_bytes(), reset_peak()
    setup = Setup(
        model=model,
        detector=detector,
        detector_network=detector.removeprefix("retinaface-"),
        parser=None,
        upscaler=None,
        device=case.device,
        detect_size=None,
        detect_threshold=0.9,
        files={name: case.models[name] for name in (model, detector)},
    )
    with watch.stage("load"):
        restorer = Restorer.load(setup, case.device)
    grown = (peak_bytes() - before) / case.model(model).stat().st_size
    loaded = {"loaded": type(restorer).__name__}
    return lambda: loaded, {"times_the_file": round(grown, 2)} if reset and case.device == "cpu" else {}


def help_text(case: Case, watch: Stopwatch) -> Prepared:
    """Run `facewatch --help` as a process of its own."""
    del case, watch

    def repetition() -> None:
        subprocess.run(
            facewatch_command("--help"), stdout=subprocess.DEVNULL, env=child_environment(), check=True
        )

    return repetition, {}


def daemon(case: Case, watch: Stopwatch) -> Prepared:
    """Run the daemon on an empty folder: seconds until it is ready, then its idle load and memory."""
    del watch
    idle_seconds = float(case.args["idle_seconds"])

    def repetition() -> Mapping[str, Any]:
        with tempfile.TemporaryDirectory(prefix="daemon-", dir=case.folder) as home:
            return _start_and_idle(Path(home), idle_seconds)

    return repetition, {}


def _start_and_idle(home: Path, idle_seconds: float) -> Mapping[str, Any]:
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
        if daemon.poll() is not None or seconds > _READY_SECONDS:
            raise FlowFailed("the daemon did not become ready")
        time.sleep(0.01)
