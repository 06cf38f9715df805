"""A clock for the ledger, and helpers that bring a photo to a state."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from facewatch.state.ledger import Job, Ledger
from facewatch.system.fingerprint import Fingerprint

ROOT = Path("/photos")
PHOTO = ROOT / "a.jpg"
SEEN = Fingerprint(1, 2, 3, 4)
SEEN_LATER = Fingerprint(1, 2, 30, 40)


@dataclass
class Now:
    time: float = 1_700_000_000.0

    def __call__(self) -> float:
        return self.time


def started(ledger: Ledger, path: Path = PHOTO, seen: Fingerprint = SEEN) -> Job:
    """Return a running job of `path`."""
    ledger.queue(path, ROOT, seen)
    job = ledger.photo(path)
    assert job is not None
    running = ledger.start(job)
    assert running is not None
    return running


def finish(
    ledger: Ledger,
    path: Path = PHOTO,
    sha256: str = "content",
    out: str = "restored",
    report: Mapping[str, Any] | None = None,
) -> Job:
    """Return a finished job of `path`."""
    job = started(ledger, path)
    assert ledger.record_hash(job, sha256, "recipe")
    assert ledger.committing(job, Path("/out") / path.name, out, Path("/out/.facewatch-1"))
    assert ledger.done(job, dict(report or {"faces": 2}))
    return job


def state(ledger: Ledger, path: Path = PHOTO) -> str:
    job = ledger.photo(path)
    assert job is not None
    return job.state
