"""What stands in the way right now, for status and the tray: each trouble once, gone when it is solved."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Any, Protocol

from facewatch.errors import FacewatchError

log = logging.getLogger(__name__)


class Notes(Protocol):
    """Where live facts are kept: the ledger."""

    def note(self, key: str, value: Any) -> None: ...

    def forget(self, *keys: str) -> None: ...


class Board:
    """Troubles by their place ("folder /a", "model gfpgan-1.4"); safe from any thread."""

    def __init__(self, notes: Notes, now: Callable[[], float] = time.time) -> None:
        self._notes = notes
        self._now = now
        self._lock = threading.Lock()
        self._troubles: dict[str, dict[str, Any]] = {}

    def trouble(self, place: str, text: str) -> None:
        """Show a trouble; the same again is no news."""
        with self._lock:
            known = self._troubles.get(place)
            if known is not None and known["text"] == text:
                return
            self._troubles[place] = {"text": text, "since": self._now()}
            self._show()
        log.warning("%s: %s", place, text)

    def solved(self, place: str) -> None:
        """Take a trouble down, if it was there."""
        with self._lock:
            if self._troubles.pop(place, None) is None:
                return
            self._show()
        log.info("%s: solved", place)

    def _show(self) -> None:
        try:
            self._notes.note("troubles", self._troubles)
        except FacewatchError as error:  # the trouble may be that nothing can be noted
            log.warning("the troubles cannot be noted: %s", error)
