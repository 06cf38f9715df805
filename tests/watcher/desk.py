"""A watcher that is tended by hand, with a clock and an observer in hand."""

from __future__ import annotations

from pathlib import Path

from facewatch.system.mounts import Disks, Mount
from facewatch.watcher import WatchedFolder, Watcher
from tests.clock import Clock
from tests.watcher.fakes import FakeObserver, Offered


class Desk:
    """The watcher, its time, and what it offered."""

    def __init__(self, *watches: WatchedFolder, counted: int | None = None) -> None:
        self.clock, self.wall = Clock(), Clock(1e9)
        self.observers: list[FakeObserver] = []
        self.refuses: set[str] = set()
        self.offered, self.gone = Offered(), Offered()
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

    def tend(self, seconds: float = 0.0) -> list[Path]:
        """Let time pass and tend; what was offered then."""
        self.clock.now += seconds
        self.wall.now += seconds
        self.offered.paths.clear()
        self.watcher.tend()
        return sorted(self.offered.paths)
