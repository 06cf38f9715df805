from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from facewatch.state.reports import Strangers
from facewatch.state.requests import Request
from facewatch.tray.menu_items import AcceptLicence, Open, OpenGallery, OpenOwn, SendRequest
from facewatch.tray.notifications import (
    DOWNLOAD_SECONDS,
    QUIET_SECONDS,
    REPEAT_SECONDS,
    Memory,
    Notification,
    due_notifications,
)
from tests.tray.views import DONE, status


class Tray:
    """Collects the notifications of successive statuses, a second apart by default."""

    def __init__(self, level="summary") -> None:
        self.level, self.memory, self.now = level, Memory(), 1000.0
        self.texts: list[str] = []
        self.last: Notification | None = None

    def look(self, now_status, *, after: float = 1.0) -> list[str]:
        self.now += after
        self.memory, found = due_notifications(self.memory, now_status, self.level, self.now)
        texts = [notification.text for notification in found]
        self.last = found[-1] if found else self.last
        self.texts += texts
        return texts

    def quiet(self, now_status) -> list[str]:
        """Pass the same status until a batch has ended."""
        return [text for _ in range(int(QUIET_SECONDS) + 2) for text in self.look(now_status)]


def counts(done=0, queued=0, parked=0, **others):
    return status(counts={"done": done, "queued": queued, "parked": parked, **others})


def test_a_batch_is_one_notification_when_it_has_ended():
    tray = Tray()
    tray.look(counts(100))
    tray.look(counts(100, queued=13))
    for done in range(12):
        assert tray.look(counts(101 + done, queued=12 - done)) == []
    assert tray.quiet(counts(112, parked=1)) == ["12 photos restored, 1 failed"]
    assert tray.quiet(counts(112, parked=1)) == []


def test_photos_that_trickle_in_are_one_batch():
    tray = Tray()
    tray.look(counts(0))
    for done in range(5):
        tray.look(counts(done, queued=1))
        tray.look(counts(done + 1), after=QUIET_SECONDS - 2)
    assert tray.texts == []
    assert tray.quiet(counts(5)) == ["5 photos restored"]


def test_a_photo_finished_between_two_looks_is_notified():
    tray = Tray()
    tray.look(counts(3))
    assert tray.quiet(counts(4)) == ["1 photo restored"]


def test_a_redo_and_a_retry_count_although_the_totals_stay_the_same():
    tray = Tray()
    tray.look(counts(7, parked=1))
    tray.look(counts(6, queued=1, parked=1))
    assert tray.quiet(counts(7, parked=1)) == ["1 photo restored"]
    tray.look(counts(7, queued=1))
    assert tray.quiet(counts(7, parked=1)) == ["1 photo failed"]


def test_photos_that_wait_for_a_retry_do_not_delay_the_summary():
    tray = Tray()
    tray.look(counts(0))
    tray.look(counts(0, queued=2))
    assert tray.quiet(counts(1, retry=1)) == ["1 photo restored"]


def test_the_first_look_shows_no_notification():
    tray = Tray("all")
    first = status("attention", {"parked": 5, "done": 9}, troubles=["disk: full"])
    assert tray.quiet(first) == []


def test_a_trouble_that_comes_and_goes_is_notified_once():
    tray = Tray()
    tray.look(counts())
    trouble = status("attention", troubles=["disk: no space left"])
    assert tray.look(trouble) == ["disk: no space left"]
    assert [tray.look(counts()), tray.look(trouble)] == [[], []]
    tray.look(counts(), after=REPEAT_SECONDS)
    assert tray.look(trouble) == ["disk: no space left"]


HELD = {
    "state": "held", "licence": "S-Lab License 1.0", "terms_url": "https://example.org/terms",
    "sentence": "Not for sale.",
}  # fmt: skip
COMING = {"state": "downloading", "done_bytes": 0, "total_bytes": 376637898}


def test_a_download_is_notified_once_and_says_how_many_photos_wait():
    tray = Tray()
    tray.look(counts())
    now = status("working", {"queued": 1}, downloads={"codeformer": COMING, "parsenet": {"state": "queued"}})
    assert tray.look(now) == []
    assert tray.look(now, after=DOWNLOAD_SECONDS) == ["codeformer (377 MB), parsenet; 1 photo waits"]
    later = status("working", {"queued": 2}, downloads={"codeformer": {**COMING, "done_bytes": 5}})
    assert tray.look(later) == []
    assert tray.look(status("working"), after=60) == []
    assert tray.look(status("working", downloads={"gfpgan-1.4": COMING})) == []
    assert tray.look(status("working", downloads={"gfpgan-1.4": COMING}), after=9) == ["gfpgan-1.4 (377 MB)"]


def test_before_the_first_photo_there_is_one_notification_with_buttons():
    tray = Tray()
    tray.look(counts())
    held = {"gfpgan-1.4": {**HELD, "licence": "NVIDIA"}, "detector": {"state": "downloading"}}
    for _ in range(20):
        tray.look(status("working", {"queued": 8}, downloads=held))
    assert tray.texts == ["gfpgan-1.4 is under NVIDIA. Not for sale."]
    assert tray.last.actions == (
        ("Read the terms", Open("https://example.org/terms")),
        ("Accept", AcceptLicence("gfpgan-1.4")),
    )
    accepted = {"gfpgan-1.4": COMING}
    for _ in range(20):
        tray.look(status("working", {"queued": 8}, downloads=accepted))
    assert len(tray.texts) == 1


def test_models_that_cannot_be_downloaded_are_one_notification():
    tray = Tray()
    tray.look(counts())
    failing = {"state": "waiting", "reason": "Cannot reach github.com. Check the connection."}
    now = status("working", {"queued": 1}, downloads={"codeformer": failing, "parsenet": failing})
    tray.look(now)
    assert tray.look(now, after=DOWNLOAD_SECONDS) == [
        "codeformer, parsenet: Cannot reach github.com. Check the connection."
    ]
    assert tray.last.actions == (("Try now", SendRequest(Request("download_now"))),)


def test_the_outcomes_of_a_batch_are_counted_apart():
    tray = Tray()
    tray.look(counts())
    tray.look(counts(queued=8))
    ended = {"restored": 1, "unchanged": 5, "without faces": 1, "not supported": 1}
    copy = {**DONE, "output": "/out/a.jpg"}
    now = status(outcomes=ended, recent=[copy, {**copy, "output": "/out/b.jpg"}])
    assert tray.quiet(now) == ["1 photo restored, 5 unchanged, 1 without faces, 1 not supported"]
    assert tray.last.actions == (("Show", OpenGallery()), ("Why?", OpenGallery("problems")))
    assert tray.quiet(replace(now, outcomes={**ended, "unchanged": 6})) == ["1 photo unchanged"]
    assert tray.last.actions == (("Show", OpenGallery(photo=Path(copy["path"]))),)


@pytest.mark.parametrize(
    ("trouble", "action"),
    [
        ("folder /out: cannot be written", ("Show", Open("/out"))),
        ("config: unknown key modle", ("Open settings", OpenOwn("config"))),
        ("engine for /in: out of memory", ("Open log", OpenOwn("log"))),
    ],
)
def test_a_click_on_a_trouble_opens_what_it_is_about(trouble, action):
    tray = Tray()
    tray.look(counts())
    assert tray.look(status("attention", troubles=[trouble])) == [trouble]
    assert tray.last.actions == (action,)


def test_a_stopped_daemon_is_notified():
    tray = Tray("errors")
    tray.look(counts())
    assert tray.look(status("stopped", pid=None)) == [
        "New photos wait until you start it again in the tray menu"
    ]
    assert tray.look(status("stopped", pid=None)) == []
    assert tray.look(counts()) == []


DOWNLOADING = "codeformer; 1 photo waits"
EVENTS = [
    counts(),
    status("working", {"queued": 1}),
    *[status("working", {"queued": 1}, downloads={"codeformer": {"state": "downloading"}})] * 5,
    status("attention", {"done": 1}, troubles=["device: no GPU"]),
]


@pytest.mark.parametrize(
    ("level", "expected"),
    [
        ("all", [DOWNLOADING, "device: no GPU", "codeformer is downloaded",
                 "1 photo restored"]),
        ("summary", [DOWNLOADING, "device: no GPU", "1 photo restored"]),
        ("errors", ["device: no GPU"]),
        ("none", []),
    ],
)  # fmt: skip
def test_each_level_shows_its_categories(level, expected):
    tray = Tray(level)
    for event in EVENTS:
        tray.look(event)
    tray.quiet(EVENTS[-1])
    assert tray.texts == expected


def test_a_failure_is_notified_at_the_level_errors():
    tray = Tray("errors")
    tray.look(counts())
    tray.look(counts(queued=3))
    assert tray.quiet(counts(done=2, parked=1)) == ["2 photos restored, 1 failed"]
    tray.look(counts(done=2, parked=1, queued=1))
    assert tray.quiet(counts(done=3, parked=1)) == []


def test_a_batch_names_the_faces_that_became_another_persons():
    tray = Tray()
    tray.look(replace(counts(3), strangers=Strangers(4, 0)))
    assert tray.quiet(replace(counts(5), strangers=Strangers(5, 0))) == [
        "2 photos restored; 1 face kept: it no longer looked like the same person"
    ]
    assert tray.quiet(replace(counts(6), strangers=Strangers(5, 0))) == ["1 photo restored"]
