"""The ledger of all photos and their results: the only user of SQLite.

Only the daemon writes, through one `Ledger`; everything else reads, through `LedgerView`.
"""

from __future__ import annotations

from facewatch.state.ledger.jobs import (
    ENDED,
    FAILED,
    FINISHED,
    WAITING,
    FinishedDuplicate,
    Job,
    PhotoRow,
    State,
)
from facewatch.state.ledger.ledger import Ledger
from facewatch.state.ledger.queries import LedgerView
from facewatch.state.ledger.schema import DamagedLedger

__all__ = [
    "ENDED",
    "FAILED",
    "FINISHED",
    "WAITING",
    "DamagedLedger",
    "FinishedDuplicate",
    "Job",
    "Ledger",
    "LedgerView",
    "PhotoRow",
    "State",
]
