"""What goes wrong while a file is fetched; the last of them becomes the user's DownloadFailed."""

from __future__ import annotations


class Fault(Exception):
    """One attempt at one address has failed."""

    def __init__(self, reason: str, *, again: bool) -> None:
        """Keep the reason, a clause such as "the connection was cut off".

        again  whether the same address may well give the file at the next try
        """
        super().__init__(reason)
        self.reason = reason
        self.again = again


class Unreachable(Fault):
    """No connection came about."""


class Stopped(Exception):
    """The caller has asked for the fetch to end."""
