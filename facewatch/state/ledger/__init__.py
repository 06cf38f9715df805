"""What was done to which file: the only door to SQLite.

The daemon alone writes, through one `Ledger`; all others look, through `LedgerView`.
"""

from __future__ import annotations

from facewatch.ledger.jobs import ENDED, FAILED, FINISHED, WAITING, Job, State, Twin
from facewatch.ledger.opening import DamagedLedger
from facewatch.ledger.reading import LedgerView
from facewatch.ledger.writing import Ledger

__all__ = [
    "ENDED",
    "FAILED",
    "FINISHED",
    "WAITING",
    "DamagedLedger",
    "Job",
    "Ledger",
    "LedgerView",
    "State",
    "Twin",
]
