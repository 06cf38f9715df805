"""Two users without privileges: one who runs a daemon, and one who attacks it."""

from __future__ import annotations

import os
from pathlib import Path

from tests.faults.patches import PatchedDaemon

VICTIM, ATTACKER = 20_001, 20_002
POWERLESS_ROOT = 0  # root without a capability: the victim where no other user can run this Python


class VictimsDaemon(PatchedDaemon):
    """A daemon of the user whose home it has."""

    def __init__(self, *arguments: object, **settings: object) -> None:
        super().__init__(*arguments, **settings)
        self.dropped: dict[Path, str] = {}  # SHA-256 of each photo

    @property
    def victim(self) -> int:
        return self.places.config.parent.stat().st_uid

    def start_command(self) -> list[str]:
        return [*as_user(self.victim), *super().start_command()]

    @property
    def environment(self) -> dict[str, str]:
        return {**super().environment, "HOME": str(self.places.config.parent)}

    def give_all_to_victim(self) -> None:
        """Make everything in the home the victim's; anybody may write in the output folder."""
        self.output.mkdir(exist_ok=True)
        for path in self.places.config.parent.rglob("*"):
            os.chown(path, self.victim, self.victim)
        self.output.chmod(0o777)


def as_user(number: int) -> list[str]:
    """Return the prefix of a command that runs as this user."""
    return [
        "setpriv",
        f"--reuid={number}",
        f"--regid={number}",
        "--clear-groups",
        "--inh-caps=-all",
        "--bounding-set=-all",
    ]
