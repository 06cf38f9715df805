"""The daemon under test: a real process with its own home folder."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import tomlkit

from facewatch.state.instance import running_pid
from facewatch.state.ledger import LedgerView
from facewatch.state.requests import Request, put
from facewatch.system.paths import Places

KILL = getattr(signal, "SIGKILL", signal.SIGABRT)  # ends a process at once; Windows has no SIGKILL


class DaemonProcess:
    """Starts, observes and stops `facewatch run`.

    desktop   the environment of a desktop; without it the daemon runs with `--no-tray`
    settings  values for config.toml
    """

    def __init__(self, home: Path, desktop: dict[str, str] | None = None, **settings: object) -> None:
        self.desktop = desktop
        self.places = Places.under(home)
        self.inbox, self.output = home / "in", home / "out"
        self.inbox.mkdir(parents=True)
        self.settings = {
            "model": "builtin",
            "folders": [{"input": str(self.inbox), "output": str(self.output)}],
            "watching": {"settle_seconds": 0.5},
        }
        # A background engine would wait for whatever else keeps the machine busy, such as other tests.
        self.write_settings(**{"engine": {}, **settings})
        self.process: subprocess.Popen[bytes] | None = None

    def write_settings(self, **changes: object) -> None:
        if isinstance(engine := changes.get("engine"), dict):
            changes["engine"] = {"priority": "normal", **engine}
        self.settings |= changes
        self.places.config.write_text(tomlkit.dumps(self.settings), "utf-8")
        os.utime(self.places.config, (0, 0))  # whole: a start waits for an edit of just now

    @property
    def environment(self) -> dict[str, str]:
        return {
            **(self.desktop or os.environ),
            "FACEWATCH_HOME": str(self.places.config.parent),
            "OMP_NUM_THREADS": "2",
        }

    def command(self, *arguments: str, timeout: float = 120) -> subprocess.CompletedProcess[str]:
        """Run another facewatch command with the same home."""
        return subprocess.run(
            [sys.executable, "-m", "facewatch", *arguments],
            capture_output=True,
            encoding="utf-8",
            errors="replace",  # a pipe has the system's encoding on Windows
            env=self.environment,
            timeout=timeout,
            check=False,
        )

    def start(self) -> None:
        with self._console_file.open("ab") as console:
            self.process = subprocess.Popen(
                self.start_command(), stdout=console, stderr=console, env=self.environment
            )
        self.wait_for(self.places.pid.exists, "the daemon to start")

    def stop(self, signal_number: int = signal.SIGTERM) -> int:
        """Send the signal if the daemon still runs, and return its exit code."""
        if self.process is None:
            return 0
        if self.process.poll() is None:
            if signal_number == KILL:
                self.process.kill()
            elif os.name == "nt":  # any signal kills there
                put(self.places, Request("quit", pid=running_pid(self.places)))
            else:
                self.process.send_signal(signal_number)
        code = self.process.wait(30)
        self.process = None
        return code

    def counts(self) -> dict[str, int]:
        return dict(LedgerView(self.places.ledger).counts())

    def state(self, name: str) -> str | None:
        job = LedgerView(self.places.ledger).photo(self.inbox / name)
        return job.state if job else None

    def outputs(self) -> list[str]:
        files = [path for path in self.output.rglob("*") if path.is_file()]
        return sorted(path.relative_to(self.output).as_posix() for path in files)

    def wait_for(self, condition: Callable[[], bool], description: str, seconds: float = 90) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                raise AssertionError(
                    f"waited {seconds} s for {description}; {self.counts()}; {self.console()[-2000:]}"
                )
            time.sleep(0.05)

    def console(self) -> str:
        """Return all that the daemon has printed so far, over all of its starts."""
        return self._console_file.read_text("utf-8", "replace")

    @property
    def _console_file(self) -> Path:
        return self.places.config.parent / "console.txt"

    def start_command(self) -> list[str]:
        """Return the command that starts the daemon."""
        return [sys.executable, "-m", "facewatch", "run", *([] if self.desktop else ["--no-tray"])]
