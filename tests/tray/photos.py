"""Photos in a ledger, in the states that the worker leaves them in."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from facewatch.state.ledger import Ledger
from facewatch.system.fingerprint import Fingerprint


def queue(ledger: Ledger, photo: Path) -> None:
    photo.write_bytes(b"a photo")
    assert ledger.queue(photo, photo.parent, Fingerprint.of(photo.stat()))


def finish(ledger: Ledger, photo: Path, copy: Path, fates: Sequence[str] = ("restored",)) -> None:
    """Restore a queued photo, whose faces have these fates."""
    job = ledger.start(ledger.photo(photo))
    assert job is not None
    copy.write_bytes(b"restored")
    ledger.committing(job, copy, "0" * 64, copy.with_suffix(".tmp"))
    ledger.done(job, {"faces": [{"fate": fate, "reason": ""} for fate in fates]})


def fail(ledger: Ledger, photo: Path, reason: str) -> None:
    """Fail a queued photo for good."""
    job = ledger.start(ledger.photo(photo))
    assert job is not None
    ledger.park(job, reason, "BadPhoto")
