"""The requests that wait for a daemon."""

from __future__ import annotations

from facewatch.state.requests import Request, take_requests
from facewatch.system.paths import Places


def take(places: Places, pid: int) -> list[Request]:
    """Take the waiting requests, oldest first; each is returned once."""
    taken: list[Request] = []
    take_requests(places, pid, taken.append, set())
    return taken
