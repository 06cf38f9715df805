"""The supervision of watchdog's observer, with a watch for each available root."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable, Sequence

from watchdog.observers.api import BaseObserver

from facewatch.system.mounts import Disks
from facewatch.watcher.events import WANTED, EventHandler, FileEvents
from facewatch.watcher.filters import WatchedFolder
from facewatch.watcher.roots import Root

log = logging.getLogger(__name__)


def watchdog_threads() -> set[threading.Thread]:
    """Return the running threads that watchdog has started."""
    return {thread for thread in threading.enumerate() if type(thread).__module__.startswith("watchdog.")}


class ObserverSupervisor:
    """The roots, and the observer that reports their events to `receiver`; for one thread at a time."""

    def __init__(
        self,
        watches: Sequence[WatchedFolder],
        receiver: FileEvents,
        make_observer: Callable[[], BaseObserver],
        count_watches: Callable[[], int | None],
        *,
        disks: Disks,
        note: Callable[[str], None],
    ) -> None:
        self.roots = [Root(watch) for watch in watches]
        self.shortage = ""
        self._short_before = False
        self._receiver = receiver
        self._make_observer = make_observer
        self._count_watches = count_watches
        self._disks = disks
        self._note = note
        self._observer: BaseObserver | None = None
        self._threads: set[threading.Thread] = set()

    def check(self) -> list[Root]:
        """Check every root, repair its watch if needed, and return the roots that need a scan."""
        if self._observer is not None and not self._alive(self._observer):
            self._note("the observer of the watched folders had ended; another was started")
            self.close()
        if self._observer is None:
            self._start()
        return [root for root in self.roots if self._check(root)]

    def look(self) -> None:
        """Find out which roots are available, without watching them."""
        for root in self.roots:
            root.identity, why = root.look(self._disks)
            root.share = root.share_on(self._disks) if root.online else ""
            self._set_problem(root, why and f"{why}; its photos wait until it is back")

    def close(self) -> None:
        """End the observer and its threads."""
        observer, self._observer = self._observer, None
        for root in self.roots:
            root.observed = None
        if observer is not None:
            observer.stop()
            observer.join()

    def check_watch_limit(self) -> bool:
        """Return True if the last scan found more folders than are watched; the second time sets `shortage`.

        The first time may be due to a folder that was created during the scan.
        """
        watched = self._count_watches()
        wanted = sum(root.folders for root in self.roots if root.observed is not None)
        short = bool(watched) and watched is not None and watched < wanted
        shortage = ""
        if short and self._short_before:
            shortage = (
                f"degraded: the system watches only {watched} of {wanted} folders; the others are scanned "
                "every 30 s. Raise fs.inotify.max_user_watches"
            )
            if not self.shortage:
                log.warning("%s", shortage)
        self.shortage = shortage
        self._short_before = short
        return short

    def _start(self) -> None:
        before = watchdog_threads()
        try:
            self._observer = self._make_observer()
            self._observer.start()
        except (OSError, RuntimeError) as error:
            log.warning("folder events are not available: %s", error)
            if self._observer is not None:
                self._observer.stop()
            self._observer = None
        self._threads = watchdog_threads() - before

    def _alive(self, observer: BaseObserver) -> bool:
        # With inotify another thread reads the events for the observer, and may end alone.
        return observer.is_alive() and all(thread.is_alive() for thread in self._threads)

    def _check(self, root: Root) -> bool:
        identity, why = root.look(self._disks)
        share = root.share_on(self._disks) if identity else ""
        if (
            identity is not None
            and (identity, share) == (root.identity, root.share)
            and self._is_observed(root)
        ):
            return False
        self._unobserve(root)
        is_new = identity is not None and identity != root.identity
        if is_new and root.online:
            self._note(f"the folder {root.watch.root} was replaced by another, which is watched now")
        if identity is None:
            self._set_problem(root, f"{why}; its photos wait until it is back")
            root.unreadable = {}
        root.identity, root.share = identity, share
        if identity is None:
            return False
        return self._observe(root) or is_new

    def _is_observed(self, root: Root) -> bool:
        # A deleted root's emitter has ended, even if a new folder with the same inode replaced it.
        return self._observer is not None and any(
            emitter.watch == root.observed and emitter.is_alive() for emitter in self._observer.emitters
        )

    def _observe(self, root: Root) -> bool:
        try:
            if self._observer is None:
                raise OSError("the system provides no events")  # noqa: TRY301
            # inotify reports no files directly in a folder that is given as a link.
            place = root.watch.root.resolve() if root.watch.root.is_symlink() else root.watch.root
            root.observed = self._observer.schedule(
                EventHandler(self._receiver, place, root.watch.root),
                str(place),
                recursive=root.watch.recursive,
                event_filter=WANTED,
            )
        except OSError as error:
            why = error.strerror or error
            self._set_problem(
                root, f"degraded: no events from {root.watch.root} ({why}); it is scanned every 30 s"
            )
            return False
        self._set_problem(root, self._share_problem(root))
        return True

    @staticmethod
    def _share_problem(root: Root) -> str:
        # Events still arrive for changes by this machine's own programs.
        return root.share and (
            f"degraded: {root.watch.root} lies on, or holds, a network file system ({root.share}), which "
            "does not report changes by other machines; it is scanned every 30 s"
        )

    def _unobserve(self, root: Root) -> None:
        if root.observed is not None and self._observer is not None:
            with contextlib.suppress(KeyError):  # also a root under another name, and unscheduled there
                self._observer.unschedule(root.observed)
        root.observed = None

    def _set_problem(self, root: Root, problem: str) -> None:
        if problem and problem != root.problem:
            log.warning("%s", problem)
        elif root.problem and not problem:  # what is resolved, and never what is still wrong
            self._note(f"the folder {root.watch.root} is watched again")
        root.problem = problem
