"""What a daemon would be asked to do."""

from __future__ import annotations

from facewatch.files import Places
from facewatch.requests import Request, heed


def take(places: Places, pid: int) -> list[Request]:
    """The requests that wait, the oldest first; each is given out once."""
    taken: list[Request] = []
    heed(places, pid, taken.append, set())
    return taken
