"""One requested model, and the state of its download."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from facewatch.models.catalogue import Licence
from facewatch.models.files import Progress


@dataclass(frozen=True)
class DownloadRequest:
    """One requested model, and the state of its download."""

    requested_at: float  # clock seconds, at the last `want`
    state: Literal["queued", "downloading", "waiting", "held", "cancelled"] = "queued"
    by_settings: bool = False  # the settings name the model; else a redo does
    asked: bool = False  # by the user, who knows the connection
    failures: int = 0
    due: float = 0.0  # clock seconds
    reason: str = ""
    progress: Progress | None = None
    licence: Licence | None = None

    def as_json(self, clock: float, now: float) -> dict[str, Any]:
        """Return the state as plain data, as `Downloader.states` describes it.

        clock, now  the present as clock seconds, and as a Unix time
        """
        facts: dict[str, Any] = {"state": self.state}
        if self.progress is not None:
            facts["done_bytes"] = self.progress.done_bytes
            facts["total_bytes"] = self.progress.total_bytes
            facts["bytes_per_second"] = round(self.progress.bytes_per_second)
            facts["seconds_left"] = self.progress.seconds_left
        if self.reason:
            facts["reason"] = self.reason
        if self.state == "waiting":
            facts["failures"] = self.failures
            facts["retry_at"] = now + max(self.due - clock, 0.0)
        if self.licence is not None:
            facts["licence"] = self.licence.name
            facts["terms_url"] = self.licence.terms_url
            facts["sentence"] = self.licence.sentence
        return facts
