"""The gallery's process: one for an installation, on 127.0.0.1 only, ended when no page is open for long."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import signal
import socket
import threading
import time
import urllib.parse
from collections.abc import Callable, Iterator

import uvicorn
from starlette.concurrency import run_in_threadpool
from starlette.types import ASGIApp, Receive, Scope, Send

from facewatch.gallery.access import Access, make_ticket
from facewatch.gallery.app import make_app
from facewatch.gallery.connections import OwnConnection
from facewatch.gallery.context import Gallery
from facewatch.gallery.guard import ENTER
from facewatch.system.atomic import make_private_folder, remove_file, write_atomically
from facewatch.system.locks import LockHeld, acquire_lock
from facewatch.system.paths import Places
from facewatch.system.processes import find_running, identity
from facewatch.system.strays import remove_stray_temporaries

log = logging.getLogger(__name__)

IDLE_SECONDS = 600.0
RECORD = "gallery.json"  # port and secret, for the same user's commands
LOOK_SECONDS = 5.0
MOST_CONNECTIONS = 512
TICK_SECONDS = 1.0
STARTING_SECONDS = 10.0
Opened = Callable[[str], None]
"""Receives the address to open in a browser."""


def open_page(places: Places, page: str, opened: Opened, make: Callable[[], Gallery]) -> None:
    """Open a page of the running gallery; without one, serve it until no page has been open for long.

    page   a name of `app.PAGES`; empty: the photos
    make   returns the gallery to serve
    """
    make_private_folder(places.state)
    lock = places.state / "gallery.lock"
    deadline = time.monotonic() + STARTING_SECONDS
    while True:
        address = running_address(places, page)
        if address is not None:
            opened(address)
            return
        try:
            held = acquire_lock(lock)
        except LockHeld:  # another one is starting, or ending
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
            continue
        with held:
            serve(places, page, opened, make())
        return


def running_address(places: Places, page: str) -> str | None:
    """Return an address of the running gallery that opens a page once; None if none runs."""
    try:
        known = json.loads((places.state / RECORD).read_text("utf-8"))
        if find_running(known["process"]) is None:
            return None
        return _address(int(known["port"]), str(known["secret"]), page)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _address(port: int, secret: str, page: str) -> str:
    query = urllib.parse.urlencode({"ticket": make_ticket(secret, time.time()), "page": page})
    return f"http://127.0.0.1:{port}{ENTER}?{query}"


def serve(places: Places, page: str, opened: Opened, gallery: Gallery) -> None:
    """Serve until no page has been open for IDLE_SECONDS, or until a signal."""
    access = Access()
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
        counted = LastUse(make_app(gallery, access, port))
        config = uvicorn.Config(
            counted,
            http=OwnConnection,
            log_config=None,
            access_log=False,
            server_header=False,
            lifespan="off",
            ws="none",
            limit_concurrency=MOST_CONNECTIONS,
            timeout_graceful_shutdown=2,
        )
        server = Server(config, lambda: opened(_address(port, access.secret, page)))
        ended_badly = (places.state / RECORD).exists()
        record = {"process": identity(os.getpid()), "port": port, "secret": access.secret}
        write_atomically(places.state / RECORD, json.dumps(record).encode())
        listener.listen(128)
        stop = threading.Event()
        threading.Thread(target=_watch, args=(server, counted, gallery, stop), daemon=True).start()
        gallery.index.begin()
        if ended_badly:
            threading.Thread(target=remove_uploads, args=(gallery,), name="strays", daemon=True).start()
        log.info("the gallery listens on port %d", port)
        try:
            server.run(sockets=[listener])
        finally:
            stop.set()
            gallery.pictures.close()
            remove_file(places.state / RECORD)


def remove_uploads(gallery: Gallery) -> None:
    """Remove what a killed gallery had received of uploads into the watched folders."""
    for folder in gallery.settings().folders:
        count = remove_stray_temporaries(folder.input, below=folder.recursive)
        if count:
            log.info("%d unfinished uploads were removed from %s", count, folder.input)


class Server(uvicorn.Server):
    """A server that returns after a signal, so that what it started can be ended."""

    def __init__(self, config: uvicorn.Config, started: Callable[[], None]) -> None:
        super().__init__(config)
        self._when_started = started

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start to answer, then call `started`."""
        await super().startup(sockets)
        await run_in_threadpool(self._when_started)

    async def main_loop(self) -> None:
        """Wait for the end; the default one looks for it ten times a second."""
        while not await self.on_tick(0):  # noqa: ASYNC110 - what ends it sets a flag
            await asyncio.sleep(TICK_SECONDS)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """End the server at SIGINT and SIGTERM."""
        earlier = {it: signal.signal(it, self.handle_exit) for it in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in earlier.items():
                signal.signal(number, handler)


class LastUse:
    """Passes requests on and remembers the time of the last: open pages ask for the state again and again."""

    def __init__(self, app: ASGIApp, clock: Callable[[], float] = time.monotonic) -> None:
        self._app = app
        self._clock = clock
        self._last = clock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        self._last = self._clock()
        await self._app(scope, receive, send)

    def idle_seconds(self) -> float:
        """Return the seconds since the last request."""
        return self._clock() - self._last


def _watch(server: uvicorn.Server, used: LastUse, gallery: Gallery, stop: threading.Event) -> None:
    while not stop.wait(LOOK_SECONDS):
        gallery.pictures.close_when_idle()
        if used.idle_seconds() > IDLE_SECONDS and not gallery.busy:
            log.info("no page has been open for %.0f minutes: the gallery ends", IDLE_SECONDS / 60)
            server.should_exit = True
            return
