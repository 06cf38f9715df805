"""The daemon: build, start; stop in reverse."""

from __future__ import annotations

import logging
import os
import threading
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from facewatch import __version__
from facewatch.daemon.tray_supervisor import Keeper
from facewatch.engine.process import EngineHandle, probe
from facewatch.errors import BadSettings, FacewatchError, WrongUse
from facewatch.models.downloader import Fetcher
from facewatch.settings.installation import checkpoints_of
from facewatch.settings.schema import Settings
from facewatch.settings.store import Store
from facewatch.state import requests
from facewatch.state.alerts import Board
from facewatch.state.ledger import Ledger
from facewatch.state.requests import Request, watched_photo
from facewatch.system.fingerprint import Fingerprint
from facewatch.system.mounts import Disks
from facewatch.system.paths import Places
from facewatch.watcher import Watcher, offered, root_of, watches_of
from facewatch.worker import Worker
from facewatch.worker.inbox import Inbox
from facewatch.worker.output import remove_strays
from facewatch.worker.readiness import Readiness
from facewatch.worker.recovery import settle_interrupted

log = logging.getLogger(__name__)

TICK_SECONDS = 1.0
STOPPING_SECONDS = 30.0  # the worker may be at a share that does not answer, and is left behind then


class Daemon:
    """All rooms of one running daemon, built from its settings."""

    def __init__(self, places: Places, store: Store, ledger: Ledger) -> None:
        settings = store.current
        self._places = places
        self._store = store
        self._ledger = ledger
        self._stop = threading.Event()
        self._following = threading.Lock()
        self._heeded: set[Path] = set()  # requests that cannot be removed
        self.board = Board(ledger)
        self._disks = Disks(ledger.fact("disks"))
        self._inbox = Inbox(settings.watching.settle_seconds, stat=self._disks.stat)
        self._models = settings.models_folder, settings.model_mirror
        self._checkpoints = checkpoints_of(places, settings)
        self._fetcher = Fetcher(self._checkpoints, self._fetch_changed)
        self._watcher = self._watcher_for(settings)
        self._worker = Worker(
            inbox=self._inbox,
            ledger=ledger,
            board=self.board,
            settings=self._settings,
            checkpoints=lambda: self._checkpoints,
            readiness=Readiness(
                lambda: self._checkpoints, self.board, self._fetcher.want, probe, disks=self._disks
            ),
            root_of=self._root_of,
            make_engine=lambda setup, seconds: EngineHandle(setup, timeout_seconds=seconds),
        )
        store.subscribe(self._apply)

    def run(self, keeper: Keeper | None = None) -> None:
        """Watch and restore until `stop`; `keeper` looks after the tray."""
        self._begin()
        thread = threading.Thread(target=self._worker.run, name="worker", daemon=True)
        with ExitStack() as stack:
            self._fetcher.start()
            stack.callback(self._fetcher.stop)
            thread.start()
            stack.callback(thread.join, STOPPING_SECONDS)
            stack.callback(self._worker.stop)
            self._watcher.start()
            stack.callback(self._stop_watching)
            if keeper is not None:
                keeper.start()
                stack.callback(keeper.stop)
            log.info("facewatch %s, watched folders: %d", __version__, len(self._store.current.folders))
            while not self._stop.wait(TICK_SECONDS):
                self._tick()
                if keeper is not None:
                    keeper.tick()
                if not thread.is_alive():
                    died = RuntimeError("the worker thread has died; its error is in the log")
                    raise self._worker.damaged_ledger or died
        log.info("facewatch has stopped")

    def run_once(self) -> int:
        """Work off what is in the folders now; how many photos failed or were left waiting."""
        self._begin()
        self._take_requests()
        self._fetcher.start()
        try:
            self._watcher.scan()
            while not self._stop.is_set() and self._busy():
                if not self._worker.turn():
                    self._stop.wait(0.2)
        finally:
            self._worker.stop()
            self._worker.run()  # ends at once, and the engine with it
            self._fetcher.stop()
        for problem in self._watcher.problems():
            log.warning("%s", problem)
        for name, download in self._fetcher.states().items():
            log.warning("%s is not here: %s", name, download.get("reason", download["state"]))
        if self._store.current.pausing():
            log.warning("paused: nothing was restored; `facewatch resume` goes on")
        counts = self._ledger.counts([folder.input for folder in self._store.current.folders])
        left = sum(counts[state] for state in ("queued", "retry", "parked", "poison"))
        return left + len(self._watcher.problems())

    def stop(self) -> None:
        """End `run` or `run_once` soon; from a signal handler or any thread."""
        self._stop.set()

    def _begin(self) -> None:
        self._ledger.forget("current", "engine", "troubles", "downloads")
        self._ledger.note("daemon", {"pid": os.getpid(), "version": __version__, "since": time.time()})
        if self._ledger.notice:
            self.board.trouble("old ledger", self._ledger.notice)
        for job in self._ledger.interrupted():
            settle_interrupted(self._ledger, job)
        for folder in self._store.current.folders:
            if self._disks.has(folder.output) and (count := remove_strays(folder.output)):
                log.info("%s: removed %d unfinished copies of an earlier run", folder.output, count)

    def _busy(self) -> bool:
        if len(self._inbox) or self._fetcher.busy():
            return True
        return self._worker.has_work()

    def _tick(self) -> None:
        settings = self._settings()
        if not self._watcher.running():
            self.board.happened("the watcher's thread had ended: it was started again")
            self._watch_anew(settings)
        try:
            self._take_requests()
            self._show_problems()
        except FacewatchError as error:
            self.board.trouble("requests", str(error))
        else:
            self.board.solved("requests")

    def _settings(self) -> Settings:
        """The settings as the config file has them at this moment, or as they were when it was last right."""
        with self._following:
            try:
                self._store.reload_if_changed()
            except BadSettings as error:
                self.board.trouble("config", f"{error}; the last good settings hold until it is mended")
            else:
                if self._store.problem is None:
                    self.board.solved("config")
            return self._store.current

    def _take_requests(self) -> None:
        requests.heed(self._places, os.getpid(), self._heed, self._heeded)

    def _heed(self, request: Request) -> None:
        if request.kind == "quit":
            self.stop()
        elif request.kind == "retry_failed":
            log.info("%d photos are tried again", self._ledger.requeue_failed())
        elif request.path is not None:
            self._redo(request.path, {"model": request.model, "weight": request.weight})
        self._inbox.wake()

    def _redo(self, path: Path, wishes: dict[str, Any]) -> None:
        try:
            root, photo, fingerprint = self._disks.ask(path, lambda: self._watched_photo(path))
        except WrongUse as error:
            self.board.trouble("redo", str(error))
            return
        except OSError as error:
            self.board.trouble("redo", f"{path} cannot be restored again: {error.strerror}")
            return
        self.board.solved("redo")
        self._ledger.queue(photo, root, fingerprint, wishes)

    def _watched_photo(self, path: Path) -> tuple[Path, Path, Fingerprint]:
        root, photo = watched_photo(path, [folder.input for folder in self._store.current.folders])
        return root, photo, Fingerprint.of(photo.stat())

    def _show_problems(self) -> None:
        problems = self._watcher.problems()
        self._ledger.note("watching", {"problems": problems, "waiting": len(self._inbox)})
        self._ledger.note("disks", self._disks.sightings())

    def _apply(self, settings: Settings) -> None:
        self._inbox.settle_seconds = settings.watching.settle_seconds
        self._inbox.wake()
        if (settings.models_folder, settings.model_mirror) != self._models:
            self._models = settings.models_folder, settings.model_mirror
            self._checkpoints = checkpoints_of(self._places, settings)
            self._fetcher.use(self._checkpoints)
        if (watches_of(settings, self._disks.ask), settings.watching) != self._watched:
            self._watch_anew(settings)

    def _watch_anew(self, settings: Settings) -> None:
        self._watcher.stop()
        self._inbox.forget()  # the ledger knows each photo by its watched folder
        self._watcher = self._watcher_for(settings)
        self._watcher.start()

    def _stop_watching(self) -> None:
        self._watcher.stop()  # a change of settings may have made another one than was started

    def _root_of(self, path: Path) -> Path | None:
        watch = root_of(self._watched[0], path)
        return watch.root if watch and offered(watch, path) else None

    def _gone(self, path: Path) -> None:
        self._inbox.forget(path)
        try:
            for photo in self._ledger.gone(path):
                self._inbox.forget(photo)
        except FacewatchError as error:
            self.board.trouble("ledger", str(error))

    def _fetch_changed(self) -> None:
        self._ledger.note("downloads", self._fetcher.states())
        self._inbox.wake()

    def _watcher_for(self, settings: Settings) -> Watcher:
        self._watched = watches_of(settings, self._disks.ask), settings.watching
        return Watcher(
            self._watched[0],
            self._inbox.put,
            self._gone,
            settings.watching.rescan_seconds,
            note=self.board.happened,
            disks=self._disks,
        )
