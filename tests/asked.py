"""What a daemon would be asked to do."""

from __future__ import annotations

from facewatch.state.requests import Request, take_requests
from facewatch.system.paths import Places


def take(places: Places, pid: int) -> list[Request]:
    """The requests that wait, the oldest first; each is given out once."""
    taken: list[Request] = []
    take_requests(places, pid, taken.append, set())
    return taken
