"""The tray process: one per installation, with the backend that works on this desktop."""

from __future__ import annotations

import logging
import time

from facewatch.errors import AlreadyRunning
from facewatch.settings.store import Store
from facewatch.state.heartbeat import Heartbeat, tray_heartbeat_file
from facewatch.system.atomic import make_private_folder
from facewatch.system.autostart import Login
from facewatch.system.locks import LockHeld, acquire_lock
from facewatch.system.paths import Places
from facewatch.tray.app import App, LoadModelFiles
from facewatch.tray.detect import look, wait_for_tray
from facewatch.tray.opener import Opener

log = logging.getLogger(__name__)


def run(places: Places, store: Store, model_files: LoadModelFiles, login: Login) -> None:
    """Show the icon until it is closed; the main thread only.

    Raises AlreadyRunning when another process shows it, NoTray when the desktop has no tray.
    """
    make_private_folder(places.state)
    try:
        held = acquire_lock(places.state / "tray.lock")
    except LockHeld as error:
        raise AlreadyRunning("another process already shows the tray icon") from error
    with held:
        beat = tray_heartbeat_file(places)
        waiting = Heartbeat(beat, lambda touch: touch())

        def sleep(seconds: float) -> None:
            waiting.beat()
            time.sleep(seconds)

        backend = wait_for_tray(look, time.monotonic, sleep)
        from facewatch.tray.backends.tray_icon import create

        app = App(places=places, store=store, model_files=model_files, login=login, opener=Opener())
        icon = create(backend, app.click, app.stop)
        log.info("the tray icon is shown with the backend %s", backend)
        heartbeat = Heartbeat(beat, icon.call_soon)
        icon.run(lambda: app.run(icon, heartbeat.beat))
