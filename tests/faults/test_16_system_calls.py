"""System calls.

The daemon and its engine are traced with strace while they restore three photos, one of them with a face; the
ledger's writes are replayed to find when each state is recorded.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from textwrap import dedent

import pytest

from tests.daemon_process import DaemonProcess
from tests.faults.kills import PNG_OUTPUT
from tests.faults.patches import (
    NO_FSYNC,
    NO_LEDGER_SYNC,
    OPEN_ORIGINALS_FOR_WRITING,
    PatchedDaemon,
)
from tests.faults.photos import landscape, portrait
from tests.faults.syscalls import (
    NAME_CALLS,
    Call,
    ledger_states,
    named_file,
    order_violations,
    trace,
    writes_to_originals,
)

COPIES = {
    "face.jpg": "face.png",  # the engine writes it
    "once more.jpg": "once more.png",  # the same photo: the first copy is copied
    "Bäume.jpg": "Bäume.jpg",  # no face: the daemon copies the original
}


class Traced:
    """The system calls made for some photos, and checks of their order."""

    def __init__(self, daemon: DaemonProcess, photos: list[str]) -> None:
        self._daemon = daemon
        self._photos = photos
        for name in photos:
            (daemon.inbox / name).write_bytes(landscape(1) if COPIES[name] == name else portrait(2))
        self.calls = trace(daemon, daemon.places.config.with_name("trace"))

    def original(self, photo: str) -> Path:
        return self._daemon.inbox / photo

    def copy_of(self, photo: str) -> Path:
        return self._daemon.output / COPIES[photo]

    def violations(self) -> list[str]:
        """Return the violations in the calls as they were made."""
        found = writes_to_originals(self.calls, self._daemon.inbox)
        return found + [text for name in self._photos for text in self.violations_of(name, self.calls)]

    def violations_of(self, photo: str, calls: list[Call]) -> list[str]:
        """Return the violations in one photo's commit, given the calls in this order."""
        ledger = self._daemon.places.ledger
        states = ledger_states(calls, ledger, self.original(photo))
        return [f"{photo}: {text}" for text in order_violations(calls, self.copy_of(photo), states, ledger)]


@pytest.fixture(scope="module")
def traced(tmp_path_factory):
    return Traced(DaemonProcess(tmp_path_factory.mktemp("traced"), output=PNG_OUTPUT), list(COPIES))


def test_a_copy_is_synced_before_it_is_named_and_named_before_the_ledger_says_done(traced, measured):
    found = traced.violations()
    measured(f"{len(COPIES)} photos: {len(found)} calls out of order or on an original")
    assert found == []


def test_this_check_finds_planted_defects(tmp_path):
    defect = dedent(NO_FSYNC) + dedent(NO_LEDGER_SYNC) + dedent(OPEN_ORIGINALS_FOR_WRITING)
    planted = Traced(PatchedDaemon(tmp_path, defect), ["Bäume.jpg"])
    found = planted.violations()
    assert {text.partition(": ")[2] for text in found if text.startswith("Bäume.jpg: ")} == {
        "the copy has its name before it is on the disk",
        "the copy has its name before the ledger records it",
        "the folder is not synced",
        "the ledger's last state is not synced",
    }
    assert f"openat ['{planted.original('Bäume.jpg')}']" in found


@pytest.mark.parametrize("photo", COPIES)
def test_this_check_finds_calls_in_the_wrong_order(traced, photo):
    copy = traced.copy_of(photo)
    naming = next(call for call in traced.calls if call.names[-1:] == [str(copy)] and call.name in NAME_CALLS)
    synced = {call.file: call for call in traced.calls if call.name == "fsync" and call.began < naming.began}
    content_sync = synced[named_file(traced.calls, naming)]
    folder_sync = next(
        call for call in traced.calls if call.file == str(copy.parent) and call.began > naming.began
    )
    assert traced.violations_of(photo, moved_to_end(traced.calls, content_sync)) == [
        f"{photo}: the copy has its name before it is on the disk"
    ]
    assert f"{photo}: the ledger says done before the folder is synced" in traced.violations_of(
        photo, moved_to_end(traced.calls, folder_sync)
    )


def moved_to_end(calls: list[Call], late: Call) -> list[Call]:
    """Return the same calls, as if `late` had been the last."""
    end = calls[-1].ended + 1
    return [*(call for call in calls if call is not late), replace(late, began=end, ended=end)]
