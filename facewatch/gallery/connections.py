"""Connections to the gallery: only this user's, and none that asks for nothing."""

from __future__ import annotations

import asyncio
import logging

from uvicorn.protocols.http.h11_impl import H11Protocol

from facewatch.gallery.access import is_foreign

log = logging.getLogger(__name__)

HEAD_SECONDS = 20.0  # until the first request has come; a browser sends it at once


class OwnConnection(H11Protocol):
    """Closes connections of other users, where the system tells, and those that stay silent.

    Other users could not get anything, but hold all connections that the server takes.
    """

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take a connection, or end it."""
        super().connection_made(transport)
        if self.server is not None and self.client is not None:
            local, peer = self.server[1], self.client[1]
            if local is not None and is_foreign(local, peer):
                log.warning("a connection of another user of this computer was refused")
                transport.abort()
                return
        self.loop.call_later(HEAD_SECONDS, self._close_if_silent)

    def _close_if_silent(self) -> None:
        if self.cycle is None and not self.transport.is_closing():
            self.transport.close()
