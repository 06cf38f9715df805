"""Life of the current engine: started for a setup, replaced for another, ended when idle."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from facewatch.engine.messages import Progress, RestoreFailure, RestoreRequest, RestoreResult
from facewatch.engine.process import EngineProcess
from facewatch.errors import EngineFailed, EngineUnavailable, FacewatchError
from facewatch.restoration.options import Setup
from facewatch.state.alerts import FactStore
from facewatch.system.processes import identity

log = logging.getLogger(__name__)

PROCESS = "engine process"  # ledger fact: the process that may be writing; a killed daemon leaves it behind
MakeEngine = Callable[[Setup, float], EngineProcess]
"""Makes an engine for a setup, not yet started; the float is its timeout in seconds."""


class EngineLifecycle:
    """Owns at most one engine process, for the worker's thread; only `kill` may be called from another."""

    def __init__(
        self,
        make: MakeEngine,
        notes: FactStore,
        on_loaded: Callable[[Setup], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._make = make
        self._notes = notes
        self._on_loaded = on_loaded
        self._clock = clock
        self._engine: EngineProcess | None = None
        self._last_used = clock()

    @property
    def alive(self) -> bool:
        """True while an engine process runs."""
        return self._engine is not None and self._engine.alive

    @property
    def pid(self) -> int | None:
        """Id of the engine's process; None without one."""
        return self._engine.pid if self._engine is not None else None

    @property
    def device(self) -> str:
        """Device of the engine, as text for people."""
        return self._engine.device if self._engine is not None else ""

    @property
    def window(self) -> int:
        """Number of photos that the engine accepts at once."""
        return self._engine.window if self._engine is not None else 1

    def takes(self, count: int) -> bool:
        """Return True if the engine takes another photo beside `count` others."""
        return count == 0 or (count < self.window and self.alive)

    def load(self, setup: Setup, timeout_seconds: float) -> None:
        """Start an engine for `setup` unless it runs already; photos in another engine are lost.

        Raises EngineUnavailable when it cannot be started.
        """
        self._last_used = self._clock()
        if self._engine is not None and (self._engine.setup != setup or not self._engine.alive):
            self.close()
        if self._engine is None:
            self._notes.note("engine", {"state": "loading", "model": setup.model})
            self._engine = self._make(setup, timeout_seconds)
            try:
                self._engine.start()
            except FacewatchError as error:
                raise EngineUnavailable(str(error)) from error
            self._record(self._engine)
            self._on_loaded(setup)
            about = {"model": setup.model, "detector": setup.detector, "device": self._engine.device}
            self._notes.note("engine", {"state": "loaded", **about, "pid": self._engine.pid})

    def _record(self, engine: EngineProcess) -> None:
        """Record the engine process, so that the next daemon can end it if this one is killed."""
        assert engine.pid is not None
        try:
            self._notes.note(PROCESS, identity(engine.pid))
        except FacewatchError:
            engine.close()  # no process may write that the next daemon cannot find
            self._engine = None
            raise

    def submit(self, job: RestoreRequest) -> None:
        """Give the engine a photo.

        Raises EngineFailed when it has died.
        """
        if self._engine is None:
            raise EngineFailed("the engine was ended")
        self._engine.submit(job)

    def receive(self, wait_seconds: float) -> Progress | RestoreResult | RestoreFailure | None:
        """Return the next message, as `EngineProcess.receive` does.

        Raises EngineFailed.
        """
        if self._engine is None:
            raise EngineFailed("the engine was ended")
        message = self._engine.receive(wait_seconds)
        self._last_used = self._clock()
        return message

    def close_when_idle(self, after_seconds: float) -> None:
        """End the engine if it has been idle longer than `after_seconds`."""
        idle = self._clock() - self._last_used
        if self._engine is not None and idle > after_seconds:
            log.info("idle for %.0f minutes: ending the engine, its memory is free", idle / 60)
            self.close()

    def close(self) -> None:
        """End the engine, if it runs."""
        engine, self._engine = self._engine, None
        if engine is not None:
            engine.close()
            self._notes.forget("engine", PROCESS)

    def kill(self) -> None:
        """End the engine at once, from any thread; a waiting `receive` raises EngineFailed."""
        engine = self._engine
        if engine is not None:
            engine.kill()
