"""The start of the daemon: single instance, disk space, and a ledger that can be read."""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from types import FrameType

from facewatch.daemon.daemon import Daemon
from facewatch.daemon.tray_supervisor import TraySupervisor
from facewatch.errors import DiskFull, FacewatchError
from facewatch.settings.installation import no_folder_error, open_store
from facewatch.settings.store import Store
from facewatch.state.alerts import Alerts
from facewatch.state.heartbeat import HeartbeatMonitor, tray_heartbeat_file
from facewatch.state.instance import single_instance
from facewatch.state.ledger import DamagedLedger, Ledger
from facewatch.state.status import BATCH_KEY
from facewatch.system import logs
from facewatch.system.paths import Places
from facewatch.system.processes import facewatch_command

log = logging.getLogger(__name__)

REOPEN_SECONDS = 5.0  # a disk that damages one ledger after the other must not fill with them
FULL_DISK_SECONDS = 60.0  # between two tries to start


def run(places: Places, *, once: bool = False, tray: bool = False) -> int:
    """Run the daemon until SIGINT or SIGTERM (with `once`: until all is done), and return the exit code.

    On a full disk it waits for space, except with `once`.

    Raises AlreadyRunning, BadSettings, BadLedger or CannotWrite if it cannot start.
    """
    stop = threading.Event()
    with stopped_by_signals(stop.set):  # from before others can see that this daemon runs
        while not stop.is_set():
            try:
                return _run_alone(places, stop, once=once, tray=tray)
            except DiskFull as error:
                if once:
                    raise
                with suppress(
                    FacewatchError
                ):  # the log's own disk may be full: standard error has the warning
                    logs.start(places.log)
                log.warning("%s; facewatch starts as soon as there is space", error)
            stop.wait(FULL_DISK_SECONDS)
    return 0


def _run_alone(places: Places, stop: threading.Event, *, once: bool, tray: bool) -> int:
    with single_instance(places):
        logs.start(places.log)  # only now: the log is the running daemon's
        while not stop.is_set():
            store = open_store(places)
            if not store.load_when_quiet(stop.wait).folders:
                raise no_folder_error(places)
            with closing(Ledger.open(places.ledger)) as ledger:
                try:
                    return _run(places, store, ledger, stop, once=once, tray=tray)
                except DamagedLedger as error:  # while it was in use; opening it again sets it aside
                    log.warning("%s; it is opened again", error)
            stop.wait(REOPEN_SECONDS)
    return 0


def _run(
    places: Places, store: Store, ledger: Ledger, stop: threading.Event, *, once: bool, tray: bool
) -> int:
    daemon = Daemon(places, store, ledger)
    try:
        with stopped_by_signals(daemon.stop):
            if stop.is_set():  # by a signal before this daemon could hear of it
                return 0
            if once:
                return 1 if daemon.run_once() else 0
            daemon.run(_tray_supervisor(places, daemon.alerts) if tray else None)
            return 0
    finally:
        with suppress(DiskFull):  # the next start deletes them
            ledger.forget("daemon", "current", "engine", "downloads", "watching", BATCH_KEY)


def _tray_supervisor(places: Places, alerts: Alerts) -> TraySupervisor:
    command = facewatch_command("tray", "--config", str(places.config))
    return TraySupervisor(
        command, heartbeat=HeartbeatMonitor(tray_heartbeat_file(places)), on_incident=alerts.record_incident
    )


@contextmanager
def stopped_by_signals(stop: Callable[[], object]) -> Iterator[None]:
    """Call `stop` at SIGINT and SIGTERM, which have no other effect meanwhile; in the main thread only."""

    def handle(number: int, _: FrameType | None) -> None:
        log.info("stopping (signal %d)", number)
        stop()

    previous = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
