"""Every fault of a server: the right file arrives, or the error names the fault."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import pytest

from facewatch.errors import DiskFull, DownloadFailed, FacewatchError, LicenceNotAccepted
from facewatch.models.files import Progress
from tests.models.download_harness import failure, fetch, gets
from tests.models.fault_server import FaultServer, content
from tests.models.rows import NON_COMMERCIAL, SIZE, make_model_files, quick_timeouts, row, served


def test_a_good_server_gets_one_request(server: FaultServer, tmp_path: Path):
    model_files = make_model_files(tmp_path / "models", served(server))
    server.log()
    assert fetch(model_files) == tmp_path / "models" / "toy.pth"
    assert (tmp_path / "models" / "toy.pth").read_bytes() == content(SIZE, 1)
    fetch(model_files)
    assert gets(server) == [(200, 0, SIZE)]
    assert not list((tmp_path / "models").glob("*.part*"))


def test_progress_has_bytes_total_and_speed(server: FaultServer, tmp_path: Path):
    reports: list[Progress] = []
    ticks = iter(range(1000))
    model_files = make_model_files(
        tmp_path, served(server), timeouts=quick_timeouts(clock=lambda: next(ticks))
    )
    model_files.fetch("toy", reports.append, threading.Event())
    assert reports[0].done_bytes == 0
    assert (reports[-1].done_bytes, reports[-1].total_bytes) == (SIZE, SIZE)
    assert reports[-1].bytes_per_second > 0
    assert reports[-1].seconds_left == 0
    assert [report.done_bytes for report in reports] == sorted(report.done_bytes for report in reports)


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ({"kind": "cut", "after": 40_000}, "came truncated"),
        ({"kind": "short", "by": 10}, "offers 100.0 kB (99990 bytes), the published file has"),
        ({"kind": "long", "by": 10}, "offers 100.0 kB (100010 bytes), the published file has"),
        ({"kind": "overlong", "by": 10}, "too long: more than 100000 bytes"),
        ({"kind": "status", "status": 404}, "no such file (404)"),
        ({"kind": "status", "status": 403}, "may want a login"),
        ({"kind": "status", "status": 503}, "out of order or too busy (503)"),
        ({"kind": "html"}, "a web page (HTML) came"),
        ({"kind": "html", "disguised": True}, "a web page (HTML) came"),
        ({"kind": "stall", "after": 40_000}, "the connection stalled"),
        ({"kind": "silent"}, "the connection stalled"),
        ({"kind": "reset"}, "cut off before an answer"),
        ({"kind": "gzip"}, "compressed (gzip)"),
        ({"kind": "wrong"}, "the wrong file came"),
        (
            {"kind": "redirect", "to": "http://example.org/toy.pth"},
            "leads to http://example.org, which is not https",
        ),
        ({"kind": "redirect", "to": "/toy.pth"}, "redirects more than 10 times"),
    ],
    ids=lambda value: None if isinstance(value, str) else "-".join(str(part) for part in value.values()),
)
def test_each_fault_has_its_own_words(server: FaultServer, tmp_path: Path, fault: dict[str, Any], words: str):
    model_files = make_model_files(tmp_path, served(server), timeouts=quick_timeouts(max_failures=1))
    server.script("/toy.pth", *[fault] * 11)
    said = failure(model_files)
    assert words in said
    assert f"{server.base}/toy.pth" in said


def test_an_unreachable_server_fails_without_a_retry(tmp_path: Path):
    pauses: list[float] = []
    model = row("toy", "http://127.0.0.1:9/toy.pth", "0" * 64, SIZE)
    model_files = make_model_files(tmp_path, model, timeouts=quick_timeouts(sleep=pauses.append))
    assert "no connection" in failure(model_files)
    assert pauses == []


def test_a_file_of_200_mb_is_downloaded(server: FaultServer, tmp_path: Path):
    size = 200_000_000
    model_files = make_model_files(
        tmp_path, served(server, "large", size=size), timeouts=quick_timeouts(stall_seconds=20)
    )
    file = fetch(model_files, "large")
    assert file.stat().st_size == size
    file.unlink()


def test_without_size_and_digest_the_server_must_send_a_length(server: FaultServer, tmp_path: Path):
    server.put("/toy.pth", SIZE, 1)
    server.script("/toy.pth", {"kind": "overlong", "by": 0})
    model_files = make_model_files(
        tmp_path, row("toy", f"{server.base}/toy.pth", None, None), timeouts=quick_timeouts(max_failures=1)
    )
    assert "does not say how long" in failure(model_files)
    server.script("/toy.pth", {"kind": "chunked"})
    fetch(model_files)
    trusted = model_files.look("toy").trusted
    assert trusted is not None
    assert trusted.by == "first use"


def test_space_is_checked_first(server: FaultServer, tmp_path: Path):
    model_files = make_model_files(tmp_path, served(server), free=lambda _: 50_000)
    with pytest.raises(DiskFull, match=r"toy needs 100.0 kB in .* 50.0 kB are free"):
        fetch(model_files)
    assert not list(tmp_path.glob("*.part"))


def test_a_corrupt_file_is_replaced_only_by_the_right_one(server: FaultServer, tmp_path: Path):
    model_files = make_model_files(tmp_path, served(server), timeouts=quick_timeouts(max_failures=1))
    (tmp_path / "toy.pth").write_bytes(b"rotten")
    server.script("/toy.pth", {"kind": "wrong"})
    with pytest.raises(DownloadFailed):
        fetch(model_files)
    assert (tmp_path / "toy.pth").read_bytes() == b"rotten"
    assert fetch(model_files).read_bytes() == content(SIZE, 1)


def test_a_lost_link_is_replaced_by_a_download(server: FaultServer, tmp_path: Path):
    model = served(server)
    stick = tmp_path / "stick.pth"
    stick.write_bytes(content(SIZE, 1))
    model_files = make_model_files(tmp_path / "models", model)
    model_files.link("toy", stick)
    stick.unlink()
    assert fetch(model_files) == tmp_path / "models" / "toy.pth"
    assert model_files.find("toy") == tmp_path / "models" / "toy.pth"


def test_an_own_file_cannot_be_downloaded(tmp_path: Path):
    (tmp_path / "wedding.pth").write_bytes(b"a")
    model_files = make_model_files(tmp_path)
    assert fetch(model_files, "wedding") == tmp_path / "wedding.pth"
    (tmp_path / "wedding.pth").write_bytes(b"b")
    with pytest.raises(DownloadFailed, match="your own file"):
        fetch(model_files, "wedding")


@pytest.mark.parametrize(
    "fault", [{"kind": "stall", "after": 40_000}, {"kind": "silent"}], ids=["body", "head"]
)
def test_a_stop_ends_a_download_while_the_server_is_silent(
    server: FaultServer, tmp_path: Path, fault: dict[str, Any]
):
    model_files = make_model_files(tmp_path, served(server), timeouts=quick_timeouts(stall_seconds=60))
    server.script("/toy.pth", fault)
    stop, said = threading.Event(), []

    def work() -> None:
        try:
            model_files.fetch("toy", lambda _: None, stop)
        except FacewatchError as error:
            said.append(str(error))

    thread = threading.Thread(target=work)
    thread.start()
    time.sleep(0.5)
    started = time.monotonic()
    stop.set()
    thread.join(5)
    assert time.monotonic() - started < 2
    assert "was stopped" in said[0]
    assert [one.name for one in threading.enumerate() if one.name == "download"] == []


def test_a_mirror_with_a_file_of_another_size_is_left_at_once_and_named(
    server: FaultServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    server.put("/mirror/toy.pth", SIZE - 10)
    model_files = make_model_files(tmp_path, served(server), mirror=f"{server.base}/mirror")
    server.log()
    assert fetch(model_files).read_bytes() == content(SIZE, 1)
    assert len(gets(server)) == 2
    (warning,) = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert f"{server.base}/mirror/toy.pth: the server offers" in warning
    assert "it is another file" in warning


def test_the_cause_of_a_failure_is_one_short_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    toy = row("toy", "http://127.0.0.1:9/toy.pth", "0" * 64, 10)
    with pytest.raises(DownloadFailed) as error:
        fetch(make_model_files(tmp_path, toy))
    assert error.value.cause == "Cannot reach 127.0.0.1. Check the connection."


def test_a_corrupt_file_is_named_before_the_licence_is_asked_for(server: FaultServer, tmp_path: Path):
    model_files = make_model_files(tmp_path, served(server, licence=NON_COMMERCIAL))
    (tmp_path / "toy.pth").write_bytes(b"cut off")
    with pytest.raises(LicenceNotAccepted) as error:
        fetch(model_files)
    assert str(error.value).startswith(f"{tmp_path / 'toy.pth'} is corrupt: it is not the published file")
    assert model_files.problem("toy").startswith(f"{tmp_path / 'toy.pth'} is corrupt")
