"""Current problems and past incidents, for status and the tray."""

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
    """A store for live facts: the ledger."""

    def note(self, key: str, value: Any) -> None: ...

    def forget(self, *keys: str) -> None: ...

    def fact(self, key: str) -> Any: ...


class Alerts:
    """The problems of the moment, one for each place ("folder /a", "model gfpgan-1.4"), and the incidents of
    this run and earlier ones; safe from any thread.
    """

    def __init__(self, facts: FactStore, now: Callable[[], float] = time.time) -> None:
        self._facts = facts
        self._now = now
        self._lock = threading.Lock()
        self._problems: dict[str, dict[str, Any]] = {}
        self._ledger_outdated = False  # the ledger holds other problems than these
        self._unsaved: list[dict[str, Any]] = []  # incidents that the ledger could not take yet

    def raise_alert(self, place: str, text: str) -> None:
        """Show a problem; an identical one is ignored."""
        with self._lock:
            known = self._problems.get(place)
            if known is not None and known["text"] == text:
                return
            self._problems[place] = {"text": text, "since": self._now()}
            self._save_problems()
        log.warning("%s: %s", place, text)

    def clear_alert(self, place: str) -> None:
        """Remove the problem of a place, if there is one."""
        with self._lock:
            known = self._problems.pop(place, None)
            if known is not None or self._ledger_outdated:
                self._save_problems()
        if known is not None:
            log.info("%s: resolved", place)

    def record_incident(self, what: str) -> None:
        """Add a resolved fault, with the time, to the last incidents; they survive a restart."""
        with self._lock:
            self._unsaved = [*self._unsaved, {"when": self._now(), "what": what}][-INCIDENTS_KEPT:]
            try:
                earlier = parse_incidents(self._facts.fact(INCIDENTS_KEY))
                self._facts.note(INCIDENTS_KEY, [*earlier, *self._unsaved][-INCIDENTS_KEPT:])
                self._unsaved = []
            except FacewatchError as error:  # it is in the log, and goes into the ledger with the next one
                log.warning("cannot record the incident: %s", error)
        log.warning("%s", what)

    def _save_problems(self) -> None:
        try:
            self._facts.note("troubles", self._problems)
        except FacewatchError as error:  # the problem may be that nothing can be written
            if not self._ledger_outdated:
                log.warning("cannot record the problems: %s", error)
            self._ledger_outdated = True
        else:
            self._ledger_outdated = False


def parse_incidents(fact: Any) -> list[dict[str, Any]]:
    """Return the valid incidents of the fact `INCIDENTS_KEY`, oldest first.

    Each is {"when": wall clock seconds, "what": a sentence}.
    """
    entries = fact if isinstance(fact, list) else []
    return [entry for entry in entries if isinstance(entry, dict) and _is_valid(entry)]


def format_incident(incident: dict[str, Any]) -> str:
    """Return one incident as a line of text, in local time."""
    when = datetime.fromtimestamp(incident["when"]).astimezone()
    return f"{when:%Y-%m-%d %H:%M:%S} {incident['what']}"


def _is_valid(entry: dict[Any, Any]) -> bool:
    when = entry.get("when")
    in_range = isinstance(when, int | float) and not isinstance(when, bool) and 0 <= when < 1 << 34
    return in_range and isinstance(entry.get("what"), str)
