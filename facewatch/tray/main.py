"""The tray's process: one an installation, with the backend that works here."""

from __future__ import annotations

import logging
import time

import filelock

from facewatch.errors import AlreadyRunning
from facewatch.settings.store import Store
from facewatch.state.heartbeat import Heart, tray_file
from facewatch.system.atomic import private_folder
from facewatch.system.autostart import Login
from facewatch.system.paths import Places
from facewatch.tray.app import App, LoadCheckpoints
from facewatch.tray.detect import look, wait_for_tray
from facewatch.tray.opener import Hands

log = logging.getLogger(__name__)


def run(places: Places, store: Store, checkpoints: LoadCheckpoints, login: Login) -> None:
    """Show the icon until it is closed; the main thread only.

    Raises AlreadyRunning when another process shows it, NoTray where the desktop cannot.
    """
    private_folder(places.state)
    lock = filelock.FileLock(places.state / "tray.lock", timeout=0)
    try:
        lock.acquire()
    except filelock.Timeout as error:
        raise AlreadyRunning("the tray icon is shown already, by another process") from error
    with lock:
        beat = tray_file(places)
        waiting = Heart(beat, lambda touch: touch())

        def sleep(seconds: float) -> None:
            waiting.beat()
            time.sleep(seconds)

        backend = wait_for_tray(look, time.monotonic, sleep)
        from facewatch.tray.backends.screen import make

        app = App(places=places, store=store, checkpoints=checkpoints, login=login, hands=Hands(places.state))
        screen = make(backend, app.click, app.leave)
        log.info("the tray icon is shown by the backend %s", backend)
        heart = Heart(beat, screen.soon)
        screen.run(lambda: app.run(screen, heart.beat))
