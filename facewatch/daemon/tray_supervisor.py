"""The supervision of the tray process: started, and restarted when it crashes or hangs."""

from __future__ import annotations

import logging
import os
import subprocess
import time
from collections.abc import Callable, Sequence
from typing import Protocol

from facewatch.state.heartbeat import HeartbeatMonitor
from facewatch.system.processes import child_environment, facewatch_command

log = logging.getLogger(__name__)

LEFT = 0  # the user has closed it
NO_TRAY = 3  # this desktop shows no tray
SHOWN_ALREADY = 4  # another tray process shows this installation

FIRST_WAIT_SECONDS = 1.0  # doubled at each crash in a row
LONGEST_WAIT_SECONDS = 300.0
SHOWN_ALREADY_SECONDS = 30.0
STUCK_SECONDS = 60.0
STEADY_SECONDS = 60.0  # a tray that ran this long crashed for a new reason


class Process(Protocol):
    """The part of subprocess.Popen that the supervisor uses."""

    @property
    def pid(self) -> int: ...

    def poll(self) -> int | None: ...

    def wait(self, timeout: float | None = None) -> int: ...

    def terminate(self) -> None: ...

    def kill(self) -> None: ...


class TraySupervisor:
    """Keeps one tray process; `start`, `tick` and `stop` belong to the daemon's main thread."""

    def __init__(
        self,
        command: Sequence[str] | None = None,
        *,
        begin: Callable[[Sequence[str]], Process] | None = None,
        clock: Callable[[], float] = time.monotonic,
        heartbeat: HeartbeatMonitor | None = None,
        on_incident: Callable[[str], None] = log.warning,
        stuck_seconds: float = STUCK_SECONDS,
    ) -> None:
        """begin        starts the process
        heartbeat    the tray's signs of life; without them, a hang is not noticed
        on_incident  takes a sentence about a fault that was resolved
        """
        self._command = list(command or facewatch_command("tray"))
        self._start_process = begin or _start_process
        self._clock = clock
        self._heartbeat = heartbeat
        self._on_incident = on_incident
        self._stuck_seconds = stuck_seconds
        self._process: Process | None = None
        self._started_at = 0.0
        self._crashes = 0
        self._start_at: float | None = None  # None: no start is due

    @property
    def pid(self) -> int | None:
        """The tray's process id while it runs."""
        return self._process.pid if self._process else None

    def start(self) -> None:
        """Start the tray; a failure is logged and tried again."""
        self._start_at = self._clock()
        self.tick()

    def tick(self) -> None:
        """Check the tray, and restart it if due; call this about once a second."""
        if self._process is not None:
            code = self._process.poll()
            if code is None:
                self._end_if_stuck(self._process)
                return
            self._process = None
            self._ended(code)
        if self._start_at is not None and self._clock() >= self._start_at:
            self._start()

    def stop(self, grace_seconds: float = 1.5) -> None:
        """End the tray, by force after `grace_seconds`: within two seconds in all."""
        self._start_at = None
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            process.wait(grace_seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _end_if_stuck(self, process: Process) -> None:
        if self._heartbeat is None or self._heartbeat.silent_seconds() < self._stuck_seconds:
            return
        self._heartbeat.begin()
        process.kill()  # the next tick sees its end and starts another
        self._on_incident(
            f"the tray gave no sign of life for {self._stuck_seconds:g} s: it was ended and is started again"
        )

    def _start(self) -> None:
        self._start_at = None
        self._started_at = self._clock()
        if self._heartbeat is not None:
            self._heartbeat.begin()
        try:
            self._process = self._start_process(self._command)
        except OSError as error:
            self._crashed(f"cannot be started: {error.strerror or error}")

    def _ended(self, code: int) -> None:
        if code == LEFT:
            log.info("the tray was closed")
        elif code == NO_TRAY:
            log.info("no tray on this desktop; facewatch runs without one. `facewatch tray` says why")
        elif code == SHOWN_ALREADY:
            self._start_at = self._clock() + SHOWN_ALREADY_SECONDS
        else:
            self._crashed(f"ended unexpectedly (exit code {code})")

    def _crashed(self, what: str) -> None:
        if self._clock() - self._started_at >= STEADY_SECONDS:
            self._crashes = 0
        wait = min(FIRST_WAIT_SECONDS * 2.0 ** min(self._crashes, 20), LONGEST_WAIT_SECONDS)
        self._crashes += 1
        self._start_at = self._clock() + wait
        log.warning("the tray %s; it is started again in %.0f s", what, wait)


def _start_process(command: Sequence[str]) -> Process:
    return subprocess.Popen(
        list(command),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        env=child_environment(),
        start_new_session=os.name == "posix",  # Ctrl-C is for the daemon, which then ends the tray
    )
