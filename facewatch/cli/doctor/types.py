"""What the check-up has to say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Level = Literal["ok", "note", "mend"]


@dataclass(frozen=True)
class Finding:
    """One line of the check-up.

    note  nothing is broken, but it should be known
    mend  facewatch, or a part of it, does not work like this; the text ends with what to do
    """

    what: str
    level: Level
    text: str

    @property
    def ok(self) -> bool:
        """Nothing has to be mended."""
        return self.level != "mend"
