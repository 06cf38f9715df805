"""Photos in a ledger, in the states that the worker leaves them in."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from facewatch.state.ledger import Ledger
from facewatch.system.fingerprint import Fingerprint


def queue(ledger: Ledger, photo: Path, root: Path | None = None) -> None:
    photo.write_bytes(b"a photo")
    assert ledger.queue(photo, root or photo.parent, Fingerprint.of(photo.stat()))


def finish(
    ledger: Ledger, photo: Path, copy: Path, fates: Sequence[str] = ("restored",), **about: object
) -> None:
    """Restore a queued photo, whose faces have these fates; `about` is more of its report."""
    job = ledger.start(ledger.photo(photo))
    assert job is not None
    copy.write_bytes(b"restored")
    ledger.committing(job, copy, "0" * 64, copy.with_suffix(".tmp"))
    ledger.done(job, {"faces": [{"fate": fate, "reason": ""} for fate in fates], **about})


def fail(ledger: Ledger, photo: Path, reason: str) -> None:
    """Fail a queued photo for good."""
    job = ledger.start(ledger.photo(photo))
    assert job is not None
    ledger.park(job, reason, "BadPhoto")
