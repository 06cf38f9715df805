"""A watcher whose rounds the test runs, with a fake clock and a fake observer."""

from __future__ import annotations

from pathlib import Path

from facewatch.system.mounts import Disks, Mount
from facewatch.watcher import WatchedFolder, Watcher
from tests.clock import Clock
from tests.watcher.fakes import FakeObserver, GonePaths, OfferedPhotos


class WatcherHarness:
    """The watcher, its clocks, and the photos that it offered."""

    def __init__(self, *watches: WatchedFolder, counted: int | None = None) -> None:
        self.clock, self.wall = Clock(), Clock(1e9)
        self.observers: list[FakeObserver] = []
        self.refuses: set[str] = set()
        self.offered, self.gone = OfferedPhotos(), GonePaths()
        self.counted = counted
        self.mounts = [Mount("/", "ext4")]
        self.notes: list[str] = []
        self.silent: set[str] = set()  # places that do not answer
        self.watcher = Watcher(
            watches,
            self.offered,
            self.gone,
            300,
            note=self.notes.append,
            disks=Disks(mounted=lambda: self.mounts, planned=set, ask=self._ask),
            clock=self.clock,
            wall=self.wall,
            make_observer=self._observer,
            count_watches=lambda: self.counted,
        )

    def _ask(self, place, question, seconds=None):
        if str(place) in self.silent:
            raise TimeoutError(110, "its disk or share does not answer")
        return question()

    def _observer(self) -> FakeObserver:
        self.observers.append(FakeObserver(self.refuses))
        return self.observers[-1]

    def run_round(self, seconds: float = 0.0) -> list[Path]:
        """Let time pass, run a round, and return the photos offered in it."""
        self.clock.now += seconds
        self.wall.now += seconds
        self.offered.paths.clear()
        self.watcher.run_round()
        return sorted(self.offered.paths)
