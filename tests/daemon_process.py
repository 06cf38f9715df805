"""The daemon under test: a real process with a home of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import tomlkit

from facewatch.state.ledger import LedgerView
from facewatch.system.paths import Places


class DaemonProcess:
    """Starts, watches and ends `facewatch run`, without a tray unless `desktop` names one's environment."""

    def __init__(self, home: Path, desktop: dict[str, str] | None = None, **settings: object) -> None:
        self.desktop = desktop
        self.places = Places.under(home)
        self.inbox, self.output = home / "in", home / "out"
        self.inbox.mkdir(parents=True)
        self.settings = {
            "model": "builtin",
            "folders": [{"input": str(self.inbox), "output": str(self.output)}],
            "watching": {"settle_seconds": 0.5},
            **settings,
        }
        self.write_settings()
        self.process: subprocess.Popen[bytes] | None = None

    def write_settings(self, **changes: object) -> None:
        self.settings |= changes
        self.places.config.write_text(tomlkit.dumps(self.settings), "utf-8")

    @property
    def environment(self) -> dict[str, str]:
        return {
            **(self.desktop or os.environ),
            "FACEWATCH_HOME": str(self.places.config.parent),
            "OMP_NUM_THREADS": "2",
        }

    def command(self, *arguments: str, timeout: float = 120) -> subprocess.CompletedProcess[str]:
        """Run another facewatch command in the same home."""
        return subprocess.run(
            [sys.executable, "-m", "facewatch", *arguments],
            capture_output=True,
            encoding="utf-8",
            env=self.environment,
            timeout=timeout,
            check=False,
        )

    def start(self) -> None:
        output = (self.places.config.parent / "said.txt").open("ab")
        with output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "facewatch", "run", *([] if self.desktop else ["--no-tray"])],
                stdout=output,
                stderr=output,
                env=self.environment,
            )
        self.wait_for(self.places.pid.exists, "the daemon to start")

    def stop(self, number: int = signal.SIGTERM) -> int:
        if self.process is None:
            return 0
        if self.process.poll() is None:
            self.process.send_signal(number)
        code = self.process.wait(30)
        self.process = None
        return code

    def counts(self) -> dict[str, int]:
        return dict(LedgerView(self.places.ledger).counts())

    def state(self, name: str) -> str | None:
        job = LedgerView(self.places.ledger).photo(self.inbox / name)
        return job.state if job else None

    def outputs(self) -> list[str]:
        return sorted(str(path.relative_to(self.output)) for path in self.output.rglob("*") if path.is_file())

    def wait_for(self, claim: Callable[[], bool], what: str, seconds: float = 90) -> None:
        deadline = time.monotonic() + seconds
        while not claim():
            if time.monotonic() > deadline:
                raise AssertionError(f"waited {seconds} s for {what}; {self.counts()}; {self.said()[-2000:]}")
            time.sleep(0.05)

    def said(self) -> str:
        return (self.places.config.parent / "said.txt").read_text("utf-8", "replace")
