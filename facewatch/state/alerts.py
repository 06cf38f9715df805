"""What stands in the way right now, and what was healed, for status and the tray."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any, Protocol

from facewatch.errors import FacewatchError

log = logging.getLogger(__name__)


INCIDENTS_KEY = "incidents"
INCIDENTS_KEPT = 50


class FactStore(Protocol):
    """Where live facts are kept: the ledger."""

    def note(self, key: str, value: Any) -> None: ...

    def forget(self, *keys: str) -> None: ...

    def fact(self, key: str) -> Any: ...


class Alerts:
    """Troubles by their place ("folder /a", "model gfpgan-1.4"), each once and gone when it is solved, and
    the incidents of this run and of those before it; safe from any thread.
    """

    def __init__(self, notes: FactStore, now: Callable[[], float] = time.time) -> None:
        self._notes = notes
        self._now = now
        self._lock = threading.Lock()
        self._troubles: dict[str, dict[str, Any]] = {}
        self._unshown = False  # the ledger has other troubles than these
        self._unnoted: list[dict[str, Any]] = []  # incidents the ledger could not take yet

    def raise_alert(self, place: str, text: str) -> None:
        """Show a trouble; the same again is no news."""
        with self._lock:
            known = self._troubles.get(place)
            if known is not None and known["text"] == text:
                return
            self._troubles[place] = {"text": text, "since": self._now()}
            self._show()
        log.warning("%s: %s", place, text)

    def clear_alert(self, place: str) -> None:
        """Take a trouble down, if it was there."""
        with self._lock:
            known = self._troubles.pop(place, None)
            if known is not None or self._unshown:
                self._show()
        if known is not None:
            log.info("%s: solved", place)

    def record_incident(self, what: str) -> None:
        """Keep what was healed, with the time, among the last incidents; a restart keeps them too."""
        with self._lock:
            self._unnoted = [*self._unnoted, {"when": self._now(), "what": what}][-INCIDENTS_KEPT:]
            try:
                earlier = parse_incidents(self._notes.fact(INCIDENTS_KEY))
                self._notes.note(INCIDENTS_KEY, [*earlier, *self._unnoted][-INCIDENTS_KEPT:])
                self._unnoted = []
            except FacewatchError as error:  # it is in the log, and goes into the ledger with the next one
                log.warning("the incident cannot be noted: %s", error)
        log.warning("%s", what)

    def _show(self) -> None:
        try:
            self._notes.note("troubles", self._troubles)
        except FacewatchError as error:  # the trouble may be that nothing can be noted
            if not self._unshown:
                log.warning("the troubles cannot be noted: %s", error)
            self._unshown = True
        else:
            self._unshown = False


def parse_incidents(fact: Any) -> list[dict[str, Any]]:
    """Return the valid incidents of the fact `INCIDENTS_KEY`, oldest first.

    Each is {"when": wall clock seconds, "what": a sentence}.
    """
    entries = fact if isinstance(fact, list) else []
    return [entry for entry in entries if isinstance(entry, dict) and _whole(entry)]


def format_incident(incident: dict[str, Any]) -> str:
    """One incident for a person, at local time."""
    when = datetime.fromtimestamp(incident["when"]).astimezone()
    return f"{when:%Y-%m-%d %H:%M:%S} {incident['what']}"


def _whole(entry: dict[Any, Any]) -> bool:
    when = entry.get("when")
    in_range = isinstance(when, int | float) and not isinstance(when, bool) and 0 <= when < 1 << 34
    return in_range and isinstance(entry.get("what"), str)
