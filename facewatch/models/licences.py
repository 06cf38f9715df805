"""Which licences the user has accepted, and when."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from facewatch.errors import LicenceNotAccepted
from facewatch.models.catalogue import Licence, Model
from facewatch.models.records import Document


class Licences:
    """Asked once for each licence: the models that share one share the answer."""

    def __init__(self, path: Path, today: Callable[[], str]) -> None:
        self._document = Document(path)
        self._today = today

    def question(self, row: Model) -> Licence | None:
        """The licence that has to be accepted before the file is fetched; None when there is nothing to ask.

        Raises BadCheckpoint when the answers cannot be read.
        """
        licence = row.checkpoint.licence if row.checkpoint else None
        if licence is None or not licence.non_commercial or licence.name in self._document.read():
            return None
        return licence

    def accept(self, row: Model) -> None:
        """Put on record that the model's licence is accepted.

        Raises CannotWrite or DiskFull.
        """
        if self.question(row) is None or row.checkpoint is None:
            return
        licence = row.checkpoint.licence
        with self._document.changing() as content:
            content[licence.name] = {
                "accepted": self._today(),
                "terms": licence.terms_url,
                "asked_for": row.name,
            }


def not_accepted(name: str, licence: Licence) -> LicenceNotAccepted:
    """What is said to someone who has not been asked yet."""
    return LicenceNotAccepted(
        f"{name} comes under {licence.name} ({licence.terms_url}). {licence.sentence} "
        f"It is fetched once you have accepted that: `facewatch models accept {name}`"
    )
