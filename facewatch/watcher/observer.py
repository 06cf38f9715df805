"""watchdog's observer, kept alive, with one watch for each root that is there."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable, Sequence

from watchdog.observers.api import BaseObserver

from facewatch.system.mounts import Disks
from facewatch.watcher.events import WANTED, FileEvents, Handler
from facewatch.watcher.filters import WatchedFolder
from facewatch.watcher.roots import Root

log = logging.getLogger(__name__)


def watchdogs_threads() -> set[threading.Thread]:
    """The threads alive that watchdog has started."""
    return {thread for thread in threading.enumerate() if type(thread).__module__.startswith("watchdog.")}


class ObserverSupervisor:
    """The roots, and the observer that tells `told` what happens in them; for one thread at a time."""

    def __init__(
        self,
        watches: Sequence[WatchedFolder],
        told: FileEvents,
        make_observer: Callable[[], BaseObserver],
        count_watches: Callable[[], int | None],
        *,
        disks: Disks,
        note: Callable[[str], None],
    ) -> None:
        self.roots = [Root(watch) for watch in watches]
        self.shortage = ""
        self._short_before = False
        self._told = told
        self._make_observer = make_observer
        self._count_watches = count_watches
        self._disks = disks
        self._note = note
        self._observer: BaseObserver | None = None
        self._threads: set[threading.Thread] = set()

    def check(self) -> list[Root]:
        """Look at every root and mend what can be mended; the roots that have to be scanned for it."""
        if self._observer is not None and not self._alive(self._observer):
            self._note("the observer of the watched folders had ended: another was started")
            self.close()
        if self._observer is None:
            self._start()
        return [root for root in self.roots if self._check(root)]

    def look(self) -> None:
        """See which roots are there, without watching them."""
        for root in self.roots:
            root.identity, why = root.look(self._disks)
            root.share = root.share_on(self._disks) if root.online else ""
            self._tell(root, why and f"{why}: its photos wait until it is there")

    def close(self) -> None:
        """End the observer and its threads."""
        observer, self._observer = self._observer, None
        for root in self.roots:
            root.observed = None
        if observer is not None:
            observer.stop()
            observer.join()

    def judge(self) -> bool:
        """After a scan: whether fewer folders are watched than were found. `shortage` tells it, seen twice.

        Once may be a folder that came during the scan.
        """
        watched = self._count_watches()
        wanted = sum(root.folders for root in self.roots if root.observed is not None)
        short = bool(watched) and watched is not None and watched < wanted
        shortage = ""
        if short and self._short_before:
            shortage = (
                f"degraded: the system watches only {watched} of {wanted} folders, so the others are looked "
                "through instead, every 30 s: raise fs.inotify.max_user_watches"
            )
            if not self.shortage:
                self._note(shortage)
        self.shortage = shortage
        self._short_before = short
        return short

    def _start(self) -> None:
        before = watchdogs_threads()
        try:
            self._observer = self._make_observer()
            self._observer.start()
        except (OSError, RuntimeError) as error:
            log.warning("no folder events are to be had: %s", error)
            if self._observer is not None:
                self._observer.stop()
            self._observer = None
        self._threads = watchdogs_threads() - before

    def _alive(self, observer: BaseObserver) -> bool:
        # With inotify another thread reads the events for the observer, and can end without it.
        return observer.is_alive() and all(thread.is_alive() for thread in self._threads)

    def _check(self, root: Root) -> bool:
        identity, why = root.look(self._disks)
        share = root.share_on(self._disks) if identity else ""
        if identity is not None and (identity, share) == (root.identity, root.share) and self._hears(root):
            return False
        self._leave(root)
        came = identity is not None and identity != root.identity
        if came and root.online:
            self._note(f"the folder {root.watch.root} was replaced by another: that one is watched now")
        if identity is None:
            self._tell(root, f"{why}: its photos wait until it is there")
            root.unreadable = {}
        root.identity, root.share = identity, share
        if identity is None:
            return False
        return self._observe(root) or came

    def _hears(self, root: Root) -> bool:
        # A root that was deleted ends its emitter, even if another of the same inode takes its place.
        return self._observer is not None and any(
            emitter.watch == root.observed and emitter.is_alive() for emitter in self._observer.emitters
        )

    def _observe(self, root: Root) -> bool:
        try:
            if self._observer is None:
                raise OSError("the system gives no events")  # noqa: TRY301
            # inotify hears nothing of the files straight in a folder that it was given as a link.
            place = root.watch.root.resolve() if root.watch.root.is_symlink() else root.watch.root
            root.observed = self._observer.schedule(
                Handler(self._told, place, root.watch.root),
                str(place),
                recursive=root.watch.recursive,
                event_filter=WANTED,
            )
        except OSError as error:
            why = error.strerror or error
            self._tell(root, f"degraded: no events from {root.watch.root} ({why}): looked through every 30 s")
            return False
        self._tell(root, self._share_problem(root))
        return True

    @staticmethod
    def _share_problem(root: Root) -> str:
        # Its events are still heard: they are those of this machine's own programs.
        return root.share and (
            f"degraded: {root.watch.root} lies on, or holds, a network file system ({root.share}), which "
            "does not tell what other machines do: looked through every 30 s"
        )

    def _leave(self, root: Root) -> None:
        if root.observed is not None and self._observer is not None:
            with contextlib.suppress(KeyError):  # under another name it is a root as well, and was left there
                self._observer.unschedule(root.observed)
        root.observed = None

    def _tell(self, root: Root, problem: str) -> None:
        if problem != root.problem:
            self._note(problem or f"the folder {root.watch.root} is watched again")
        root.problem = problem
