"""The data that the tray shows at one moment."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from facewatch.settings.schema import Settings
from facewatch.state.ledger.jobs import STATES
from facewatch.state.status import Mood, Status
from facewatch.system.autostart import State as LoginState


@dataclass(frozen=True)
class Choice:
    """One face model in the menu."""

    name: str
    available: bool  # its file is on this machine, or it needs none
    size_bytes: int | None
    non_commercial: bool


@dataclass(frozen=True)
class View:
    """A snapshot of the settings, the daemon and this machine."""

    settings: Settings | None  # None: the config file was never readable
    status: Status
    choices: tuple[Choice, ...]
    login: LoginState
    config: Path
    log: Path
    now: datetime
    asks_model: bool = False  # no model has been chosen yet
    problem: str = ""  # of this process: an invalid edit of the settings, a program that did not open

    @property
    def mood(self) -> Mood:
        """The daemon's mood, or attention if this process has a problem or a licence needs approval."""
        mood = self.status.mood
        if mood in ("idle", "working") and (self.problem or self.held):
            return "attention"
        return mood

    @property
    def held(self) -> tuple[str, ...]:
        """The models whose licence needs approval."""
        downloads = self.status.downloads.items()
        return tuple(name for name, download in downloads if download.get("state") == "held")

    @property
    def running(self) -> bool:
        """True if the daemon is running."""
        return self.status.pid is not None


def unreadable(reason: str, pid: int | None) -> Status:
    """Return a status that reports an unreadable ledger."""
    return Status(
        mood="attention",
        pid=pid,
        counts=dict.fromkeys(STATES, 0),
        settling=0,
        current=None,
        engine=None,
        downloads={},
        troubles=[reason],
        failed=[],
        recent=[],
    )
