"""The daemon: its parts, built, started, and stopped in reverse."""

from __future__ import annotations

import logging
import os
import threading
import time
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from facewatch import __version__
from facewatch.daemon.tray_supervisor import TraySupervisor
from facewatch.engine.lifecycle import PROCESS
from facewatch.engine.process import EngineProcess, probe
from facewatch.errors import BadSettings, CannotWrite, FacewatchError, WrongUse
from facewatch.models.downloader import Downloader
from facewatch.settings.installation import open_model_files
from facewatch.settings.schema import Settings
from facewatch.settings.store import Store
from facewatch.state import requests
from facewatch.state.alerts import Alerts
from facewatch.state.ledger import Ledger
from facewatch.state.requests import Request, watched_photo
from facewatch.state.status import BATCH_KEY, GIVING_WAY_KEY, passed_over_text
from facewatch.system.fingerprint import Fingerprint
from facewatch.system.mounts import Disks
from facewatch.system.paths import Places
from facewatch.system.processes import kill_and_wait
from facewatch.system.strays import remove_stray_temporaries
from facewatch.watcher import Watcher, is_photo, root_of, watched_folders
from facewatch.worker import Worker
from facewatch.worker.earlier_copy import mark, redo_options, undo
from facewatch.worker.inbox import Inbox
from facewatch.worker.readiness import Readiness
from facewatch.worker.recovery import recover_interrupted

log = logging.getLogger(__name__)

TICK_SECONDS = 1.0
LEFT_ENGINE_SECONDS = 5.0  # a killed process ends within this time, unless a driver or a dead share holds it
STOPPING_SECONDS = 30.0  # a worker that waits for a share without an answer is left behind


class Daemon:
    """The parts of a running daemon, built from its settings."""

    def __init__(self, places: Places, store: Store, ledger: Ledger) -> None:
        settings = store.current
        self._places = places
        self._store = store
        self._ledger = ledger
        self._stop = threading.Event()
        self._reloading = threading.Lock()
        self._handled: set[Path] = set()  # files of requests that cannot be removed
        self.alerts = Alerts(ledger)
        self._disks = Disks(ledger.fact("disks"))
        self._inbox = Inbox(settings.watching.settle_seconds, stat=self._disks.stat)
        self._models = settings.models_folder, settings.model_mirror
        self._model_files = open_model_files(places, settings)
        self._downloader = Downloader(self._model_files, self._downloads_changed)
        self._watcher = self._watcher_for(settings)
        self._worker = Worker(
            inbox=self._inbox,
            ledger=ledger,
            alerts=self.alerts,
            settings=self._settings,
            model_files=lambda: self._model_files,
            readiness=Readiness(
                lambda: self._model_files,
                self.alerts,
                self._downloader.want,
                probe,
                want_for_settings=self._downloader.want_for_settings,
                disks=self._disks,
            ),
            root_of=self._root_of,
            make_engine=lambda setup, seconds: EngineProcess(setup, timeout_seconds=seconds),
            previews=places.previews,
        )
        store.subscribe(self._apply)

    def run(self, tray_supervisor: TraySupervisor | None = None) -> None:
        """Watch and restore until `stop`, with a tray if there is a `tray_supervisor`."""
        self._begin()
        thread = threading.Thread(target=self._worker.run, name="worker", daemon=True)
        with ExitStack() as stack:
            self._downloader.start()
            stack.callback(self._downloader.stop)
            thread.start()
            stack.callback(thread.join, STOPPING_SECONDS)
            stack.callback(self._worker.stop)
            self._watcher.start()
            stack.callback(self._stop_watching)
            if tray_supervisor is not None:
                tray_supervisor.start()
                stack.callback(tray_supervisor.stop)
            log.info("facewatch %s, watched folders: %d", __version__, len(self._store.current.folders))
            while not self._stop.wait(TICK_SECONDS):
                self._tick()
                if tray_supervisor is not None:
                    tray_supervisor.tick()
                if not thread.is_alive():
                    died = RuntimeError("the worker thread has died; the log has its error")
                    raise self._worker.damaged_ledger or died
        log.info("facewatch has stopped")

    def run_once(self) -> int:
        """Process the photos in the folders; return how many failed or wait, plus the watcher's problems."""
        self._begin()
        self._take_requests()
        self._downloader.start()
        try:
            self._watcher.scan()
            while not self._stop.is_set() and self._busy():
                if not self._worker.turn():
                    self._stop.wait(0.2)
        finally:
            self._worker.stop()
            self._worker.run()  # ends at once, and the engine with it
            self._downloader.stop()
        for problem in self._watcher.problems():
            log.warning("%s", problem)
        if others := passed_over_text(self._watcher.passed_over()):
            log.info("%s", others)
        for name, download in self._downloader.states().items():
            log.warning("%s is not downloaded: %s", name, download.get("reason", download["state"]))
        if reason := self._worker.rest.reason(self._store.current):
            log.warning("%s: nothing was restored; run `facewatch resume` to continue", reason)
        counts = self._ledger.counts([folder.input for folder in self._store.current.folders])
        left = sum(counts[state] for state in ("queued", "retry", "parked", "poison"))
        return left + len(self._watcher.problems())

    def stop(self) -> None:
        """End `run` or `run_once` soon; from a signal handler or any thread."""
        self._stop.set()

    def _begin(self) -> None:
        self._end_leftover_engine()
        self._ledger.forget("current", "engine", "troubles", "downloads", BATCH_KEY, GIVING_WAY_KEY)
        self._ledger.note("daemon", {"pid": os.getpid(), "version": __version__, "since": time.time()})
        if self._ledger.notice:
            self.alerts.raise_alert("old ledger", self._ledger.notice)
        for job in self._ledger.interrupted():
            recover_interrupted(self._ledger, job)
        for folder in self._store.current.folders:
            if self._disks.has_folder(folder.output) and (count := remove_stray_temporaries(folder.output)):
                log.info("%s: removed %d unfinished copies of an earlier run", folder.output, count)

    def _end_leftover_engine(self) -> None:
        """End the engine of a killed daemon, which could go on writing even after the cleanup."""
        leftover = self._ledger.fact(PROCESS)
        if kill_and_wait(leftover, LEFT_ENGINE_SECONDS):
            self._ledger.forget(PROCESS)
        else:  # a start after its end removes the files that it still writes
            log.warning("engine %s of an earlier run was killed and does not end", leftover["pid"])

    def _busy(self) -> bool:
        if len(self._inbox) or self._downloader.busy():
            return True
        return self._worker.has_work()

    def _tick(self) -> None:
        self._ledger.require_in_place()
        settings = self._settings()
        if not self._watcher.running():
            self.alerts.record_incident("the watcher's thread had ended; it was started again")
            self._restart_watcher(settings)
        try:
            self._take_requests()
            self._show_problems()
        except FacewatchError as error:
            self.alerts.raise_alert("requests", str(error))
        else:
            self.alerts.clear_alert("requests")

    def _settings(self) -> Settings:
        """Return the settings of the config file, or the last valid ones."""
        with self._reloading:
            try:
                self._store.reload_if_changed()
            except BadSettings as error:
                self.alerts.raise_alert("config", f"{error}; still using the previous settings")
            else:
                if self._store.problem is None:
                    self.alerts.clear_alert("config")
            return self._store.current

    def _take_requests(self) -> None:
        requests.take_requests(self._places, os.getpid(), self._handle, self._handled)

    def _handle(self, request: Request) -> None:
        if request.kind == "quit":
            self.stop()
        elif request.kind == "retry_failed":
            count = self._ledger.requeue(request.path) if request.path else self._ledger.requeue_failed()
            log.info("failed photos queued again: %d", count)
        elif request.kind == "download_now":
            states = self._downloader.states()
            waiting = [name for name, download in states.items() if download["state"] == "waiting"]
            for name in waiting if request.model is None else [request.model]:
                self._downloader.try_now(name)
        elif request.kind == "download_cancel" and request.model is not None:
            self._downloader.cancel(request.model)
        elif request.kind in {"mark", "undo"} and request.path is not None:
            self._judge(request.path, request)
        elif request.kind == "preview":
            self._worker.previews.ask(request)
        elif request.path is not None:
            self._redo(request.path, request)
        self._inbox.wake()

    def _judge(self, path: Path, request: Request) -> None:
        act = (
            partial(mark, self._ledger, request)
            if request.kind == "mark"
            else partial(undo, self._ledger, path)
        )
        try:
            self._disks.ask(path, act)
        except (CannotWrite, OSError) as error:
            self.alerts.raise_alert("mark", f"{path}: {error}")
        else:
            self.alerts.clear_alert("mark")

    def _redo(self, path: Path, request: Request) -> None:
        try:
            root, photo, fingerprint = self._disks.ask(path, lambda: self._watched_photo(path))
        except WrongUse as error:
            self.alerts.raise_alert("redo", str(error))
            return
        except OSError as error:
            self.alerts.raise_alert("redo", f"{path} cannot be restored again: {error.strerror}")
            return
        self.alerts.clear_alert("redo")
        self._ledger.queue(photo, root, fingerprint, redo_options(request, self._ledger.photo(photo)))

    def _watched_photo(self, path: Path) -> tuple[Path, Path, Fingerprint]:
        root, photo = watched_photo(path, [folder.input for folder in self._store.current.folders])
        return root, photo, Fingerprint.of(photo.stat())

    def _show_problems(self) -> None:
        problems = self._watcher.problems()
        watching = {"problems": problems, "waiting": len(self._inbox)}
        self._ledger.note("watching", {**watching, "passed_over": self._watcher.passed_over()})
        self._ledger.note("disks", self._disks.known_mount_points())

    def _apply(self, settings: Settings) -> None:
        self._inbox.settle_seconds = settings.watching.settle_seconds
        self._inbox.wake()
        if settings.pausing():  # else the worker says at its next turn which models are needed now
            self._downloader.want_for_settings(())
        if (settings.models_folder, settings.model_mirror) != self._models:
            self._models = settings.models_folder, settings.model_mirror
            self._model_files = open_model_files(self._places, settings)
            self._downloader.use(self._model_files)
        if (watched_folders(settings, self._disks.ask), settings.watching) != self._watched:
            self._restart_watcher(settings)

    def _restart_watcher(self, settings: Settings) -> None:
        self._watcher.stop()
        self._watcher = self._watcher_for(settings)
        self._inbox.change_roots(self._root_of)
        self._watcher.start()

    def _stop_watching(self) -> None:
        self._watcher.stop()  # not bound to the watcher that was started: a change of settings replaces it

    def _root_of(self, path: Path) -> Path | None:
        watch = root_of(self._watched[0], path)
        return watch.root if watch and is_photo(watch, path) else None

    def _gone(self, path: Path) -> None:
        self._inbox.forget(path)
        try:
            for photo in self._ledger.gone(path):
                self._inbox.forget(photo)
        except FacewatchError as error:
            self.alerts.raise_alert("ledger", str(error))

    def _downloads_changed(self) -> None:
        self._ledger.note("downloads", self._downloader.states())
        self._inbox.wake()

    def _watcher_for(self, settings: Settings) -> Watcher:
        self._watched = watched_folders(settings, self._disks.ask), settings.watching
        return Watcher(
            self._watched[0],
            self._inbox.put,
            self._gone,
            settings.watching.rescan_seconds,
            note=self.alerts.record_incident,
            disks=self._disks,
        )
