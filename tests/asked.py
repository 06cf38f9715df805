"""What a daemon would be asked to do."""

from __future__ import annotations

from facewatch.state.requests import Request, heed
from facewatch.system.paths import Places


def take(places: Places, pid: int) -> list[Request]:
    """The requests that wait, the oldest first; each is given out once."""
    taken: list[Request] = []
    heed(places, pid, taken.append, set())
    return taken
