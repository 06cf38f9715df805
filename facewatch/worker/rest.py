"""The times at which no photo is started, and a GPU that other programs need is given back."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable
from contextlib import suppress

from facewatch.engine.lifecycle import EngineLifecycle
from facewatch.errors import DiskFull
from facewatch.settings.schedule import rest_reason, working_now
from facewatch.settings.schema import Settings
from facewatch.state.alerts import FactStore
from facewatch.state.status import GIVING_WAY_KEY
from facewatch.system.full_screen import a_program_runs_full_screen
from facewatch.system.graphics_memory import share_of_others

log = logging.getLogger(__name__)

ASK_SECONDS = 5.0  # between two questions to the system
AGAIN_SECONDS = 30.0  # without such a program, before the GPU is used again
FILLED = 0.75  # of a card's memory
FULL_SCREEN = "waiting while a program runs full screen"
FILLS_CARD = "waiting while other programs fill the graphics card"
_GPUS = frozenset({"cuda", "xpu", "mps"})


class Rest:
    """Knows why no photo may start now; for the worker's thread."""

    def __init__(
        self,
        facts: FactStore,
        engine: EngineLifecycle,
        device: Callable[[str], str],
        *,
        clock: Callable[[], float] = time.monotonic,
        full_screen: Callable[[], bool] = a_program_runs_full_screen,
        others: Callable[[int | None], float | None] = share_of_others,
    ) -> None:
        """Store the arguments.

        device       returns the device that a setting means, such as `cpu`; the setting where it is not known
        full_screen  as `a_program_runs_full_screen`
        others       as `share_of_others`
        """
        self._facts = facts
        self._engine = engine
        self._device = device
        self._clock = clock
        self._full_screen = full_screen
        self._others = others
        self._asked_at = self._seen_at = -math.inf
        self._seen = ""
        self._noted = ""

    def reason(self, settings: Settings, *, photo_waits: bool = False) -> str:
        """Return why no photo is started now, for people; empty if photos are.

        photo_waits  one is ready for the engine; a card that sleeps is not woken without need
        """
        return rest_reason(settings) or self._giving_way(settings, photo_waits=photo_waits)

    def engine_seconds(self, settings: Settings) -> float:
        """Return for how long an idle engine is kept."""
        return 0.0 if self._noted else settings.engine.unload_after_minutes * 60

    def _giving_way(self, settings: Settings, *, photo_waits: bool) -> str:
        needed = photo_waits or self._noted or self._engine.alive
        kind = self._device(settings.engine.device).partition(":")[0]
        allowed = settings.engine.give_way and not working_now(settings)
        found = self._look() if needed and allowed and kind in _GPUS else ""
        if found != self._noted:
            log.info("%s", found or "the GPU is used again")
            self._noted = found
            with suppress(DiskFull):  # a failure to show it must not stop the photos
                self._facts.note(GIVING_WAY_KEY, found)
        return found

    def _look(self) -> str:
        now = self._clock()
        if now - self._asked_at >= ASK_SECONDS:
            self._asked_at = now
            if found := self._ask():
                self._seen, self._seen_at = found, now
        return self._seen if now - self._seen_at < AGAIN_SECONDS else ""

    def _ask(self) -> str:
        if self._full_screen():
            return FULL_SCREEN
        share = self._others(self._engine.pid)
        return FILLS_CARD if share is not None and share > FILLED else ""
