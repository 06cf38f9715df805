from __future__ import annotations

import pytest

from facewatch.tray.notifications import QUIET_SECONDS, TOLD_AGAIN_SECONDS, Memory, notices
from tests.tray.views import status


class Teller:
    """Looks in turn, a second apart unless said otherwise, and what was told."""

    def __init__(self, level="summary") -> None:
        self.level, self.memory, self.now = level, Memory(), 1000.0
        self.told: list[str] = []

    def look(self, now_status, *, after: float = 1.0) -> list[str]:
        self.now += after
        self.memory, found = notices(self.memory, now_status, self.level, self.now)
        texts = [notice.text for notice in found]
        self.told += texts
        return texts

    def quiet(self, now_status) -> list[str]:
        """Long enough for a batch to have ended."""
        return [text for _ in range(int(QUIET_SECONDS) + 2) for text in self.look(now_status)]


def counts(done=0, queued=0, parked=0, **others):
    return status(counts={"done": done, "queued": queued, "parked": parked, **others})


def test_a_batch_is_one_notification_when_it_has_ended():
    teller = Teller()
    teller.look(counts(100))
    teller.look(counts(100, queued=13))
    for done in range(12):
        assert teller.look(counts(101 + done, queued=12 - done)) == []
    assert teller.quiet(counts(112, parked=1)) == ["12 photos restored, 1 failed"]
    assert teller.quiet(counts(112, parked=1)) == []


def test_photos_that_trickle_in_are_one_batch():
    teller = Teller()
    teller.look(counts(0))
    for done in range(5):
        teller.look(counts(done, queued=1))
        teller.look(counts(done + 1), after=QUIET_SECONDS - 2)
    assert teller.told == []
    assert teller.quiet(counts(5)) == ["5 photos restored"]


def test_a_photo_that_came_and_went_between_two_looks_is_told():
    teller = Teller()
    teller.look(counts(3))
    assert teller.quiet(counts(4)) == ["1 photo restored"]


def test_a_redo_and_a_retry_count_though_the_sums_do_not_change():
    teller = Teller()
    teller.look(counts(7, parked=1))
    teller.look(counts(6, queued=1, parked=1))
    assert teller.quiet(counts(7, parked=1)) == ["1 photo restored"]
    teller.look(counts(7, queued=1))
    assert teller.quiet(counts(7, parked=1)) == ["1 photo failed"]


def test_photos_that_wait_for_another_try_do_not_hold_the_summary_back():
    teller = Teller()
    teller.look(counts(0))
    teller.look(counts(0, queued=2))
    assert teller.quiet(counts(1, retry=1)) == ["1 photo restored"]


def test_nothing_is_told_at_the_first_look():
    teller = Teller("all")
    first = status("attention", {"parked": 5, "done": 9}, troubles=["disk: full"])
    assert teller.quiet(first) == []


def test_a_trouble_is_told_once_though_it_comes_and_goes():
    teller = Teller()
    teller.look(counts())
    trouble = status("attention", troubles=["disk: no space left"])
    assert teller.look(trouble) == ["disk: no space left"]
    assert [teller.look(counts()), teller.look(trouble)] == [[], []]
    teller.look(counts(), after=TOLD_AGAIN_SECONDS)
    assert teller.look(trouble) == ["disk: no space left"]


def test_a_licence_is_asked_once_and_a_download_is_told_once():
    teller = Teller()
    teller.look(counts())
    held = {"codeformer": {"state": "held", "licence": "S-Lab License 1.0"}}
    question = "codeformer comes under S-Lab License 1.0: read and accept it in the menu"
    assert teller.look(status("working", downloads=held)) == [question]
    assert teller.look(status("working", downloads=held)) == []
    coming = {"codeformer": {"state": "downloading", "done_bytes": 0, "total_bytes": 376637898}}
    assert teller.look(status("working", downloads=coming)) == ["codeformer (377 MB); the photos wait for it"]
    coming = {"codeformer": {**coming["codeformer"], "done_bytes": 5}}
    assert teller.look(status("working", downloads=coming)) == []


def test_a_daemon_that_is_gone_is_told():
    teller = Teller("errors")
    teller.look(counts())
    assert teller.look(status("stopped", pid=None)) == [
        "It is no longer running, and new photos wait; start it again in the menu"
    ]
    assert teller.look(status("stopped", pid=None)) == []
    assert teller.look(counts()) == []


EVENTS = [
    counts(),
    status("working", {"queued": 1}),
    status("working", {"queued": 1}, downloads={"codeformer": {"state": "downloading"}}),
    status("attention", {"done": 1}, troubles=["device: no GPU"]),
]


@pytest.mark.parametrize(
    ("level", "expected"),
    [
        ("all", ["codeformer; the photos wait for it", "device: no GPU", "codeformer is here",
                 "1 photo restored"]),
        ("summary", ["codeformer; the photos wait for it", "device: no GPU", "1 photo restored"]),
        ("errors", ["device: no GPU"]),
        ("none", []),
    ],
)  # fmt: skip
def test_each_level_tells_its_own(level, expected):
    teller = Teller(level)
    for event in EVENTS:
        teller.look(event)
    teller.quiet(EVENTS[-1])
    assert teller.told == expected


def test_a_failure_is_told_where_only_errors_are_wanted():
    teller = Teller("errors")
    teller.look(counts())
    teller.look(counts(queued=3))
    assert teller.quiet(counts(done=2, parked=1)) == ["2 photos restored, 1 failed"]
    teller.look(counts(done=2, parked=1, queued=1))
    assert teller.quiet(counts(done=3, parked=1)) == []
