"""What went wrong and was healed, and when: a short list among the ledger's facts."""

from __future__ import annotations

from datetime import datetime
from typing import Any

KEY = "incidents"
KEPT = 50


def listed(fact: Any) -> list[dict[str, Any]]:
    """The incidents in what is noted under `KEY`, the oldest first; what has another form is left out.

    Each is {"when": wall clock seconds, "what": a sentence}.
    """
    entries = fact if isinstance(fact, list) else []
    return [entry for entry in entries if isinstance(entry, dict) and _whole(entry)]


def told(incident: dict[str, Any]) -> str:
    """One incident for a person, at local time."""
    when = datetime.fromtimestamp(incident["when"]).astimezone()
    return f"{when:%Y-%m-%d %H:%M:%S} {incident['what']}"


def _whole(entry: dict[Any, Any]) -> bool:
    when = entry.get("when")
    in_range = isinstance(when, int | float) and not isinstance(when, bool) and 0 <= when < 1 << 34
    return in_range and isinstance(entry.get("what"), str)
