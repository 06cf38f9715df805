"""A fake observer, and recorders for offered photos and deleted paths."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(eq=False)
class FakeEmitter:
    watch: str
    alive: bool = True

    def is_alive(self) -> bool:
        return self.alive


@dataclass
class FakeObserver:
    """Schedules without watching; refuses the roots in `refuses`."""

    refuses: set[str] = field(default_factory=set)
    emitters: set[FakeEmitter] = field(default_factory=set)
    scheduled: list[str] = field(default_factory=list)
    alive: bool = False

    def start(self) -> None:
        self.alive = True

    def stop(self) -> None:
        self.alive = False

    def join(self) -> None:
        pass

    def is_alive(self) -> bool:
        return self.alive

    def schedule(self, handler, path, *, recursive, event_filter):
        if path in self.refuses:
            raise OSError(28, "inotify watch limit reached")
        self.scheduled.append(path)
        self.emitters.add(FakeEmitter(path))
        return path

    def unschedule(self, watch) -> None:
        self.emitters = {emitter for emitter in self.emitters if emitter.watch != watch}


class PathRecorder:
    """Records paths, from any thread."""

    def __init__(self) -> None:
        self.paths: list[Path] = []
        self._recorded = threading.Condition()

    def wait_for(self, *paths: Path, seconds: float = 15.0) -> None:
        """Return once all of these are recorded."""
        with self._recorded:
            if not self._recorded.wait_for(lambda: set(paths) <= set(self.paths), seconds):
                raise AssertionError(f"missing: {set(paths) - set(self.paths)}; recorded: {self.paths}")


class GonePaths(PathRecorder):
    """Records deleted paths."""

    def __call__(self, path: Path) -> None:
        with self._recorded:
            self.paths.append(path)
            self._recorded.notify_all()


class OfferedPhotos(PathRecorder):
    """Records offered photos and their watched roots."""

    def __init__(self) -> None:
        super().__init__()
        self.roots: dict[Path, Path] = {}
        self.settle_seconds = 0.0
        self.news = False
        self.refused: dict[Path, str] = {}

    def __call__(
        self, root: Path, path: Path | str, settle_seconds: float = 0.0, *, news: bool = True
    ) -> str:
        with self._recorded:
            if Path(path) in self.refused:
                return self.refused[Path(path)]
            self.paths.append(Path(path))
            self.roots[Path(path)] = root
            self.settle_seconds, self.news = settle_seconds, news  # of the last one
            self._recorded.notify_all()
        return ""


def until(claim: Callable[[], bool], seconds: float = 15.0) -> None:
    """Return once the claim is true."""
    end = time.monotonic() + seconds
    while not claim():
        if time.monotonic() > end:
            raise AssertionError("the claim never became true")
        time.sleep(0.01)
