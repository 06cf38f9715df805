"""Engine process as the daemon sees it: start, submit, receive, end."""

from __future__ import annotations

import collections
import contextlib
import logging
import os
import queue
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from typing import IO, Any, cast

from facewatch import errors
from facewatch.engine.messages import (
    Progress,
    Ready,
    RestoreFailure,
    RestoreRequest,
    RestoreResult,
    from_line,
    to_line,
)
from facewatch.errors import EngineFailed, FacewatchError
from facewatch.restoration.options import Setup
from facewatch.system.processes import child_environment, facewatch_command

log = logging.getLogger(__name__)

STANDSTILL_SECONDS = 5.0  # a call this late means that the machine slept, or this process was stopped
KILLED_SECONDS = 30.0  # a killed process must end within this time
READ_SECONDS = 2.0  # for the last words of an ended process; another program may hold its pipes open
UNREADABLE = "backslashreplace"  # our messages are ASCII; output of libraries has the system's encoding
_ENDED = object()


class EngineProcess:
    """One engine process with one setup; it accepts up to `window` photos before it answers."""

    def __init__(
        self,
        setup: Setup,
        *,
        timeout_seconds: float,
        command: Sequence[str] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.setup = setup
        self.device = ""  # text for people, once it is ready
        self.window = 1
        self._clock = clock
        self._heard_at = 0.0  # time of the last message while photos were submitted
        self._listened_at = 0.0  # when `receive` was last called
        self._wait_seconds = 0.0
        self._timeout_seconds = timeout_seconds
        self._command = list(command or facewatch_command("engine"))
        self._process: subprocess.Popen[str] | None = None
        self._messages: queue.SimpleQueue[object] = queue.SimpleQueue()
        self._stderr_lines: collections.deque[str] = collections.deque(maxlen=40)
        self._readers: list[threading.Thread] = []

    @property
    def alive(self) -> bool:
        """True while the process runs."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    def start(self) -> None:
        """Start the process and wait until its networks are loaded.

        Raises EngineFailed, or what kept it from loading: NoSuchDevice, BadCheckpoint, OutOfMemory.
        """
        self._messages = queue.SimpleQueue()  # no messages of an earlier process
        try:
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                encoding="utf-8",
                errors=UNREADABLE,
                env=child_environment(),
                start_new_session=os.name == "posix",  # Ctrl-C is for the daemon, which then ends the engine
            )
        except OSError as error:  # no memory for one more process, or Python is being upgraded
            raise EngineFailed(f"the engine cannot start: {error}; run `facewatch doctor`") from error
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        self._read_with(self._read_messages, self._process.stdout)
        self._read_with(self._read_stderr, self._process.stderr)
        self._send(self.setup)
        ready = self._wait_for(Ready)
        self.device, self.window = ready.device, ready.window
        log.info("engine %s ready: %s on %s", self.pid, self.setup.model, self.device)

    def restore(self, job: RestoreRequest) -> RestoreResult:
        """Restore one photo into a temporary and wait for it; no other photo may be in work.

        Raises the error of the photo or the network by its own class, or EngineFailed as `receive` does.
        """
        self.submit(job)
        answer: RestoreResult = self._wait_for(RestoreResult)
        return answer

    def submit(self, job: RestoreRequest) -> None:
        """Send a photo to the engine; `receive` returns its outcome.

        Raises EngineFailed when the process has died.
        """
        self._send(job)

    def receive(self, wait_seconds: float) -> Progress | RestoreResult | RestoreFailure | None:
        """Return the next message, or None if there is none within `wait_seconds`.

        Raises EngineFailed when the process has died, or was silent for `timeout_seconds`.
        """
        now = self._clock()
        if now - self._listened_at > self._wait_seconds + STANDSTILL_SECONDS:
            self._heard_at = now  # whatever stopped this process may have stopped the engine too
        self._listened_at, self._wait_seconds = now, wait_seconds
        left = self._heard_at + self._timeout_seconds - now
        try:
            message: Any = self._messages.get(timeout=max(0.0, min(wait_seconds, left)))
        except queue.Empty:
            if left > wait_seconds or self._clock() - now > wait_seconds + STANDSTILL_SECONDS:
                return None
            self.close(grace_seconds=0)
            raise EngineFailed(
                f"the engine did not answer for {self._timeout_seconds:g} s and was ended; "
                "if the photo is very large, raise engine.timeout_seconds"
            ) from None
        self._heard_at = self._clock()
        if message is _ENDED:
            code = self._process.wait() if self._process else None
            self.close(grace_seconds=1)
            raise EngineFailed(self._last_words(f"the engine ended unexpectedly (exit code {code})"))
        return cast("Progress | RestoreResult | RestoreFailure", message)

    def kill(self) -> None:
        """End the process at once, from any thread; a waiting `receive` raises EngineFailed."""
        process = self._process
        if process is not None:
            process.kill()

    def close(self, grace_seconds: float = 5.0) -> None:
        """End the process, by force after `grace_seconds`; afterwards its memory is free."""
        process = self._process
        if process is None:
            return
        with contextlib.suppress(OSError):
            if process.stdin:
                process.stdin.close()  # the engine ends when its input ends
        if not _ends(process, grace_seconds):
            process.kill()
            if not _ends(process, KILLED_SECONDS):
                log.error(
                    "engine %d was killed but does not end: the device's driver holds it and its memory; "
                    "if this persists, restart the computer",
                    process.pid,
                )
                self._process, self._readers = None, []  # they end with it
                return
        for reader in self._readers:
            reader.join(READ_SECONDS)
        self._process, self._readers = None, []

    def _read_with(self, take: Callable[[IO[str]], None], stream: IO[str]) -> None:
        def read() -> None:
            with stream:
                take(stream)

        reader = threading.Thread(target=read, name="engine-reader", daemon=True)
        reader.start()
        self._readers.append(reader)

    def _read_messages(self, stream: IO[str]) -> None:
        messages = self._messages  # of this process; the next one has its own queue
        for line in stream:
            try:
                messages.put(from_line(line))
            except ValueError as error:
                self._stderr_lines.append(str(error))
        messages.put(_ENDED)

    def _read_stderr(self, stream: IO[str]) -> None:
        for line in stream:
            self._stderr_lines.append(line.rstrip())
            log.debug("engine: %s", line.rstrip())

    def _send(self, message: object) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        self._heard_at = self._clock()  # it may have been silent because it had no work
        try:
            self._process.stdin.write(to_line(message))
            self._process.stdin.flush()
        except OSError as error:
            self.close(grace_seconds=1)
            raise EngineFailed(self._last_words("the engine has ended")) from error

    def _wait_for(self, kind: type[Any]) -> Any:
        while True:
            message = self.receive(self._timeout_seconds)
            if isinstance(message, RestoreFailure):
                raise to_error(message)
            if isinstance(message, kind):
                return message

    def _last_words(self, what: str) -> str:
        words = [line for line in self._stderr_lines if line.strip()]
        return f"{what}; its last output: {words[-1]}" if words else what


def _ends(process: subprocess.Popen[str], seconds: float) -> bool:
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        return False
    return True


def to_error(failure: RestoreFailure) -> FacewatchError:
    """Return the error that a failure message carries."""
    return errors.BY_NAME[failure.error](failure.message)


def probe(device: str, *, command: Sequence[str] | None = None, timeout_seconds: float = 120) -> str:
    """Return the device that `device` ("auto", "cuda", ...) means on this machine: "cuda:0", "mps", "cpu".

    Raises NoSuchDevice or EngineFailed.
    """
    return examine(device, command=command, timeout_seconds=timeout_seconds).device


def examine(device: str, *, command: Sequence[str] | None = None, timeout_seconds: float = 120) -> Ready:
    """Return the device and precision that the engine would use.

    Asks a separate process, since the daemon never imports torch.
    Raises NoSuchDevice or EngineFailed.
    """
    try:
        run = subprocess.run(
            list(command or facewatch_command("engine", "--probe", device)),
            capture_output=True,
            encoding="utf-8",
            errors=UNREADABLE,
            env=child_environment(),
            timeout=timeout_seconds,
            check=False,
        )
    except (subprocess.TimeoutExpired, OSError) as error:
        raise EngineFailed(f"the engine cannot start: {error}; run `facewatch doctor`") from error
    for line in run.stdout.splitlines():
        with contextlib.suppress(ValueError):
            message = from_line(line)
            if isinstance(message, RestoreFailure):
                raise to_error(message)
            if isinstance(message, Ready):
                return message
    words = run.stderr.strip().splitlines()
    raise EngineFailed(
        f"the engine cannot start: {words[-1] if words else 'it said nothing'}; run `facewatch doctor`"
    )
