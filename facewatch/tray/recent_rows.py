"""The order of the recent photos in the menu: no row moves under the mouse while photos are restored."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

ROWS = 10


class RecentRows:
    """Keeps each photo in its row while photos are in work: a new one takes the row of the oldest.

    Once nothing is in work, the photos are in order again, the latest first.
    """

    def __init__(self) -> None:
        self._rows: list[dict[str, Any]] = []

    def arrange(self, recent: Sequence[dict[str, Any]], *, working: bool) -> list[dict[str, Any]]:
        """Return the photos of `Status.recent`, which has the latest first, in the order of their rows."""
        latest = list(recent[:ROWS])
        if not working or not self._rows:
            self._rows = latest
            return latest
        new = {_key(photo): photo for photo in latest}
        kept = [new.pop(_key(photo), None) for photo in self._rows]
        coming = iter(reversed(new.values()))  # the oldest of the new ones first
        rows = [photo if photo is not None else next(coming, None) for photo in kept]
        self._rows = [photo for photo in (*rows, *coming) if photo is not None][:ROWS]
        return self._rows


def _key(photo: dict[str, Any]) -> tuple[Any, ...]:
    return photo["path"], photo["changed"]
