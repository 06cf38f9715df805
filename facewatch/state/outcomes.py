"""The outcomes of photos, in the words that every screen uses, and their counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any, Literal, get_args

from facewatch.state.ledger import LedgerView
from facewatch.state.reports import NO_STRANGERS, Strangers, count_faces, count_strangers

Outcome = Literal[
    "restored",
    "partly restored",  # some faces, not all
    "unchanged",  # the model left every face as it was
    "without faces",
    "restored earlier",  # its copy existed when a new ledger was begun
    "not supported",  # an intact file of a kind that facewatch does not restore
    "failed",
]
OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)
UNSUCCESSFUL: tuple[Outcome, ...] = ("not supported", "failed")

UNSUPPORTED_ERRORS = frozenset({"PhotoTooLarge", "NotSupported", "Animated"})
# In the ledgers of earlier versions a picture of another kind differs from a damaged one by its reason alone.
UNSUPPORTED_REASONS = (
    "is not a JPEG, PNG,",
    "is a video or another",
    "file is animated",
    "is not supported;",
    "has several pages",
    "first page is only a preview",
    "is made for HDR screens",
)


def outcome_of_faces(faces: Iterable[Mapping[str, Any]]) -> Outcome:
    """Return the outcome of a photo from the fields of restoration.types.FaceReport of each face."""
    left = count_faces(faces)
    if left.total == 0:
        return "without faces"
    if left.restored == 0:
        return "unchanged"
    return "restored" if left.restored == left.total else "partly restored"


def outcome_of_report(report: Mapping[str, Any] | None) -> Outcome:
    """Return the outcome of a finished photo from its report in the ledger."""
    faces = None if report is None else report.get("faces")
    if report is not None and report.get("left_alone"):
        return "not supported"
    return outcome_of_faces(faces) if isinstance(faces, list) else "restored earlier"


def outcome_of_failure(error: str, reason: str) -> Outcome:
    """Return the outcome of a photo that failed.

    error   the name of the error's class
    reason  its text
    """
    unsupported = error in UNSUPPORTED_ERRORS or any(part in reason for part in UNSUPPORTED_REASONS)
    return "not supported" if unsupported else "failed"


def final_reason(reason: str) -> str:
    """Return the reason of a final failure: a file that was cut off is not being copied any longer."""
    return reason.replace("damaged or still being copied", "damaged, or its end is missing; copy it again")


def format_outcomes(counts: Mapping[Outcome, int]) -> str:
    """Return the counts in one line: "3 restored, 1 unchanged, 2 failed"; empty if there are none."""
    return ", ".join(f"{counts[outcome]} {outcome}" for outcome in OUTCOMES if counts.get(outcome, 0) > 0)


class OutcomeCounter:
    """Counts the ledger's photos by outcome; later calls read only what has changed since."""

    def __init__(self) -> None:
        self._finished: Counter[Outcome] = Counter()
        self.strangers = NO_STRANGERS  # in the photos counted by the last `count`
        self._newest = float("-inf")  # wall clock seconds of the last photo counted

    def count(self, view: LedgerView, finished: int, folders: Collection[Path] | None) -> dict[Outcome, int]:
        """Return the number of photos with each outcome.

        finished  how many photos the ledger lists as finished
        folders   the watched roots whose failed photos count; None: all roots there ever were

        Raises BadLedger if the ledger cannot be read.
        """
        if finished > self._total():
            self._add(view)
        if finished != self._total():  # a photo was redone, or the ledger is another one
            self._finished.clear()
            self.strangers = NO_STRANGERS
            self._newest = float("-inf")
            self._add(view)
        counts = Counter(self._finished)
        counts.update(outcome_of_failure(error, reason) for error, reason in view.failures(folders))
        return {outcome: counts[outcome] for outcome in OUTCOMES}

    def _total(self) -> int:
        return sum(self._finished.values())

    def _add(self, view: LedgerView) -> None:
        for changed, report in view.reports_after(self._newest):
            self._newest = max(self._newest, changed)
            self._finished[outcome_of_report(report)] += 1
            faces = (report or {}).get("faces")
            found = count_strangers(faces if isinstance(faces, list) else ())
            self.strangers = Strangers(self.strangers.kept + found.kept, self.strangers.shown + found.shown)
