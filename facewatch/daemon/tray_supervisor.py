"""The daemon's side of the tray: starts its process, and starts it again when it falls over or hangs."""

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

FIRST_WAIT_SECONDS = 1.0  # doubled at each fall in a row
LONGEST_WAIT_SECONDS = 300.0
SHOWN_ALREADY_SECONDS = 30.0
STUCK_SECONDS = 60.0
STEADY_SECONDS = 60.0  # a tray that has stood this long fell for a new reason


class Process(Protocol):
    """What the keeper uses of subprocess.Popen."""

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
        pulse: HeartbeatMonitor | None = None,
        on_incident: Callable[[str], None] = log.warning,
        stuck_seconds: float = STUCK_SECONDS,
    ) -> None:
        """pulse        the tray's signs of life; without one, a tray that hangs is not noticed
        on_incident  hears what was healed
        """
        self._command = list(command or facewatch_command("tray"))
        self._begin = begin or _begin
        self._clock = clock
        self._pulse = pulse
        self._on_incident = on_incident
        self._stuck_seconds = stuck_seconds
        self._process: Process | None = None
        self._started_at = 0.0
        self._falls = 0
        self._again_at: float | None = None  # None: nothing is to be started

    @property
    def pid(self) -> int | None:
        """The tray's process id while it runs."""
        return self._process.pid if self._process else None

    def start(self) -> None:
        """Start the tray; a tray that cannot be started is a log line and another try."""
        self._again_at = self._clock()
        self.tick()

    def tick(self) -> None:
        """Look after the tray: call this about once a second."""
        if self._process is not None:
            code = self._process.poll()
            if code is None:
                self._end_if_stuck(self._process)
                return
            self._process = None
            self._ended(code)
        if self._again_at is not None and self._clock() >= self._again_at:
            self._start()

    def stop(self, grace_seconds: float = 1.5) -> None:
        """End the tray, by force after the grace: within two seconds in all."""
        self._again_at = None
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
        if self._pulse is None or self._pulse.silent_seconds() < self._stuck_seconds:
            return
        self._pulse.begin()
        process.kill()  # the next tick sees its end and starts another
        self._on_incident(
            f"the tray gave no sign of life for {self._stuck_seconds:g} s: it was ended and is started again"
        )

    def _start(self) -> None:
        self._again_at = None
        self._started_at = self._clock()
        if self._pulse is not None:
            self._pulse.begin()
        try:
            self._process = self._begin(self._command)
        except OSError as error:
            self._fell(f"cannot be started: {error.strerror or error}")

    def _ended(self, code: int) -> None:
        if code == LEFT:
            log.info("the tray was closed")
        elif code == NO_TRAY:
            log.info("no tray on this desktop, facewatch runs on without: `facewatch tray` says why")
        elif code == SHOWN_ALREADY:
            self._again_at = self._clock() + SHOWN_ALREADY_SECONDS
        else:
            self._fell(f"ended unexpectedly (exit code {code})")

    def _fell(self, how: str) -> None:
        if self._clock() - self._started_at >= STEADY_SECONDS:
            self._falls = 0
        wait = min(FIRST_WAIT_SECONDS * 2.0 ** min(self._falls, 20), LONGEST_WAIT_SECONDS)
        self._falls += 1
        self._again_at = self._clock() + wait
        log.warning("the tray %s; it is started again in %.0f s", how, wait)


def _begin(command: Sequence[str]) -> Process:
    return subprocess.Popen(
        list(command),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        env=child_environment(),
        start_new_session=os.name == "posix",  # Ctrl-C is for the daemon, which then ends the tray
    )
