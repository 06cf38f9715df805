"""An interrupted download resumes, unless the file has changed meanwhile."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.models.download_harness import failure, fetch, gets
from tests.models.fault_server import FaultServer, content
from tests.models.rows import SIZE, make_model_files, quick_timeouts, row, served


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "cut", "after": 40_000},
        {"kind": "cut", "after": 40_000, "hard": True},
        {"kind": "stall", "after": 40_000},
    ],
    ids=["closed", "reset", "stalled"],
)
def test_a_broken_connection_is_resumed(server: FaultServer, tmp_path: Path, fault: dict[str, Any]):
    model_files = make_model_files(tmp_path, served(server))
    server.script("/toy.pth", fault)
    server.log()
    fetch(model_files)
    first, second = server.log()
    assert (first["first"], first["sent"]) == (0, 40_000)
    # A reset may throw away what the client had not read yet.
    assert second["status"] == 206
    assert 0 < second["first"] <= 40_000
    assert second["sent"] == SIZE - second["first"]
    assert second["if_range"] == f'"1-{SIZE}"'


def test_a_part_is_resumed_by_the_next_fetch(server: FaultServer, tmp_path: Path):
    model_files = make_model_files(tmp_path, served(server), timeouts=quick_timeouts(max_failures=1))
    server.script("/toy.pth", {"kind": "cut", "after": 40_000})
    server.log()
    said = failure(model_files)
    assert "came truncated" in said
    assert "40.0 kB are kept" in said
    fetch(model_files)
    assert gets(server) == [(200, 0, 40_000), (206, 40_000, 60_000)]


def test_a_part_from_the_mirror_is_finished_elsewhere(server: FaultServer, tmp_path: Path):
    model = served(server, mirrors=(f"{server.base}/second.pth",))
    server.put("/second.pth", SIZE, 1)
    server.script("/toy.pth", {"kind": "cut", "after": 40_000}, {"kind": "status", "status": 404})
    server.log()
    fetch(make_model_files(tmp_path, model))
    assert gets(server) == [(200, 0, 40_000), (404, 0, 0), (206, 40_000, 60_000)]


def test_a_server_without_ranges_starts_over(server: FaultServer, tmp_path: Path):
    model_files = make_model_files(tmp_path, served(server))
    server.script("/toy.pth", {"kind": "cut", "after": 40_000}, {"kind": "no_range"})
    server.log()
    fetch(model_files)
    assert gets(server) == [(200, 0, 40_000), (200, 0, SIZE)]


def test_a_file_that_changed_between_two_requests_starts_over(server: FaultServer, tmp_path: Path):
    loose = row("toy", f"{server.base}/toy.pth", None, None)
    server.put("/toy.pth", SIZE, 1)
    server.script("/toy.pth", {"kind": "cut", "after": 40_000}, {"kind": "changed"})
    server.log()
    file = fetch(make_model_files(tmp_path, loose))
    assert file.read_bytes() == content(SIZE, 2)
    assert gets(server) == [(200, 0, 40_000), (200, 0, SIZE)]


def test_a_changed_file_is_noticed_where_if_range_is_ignored(server: FaultServer, tmp_path: Path):
    loose = row("toy", f"{server.base}/toy.pth", None, None)
    server.put("/toy.pth", SIZE, 2)
    model_files = make_model_files(tmp_path, loose, timeouts=quick_timeouts(max_failures=1))
    server.script("/toy.pth", {"kind": "cut", "after": 40_000})
    failure(model_files)
    server.put("/toy.pth", SIZE, 3)
    server.script("/toy.pth", {"kind": "ignores_if_range"})
    assert "changed on the server" in failure(model_files)
    assert fetch(model_files).read_bytes() == content(SIZE, 3)


def test_an_unpinned_part_without_validator_is_not_trusted(server: FaultServer, tmp_path: Path):
    loose = row("toy", f"{server.base}/toy.pth", None, None)
    server.put("/toy.pth", SIZE, 1)
    server.script("/toy.pth", {"kind": "no_etag", "after": 40_000})
    server.log()
    fetch(make_model_files(tmp_path, loose))
    assert gets(server) == [(200, 0, 40_000), (200, 0, SIZE)]


def test_a_pinned_part_without_validator_is_resumed_and_checked(server: FaultServer, tmp_path: Path):
    model_files = make_model_files(tmp_path, served(server))
    server.script("/toy.pth", {"kind": "weak_etag", "after": 40_000})
    server.log()
    fetch(model_files)
    assert gets(server) == [(200, 0, 40_000), (206, 40_000, 60_000)]


def test_a_wrong_first_part_costs_one_more_download(server: FaultServer, tmp_path: Path):
    model_files = make_model_files(tmp_path, served(server))
    (tmp_path / "toy.pth.part").write_bytes(b"x" * 40_000)
    server.log()
    fetch(model_files)
    assert gets(server) == [(206, 40_000, 60_000), (200, 0, SIZE)]


def test_a_whole_part_is_not_fetched_again(server: FaultServer, tmp_path: Path):
    model_files = make_model_files(tmp_path, served(server))
    (tmp_path / "toy.pth.part").write_bytes(content(SIZE, 1))
    server.log()
    fetch(model_files)
    assert gets(server) == []


def test_the_server_may_answer_that_nothing_is_left(server: FaultServer, tmp_path: Path):
    sha256 = server.put("/toy.pth", SIZE, 1)
    (tmp_path / "toy.pth.part").write_bytes(content(SIZE, 1))
    server.log()
    fetch(make_model_files(tmp_path, row("toy", f"{server.base}/toy.pth", sha256, None)))
    assert gets(server) == [(416, SIZE, 0)]


def test_another_range_than_requested_starts_over(server: FaultServer, tmp_path: Path):
    model_files = make_model_files(tmp_path, served(server))
    server.script("/toy.pth", {"kind": "cut", "after": 40_000}, {"kind": "good", "shift": 7})
    server.log()
    fetch(model_files)
    assert gets(server)[-1] == (200, 0, SIZE)


def test_a_login_page_does_not_replace_received_bytes(server: FaultServer, tmp_path: Path):
    model_files = make_model_files(tmp_path, served(server))
    server.script("/toy.pth", {"kind": "cut", "after": 40_000}, {"kind": "html"})
    assert "40.0 kB are kept" in failure(model_files)
    server.log()
    fetch(model_files)
    assert gets(server) == [(206, 40_000, 60_000)]


def test_an_unreachable_server_is_retried_after_a_partial_download(tmp_path: Path):
    pauses: list[float] = []
    model = row("toy", "http://127.0.0.1:9/toy.pth", "0" * 64, SIZE)
    model_files = make_model_files(tmp_path, model, timeouts=quick_timeouts(sleep=pauses.append))
    (tmp_path / "toy.pth.part").write_bytes(b"x" * 40_000)
    assert "no connection" in failure(model_files)
    assert pauses


def test_retries_back_off_with_jitter(server: FaultServer, tmp_path: Path):
    pauses: list[float] = []
    timeouts = quick_timeouts(max_failures=4, sleep=pauses.append, jitter=lambda: 1.0, max_pause_seconds=3)
    model_files = make_model_files(tmp_path, served(server), timeouts=timeouts)
    server.script("/toy.pth", *[{"kind": "status", "status": 500}] * 4)
    server.log()
    failure(model_files)
    assert len(gets(server)) == 4
    assert sum(pauses) == pytest.approx(1.5 * (1 + 2 + 3))


def test_an_attempt_that_receives_much_is_not_a_failure(server: FaultServer, tmp_path: Path):
    size = 5 << 20
    model_files = make_model_files(
        tmp_path, served(server, size=size), timeouts=quick_timeouts(max_failures=2)
    )
    server.script("/toy.pth", *[{"kind": "cut", "after": 1 << 20}] * 4)
    server.log()
    fetch(model_files)
    assert sum(sent for _, _, sent in gets(server)) == size
