"""Who may use the gallery: the user who started it, through one browser, and no other user of the machine."""

from __future__ import annotations

import hmac
import os
import secrets
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path

TICKET_SECONDS = 120.0  # a browser may start slowly
TICKETS_REMEMBERED = 256
SOCKETS = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))


def make_ticket(secret: str, now: float) -> str:
    """Return what opens the gallery once; it is part of an address, which other users may see.

    secret  of the running gallery, from a file that only its user can read
    now     wall clock seconds
    """
    text = f"{now:.0f}.{secrets.token_hex(8)}"
    return f"{text}.{_sign(secret, text)}"


def _sign(secret: str, text: str) -> str:
    return hmac.new(secret.encode(), text.encode(), "sha256").hexdigest()


class Access:
    """The secrets of one running gallery."""

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self.secret = secrets.token_urlsafe(32)
        self.cookie = secrets.token_urlsafe(32)
        # Browsers send a cookie to every port of a host, but only below its path: another user's server on
        # this machine, which does not know the path, never gets it.
        self.prefix = f"/{secrets.token_urlsafe(12)}"
        self._now = now
        self._lock = threading.Lock()
        self._used: dict[str, None] = {}

    def redeem(self, ticket: str) -> bool:
        """Return True for a valid ticket, the first time."""
        text, _, signature = ticket.rpartition(".")
        if not hmac.compare_digest(signature.encode(), _sign(self.secret, text).encode()):
            return False
        made = float(text.partition(".")[0])  # our own text: the signature is right
        with self._lock:
            if ticket in self._used or not -TICKET_SECONDS <= self._now() - made <= TICKET_SECONDS:
                return False
            self._used[ticket] = None
            for old in list(self._used)[:-TICKETS_REMEMBERED]:
                del self._used[old]
        return True

    def knows(self, cookie: str | None) -> bool:
        """Return True for the cookie that a redeemed ticket brought."""
        return cookie is not None and hmac.compare_digest(cookie.encode(), self.cookie.encode())


def is_foreign(local_port: int, peer_port: int, tables: Iterable[Path] = SOCKETS) -> bool:
    """Return True if another user of this machine holds the other end of a connection to `local_port`.

    The address with its ticket is on the command line of the browser, which every user of a Linux machine may
    read. Only Linux says who holds a socket; elsewhere, and where it does not tell, the ticket decides.
    """
    own = os.getuid() if hasattr(os, "getuid") else -1
    for table in tables:
        try:
            lines = table.read_text("ascii").splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            fields = line.split()
            ports = tuple(int(end.rpartition(":")[2], 16) for end in fields[1:3])
            if ports == (peer_port, local_port) and int(fields[7]) not in {own, 0}:
                return True
    return False
