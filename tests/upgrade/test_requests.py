"""The requests that waited for a daemon of version 0.1.0 are taken by a later one."""

from __future__ import annotations

import json
import time

import pytest

from tests.upgrade.installation import COPIES, INPUTS, OUTPUTS, Installation, includes

AFTER_REQUESTS = {
    "in/1974/Großmutter.jpg": "done",
    "in/claimed.jpg": "done",
    "in/failed.jpg": "done",
    "in/half.jpg": "retry",
    "in/poison.jpg": "done",
    "in/queued.jpg": "done",
    "in/running.jpg": "done",
    "in/second.jpg": "retry",  # waits for the model that the request names
    "in/third.jpg": "done",
    "in/unnamed.jpg": "done",
    "in/words.jpg": "parked",
}
MADE_AGAIN = {  # photo: its new copy, and the weight that was asked for
    "in/1974/Großmutter.jpg": ("out/1974/Großmutter-restored (builtin 0.9).jpg", 0.9),
    "in/third.jpg": ("out/third-restored (builtin 1).jpg", 1.0),
}


@pytest.fixture(scope="module")
def asked(tmp_path_factory):
    """The earlier installation after a daemon took the requests that waited in it, and was asked to end."""
    home = Installation.of_version_0_1_0(tmp_path_factory.mktemp("asked") / "home", requests=True)
    originals, copies = home.digests(*INPUTS), home.digests(*OUTPUTS)
    with home.start("run", "--no-tray") as daemon:
        try:
            wait_for_ends(home, daemon)
            pid = json.loads((home.home / "state" / "daemon.json").read_text("utf-8"))["pid"]
            assert pid == daemon.pid
            leave_request(home, {"kind": "quit", "pid": pid})
            printed = daemon.communicate(timeout=60)[0]
        finally:
            daemon.kill()
    assert daemon.returncode == 0, printed
    return home, originals, copies


def wait_for_ends(home, daemon):
    deadline = time.monotonic() + 150
    while True:
        requests = list((home.home / "state" / "requests").iterdir())
        made = all((home.home / copy).exists() for copy, _ in MADE_AGAIN.values())
        if not requests and made and includes(home.states(), AFTER_REQUESTS):
            return
        assert daemon.poll() is None
        assert time.monotonic() < deadline, (requests, home.states())
        time.sleep(0.1)


def leave_request(home, request):
    file = home.home / "state" / "requests" / f"{time.time_ns():020d}-0123abcd.json"
    file.with_suffix(".new").write_text(json.dumps(request), "utf-8")
    file.with_suffix(".new").rename(file)


def test_waiting_requests_to_restore_again_make_their_copies_beside_the_first(asked):
    home, originals, copies = asked
    rows = home.rows()
    for path, (copy, weight) in MADE_AGAIN.items():
        assert (rows[path]["output"], rows[path]["report"]["weight"]) == (copy, weight)
    waiting = rows["in/second.jpg"]
    assert (waiting["error"], waiting["wishes"]["model"]) == ("ModelAwaited", "codeformer")
    now = home.digests(*OUTPUTS)
    assert {name: now[name] for name in COPIES} == {name: copies[name] for name in COPIES}
    assert home.digests(*INPUTS) == originals


def test_a_waiting_request_to_try_again_counts_the_attempts_from_the_start(asked):
    home, _, _ = asked
    poison = home.rows()["in/poison.jpg"]
    assert (poison["attempts"], poison["output"]) == (1, "out/poison-restored.jpg")


def test_requests_are_written_as_they_were(earlier):
    photo = earlier.home / "in" / "second.jpg"
    earlier.command("redo", str(photo), "--weight", "0.25")
    earlier.command("retry")
    written = [
        json.loads(file.read_text("utf-8"))
        for file in sorted((earlier.home / "state" / "requests").glob("*.json"))
    ]
    assert written == [
        {"kind": "redo", "path": str(photo), "weight": 0.25},
        {"kind": "retry_failed"},
    ]
