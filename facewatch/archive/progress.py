"""Figures of a run while it goes on: counts, rate, time left, failures by cause, workers."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from facewatch.archive.types import Row

MOST_CAUSES = 1000  # different causes that are counted


@dataclass
class WorkerFigures:
    """Figures of one worker."""

    photos: int = 0
    faces: int = 0
    seconds: float = 0.0  # in its engine


@dataclass
class Progress:
    """Figures of one run; the driver changes them, others only read."""

    began: float  # monotonic
    listed: int = 0
    total: int | None = None  # photos of the source, once they are counted
    done_before: int = 0  # by earlier runs
    finished: int = 0
    faces: int = 0
    deaths: int = 0  # of workers
    workers: int = 0  # that are ready
    seconds: float = 0.0
    waiting: str = ""  # why nothing was finished for a while
    unlisted: str = ""  # why a part of the source could not be listed
    report: str = ""  # name of the final report in the destination
    outcomes: Counter[str] = field(default_factory=Counter)
    causes: Counter[str] = field(default_factory=Counter)  # of failures: class and reason
    by_worker: dict[str, WorkerFigures] = field(default_factory=dict)

    def add(self, row: Row) -> None:
        """Count one finished photo."""
        self.finished += 1
        self.faces += row.restored
        self.outcomes[row.outcome] += 1
        if row.error:
            cause = f"{row.error}: {row.reason}"
            known = cause in self.causes or len(self.causes) < MOST_CAUSES
            self.causes[cause if known else f"{row.error}: other reasons"] += 1
        figures = self.by_worker.setdefault(row.worker, WorkerFigures())
        figures.photos += 1
        figures.faces += row.restored
        figures.seconds += row.seconds

    @property
    def rate(self) -> float:
        """Photos a second since the run began."""
        return self.finished / self.seconds if self.seconds > 0 else 0.0

    @property
    def seconds_left(self) -> float | None:
        """Seconds until the end at this rate; None until the photos are counted and the rate is known."""
        if self.total is None or self.rate == 0:
            return None
        return max(0, self.total - self.done_before - self.finished) / self.rate
