"""Each thing a server can do wrong: the right file comes all the same, or a message tells what it was."""

from __future__ import annotations

import shutil
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from facewatch.checkpoints import Checkpoints, Progress
from facewatch.errors import BadSettings, DiskFull, DownloadFailed, FacewatchError
from tests.checkpoint_rows import SIZE, quick, row, served, shelf
from tests.fault_server import FaultServer, content

PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


@pytest.fixture(scope="module")
def server() -> Iterator[FaultServer]:
    running = FaultServer()
    yield running
    running.close()


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in PROXIES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


def fetch(checkpoints: Checkpoints, name: str = "toy") -> Path:
    return checkpoints.fetch(name, lambda _: None, lambda: False)


def gets(server: FaultServer) -> list[tuple[int, int, int]]:
    return [(entry["status"], entry["first"], entry["sent"]) for entry in server.log()]


def failure(checkpoints: Checkpoints, name: str = "toy") -> str:
    with pytest.raises(DownloadFailed) as caught:
        fetch(checkpoints, name)
    assert checkpoints.state(name) == "missing"
    assert f"models add {name} FILE" in str(caught.value)
    return str(caught.value)


def test_a_good_server_is_asked_once(server: FaultServer, tmp_path: Path):
    checkpoints = shelf(tmp_path / "models", served(server))
    server.log()
    assert fetch(checkpoints) == tmp_path / "models" / "toy.pth"
    assert (tmp_path / "models" / "toy.pth").read_bytes() == content(SIZE, 1)
    fetch(checkpoints)
    assert gets(server) == [(200, 0, SIZE)]
    assert not list((tmp_path / "models").glob("*.part*"))


def test_progress_tells_bytes_total_and_speed(server: FaultServer, tmp_path: Path):
    told: list[Progress] = []
    ticks = iter(range(1000))
    checkpoints = shelf(tmp_path, served(server), patience=quick(clock=lambda: next(ticks)))
    checkpoints.fetch("toy", told.append, threading.Event())
    assert told[0].done_bytes == 0
    assert (told[-1].done_bytes, told[-1].total_bytes) == (SIZE, SIZE)
    assert told[-1].bytes_per_second > 0
    assert told[-1].seconds_left == 0
    assert [one.done_bytes for one in told] == sorted(one.done_bytes for one in told)


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
    checkpoints = shelf(tmp_path, served(server))
    server.script("/toy.pth", fault)
    server.log()
    fetch(checkpoints)
    first, second = server.log()
    assert (first["first"], first["sent"]) == (0, 40_000)
    # A reset may throw away what the client had not read yet.
    assert second["status"] == 206
    assert 0 < second["first"] <= 40_000
    assert second["sent"] == SIZE - second["first"]
    assert second["if_range"] == f'"1-{SIZE}"'


def test_a_part_is_resumed_by_the_next_fetch(server: FaultServer, tmp_path: Path):
    checkpoints = shelf(tmp_path, served(server), patience=quick(tries=1))
    server.script("/toy.pth", {"kind": "cut", "after": 40_000})
    server.log()
    said = failure(checkpoints)
    assert "came truncated" in said
    assert "40.0 kB are kept" in said
    fetch(checkpoints)
    assert gets(server) == [(200, 0, 40_000), (206, 40_000, 60_000)]


def test_a_part_from_the_mirror_is_finished_elsewhere(server: FaultServer, tmp_path: Path):
    model = served(server, mirrors=(f"{server.base}/second.pth",))
    server.put("/second.pth", SIZE, 1)
    server.script("/toy.pth", {"kind": "cut", "after": 40_000}, {"kind": "status", "status": 404})
    server.log()
    fetch(shelf(tmp_path, model))
    assert gets(server) == [(200, 0, 40_000), (404, 0, 0), (206, 40_000, 60_000)]


def test_a_server_without_ranges_starts_over(server: FaultServer, tmp_path: Path):
    checkpoints = shelf(tmp_path, served(server))
    server.script("/toy.pth", {"kind": "cut", "after": 40_000}, {"kind": "no_range"})
    server.log()
    fetch(checkpoints)
    assert gets(server) == [(200, 0, 40_000), (200, 0, SIZE)]


def test_a_file_that_changed_between_two_requests_starts_over(server: FaultServer, tmp_path: Path):
    loose = row("toy", f"{server.base}/toy.pth", None, None)
    server.put("/toy.pth", SIZE, 1)
    server.script("/toy.pth", {"kind": "cut", "after": 40_000}, {"kind": "changed"})
    server.log()
    file = fetch(shelf(tmp_path, loose))
    assert file.read_bytes() == content(SIZE, 2)
    assert gets(server) == [(200, 0, 40_000), (200, 0, SIZE)]


def test_a_changed_file_is_noticed_where_if_range_is_ignored(server: FaultServer, tmp_path: Path):
    loose = row("toy", f"{server.base}/toy.pth", None, None)
    server.put("/toy.pth", SIZE, 2)
    checkpoints = shelf(tmp_path, loose, patience=quick(tries=1))
    server.script("/toy.pth", {"kind": "cut", "after": 40_000})
    failure(checkpoints)
    server.put("/toy.pth", SIZE, 3)
    server.script("/toy.pth", {"kind": "ignores_if_range"})
    assert "changed on the server" in failure(checkpoints)
    assert fetch(checkpoints).read_bytes() == content(SIZE, 3)


def test_an_unpinned_part_without_validator_is_not_trusted(server: FaultServer, tmp_path: Path):
    loose = row("toy", f"{server.base}/toy.pth", None, None)
    server.put("/toy.pth", SIZE, 1)
    server.script("/toy.pth", {"kind": "no_etag", "after": 40_000})
    server.log()
    fetch(shelf(tmp_path, loose))
    assert gets(server) == [(200, 0, 40_000), (200, 0, SIZE)]


def test_a_pinned_part_without_validator_is_resumed_and_checked(server: FaultServer, tmp_path: Path):
    checkpoints = shelf(tmp_path, served(server))
    server.script("/toy.pth", {"kind": "weak_etag", "after": 40_000})
    server.log()
    fetch(checkpoints)
    assert gets(server) == [(200, 0, 40_000), (206, 40_000, 60_000)]


def test_a_wrong_first_part_costs_one_more_download(server: FaultServer, tmp_path: Path):
    checkpoints = shelf(tmp_path, served(server))
    (tmp_path / "toy.pth.part").write_bytes(b"x" * 40_000)
    server.log()
    fetch(checkpoints)
    assert gets(server) == [(206, 40_000, 60_000), (200, 0, SIZE)]


def test_a_whole_part_is_not_fetched_again(server: FaultServer, tmp_path: Path):
    checkpoints = shelf(tmp_path, served(server))
    (tmp_path / "toy.pth.part").write_bytes(content(SIZE, 1))
    server.log()
    fetch(checkpoints)
    assert gets(server) == []


def test_the_server_may_say_that_nothing_is_left(server: FaultServer, tmp_path: Path):
    sha256 = server.put("/toy.pth", SIZE, 1)
    (tmp_path / "toy.pth.part").write_bytes(content(SIZE, 1))
    server.log()
    fetch(shelf(tmp_path, row("toy", f"{server.base}/toy.pth", sha256, None)))
    assert gets(server) == [(416, SIZE, 0)]


def test_another_range_than_asked_for_starts_over(server: FaultServer, tmp_path: Path):
    checkpoints = shelf(tmp_path, served(server))
    server.script("/toy.pth", {"kind": "cut", "after": 40_000}, {"kind": "good", "shift": 7})
    server.log()
    fetch(checkpoints)
    assert gets(server)[-1] == (200, 0, SIZE)


def test_a_wrong_digest_is_deleted_and_the_next_mirror_tried(server: FaultServer, tmp_path: Path):
    model = served(server, mirrors=(f"{server.base}/second.pth",))
    server.put("/second.pth", SIZE, 1)
    server.script("/toy.pth", {"kind": "wrong"})
    assert fetch(shelf(tmp_path, model)).read_bytes() == content(SIZE, 1)


def test_wrong_everywhere_is_reported_with_both_digests(server: FaultServer, tmp_path: Path):
    model = served(server, mirrors=(f"{server.base}/second.pth",))
    other = server.put("/second.pth", SIZE, 9)
    server.script("/toy.pth", {"kind": "status", "status": 404})
    said = failure(shelf(tmp_path, model))
    assert model.checkpoint is not None
    assert f"sha256 {other}, expected {model.checkpoint.sha256}" in said
    assert f"{server.base}/toy.pth: there is no such file (404)" in said
    assert not list(tmp_path.glob("*.part"))


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
    checkpoints = shelf(tmp_path, served(server), patience=quick(tries=1))
    server.script("/toy.pth", *[fault] * 11)
    said = failure(checkpoints)
    assert words in said
    assert f"{server.base}/toy.pth" in said


def test_a_server_that_is_not_there_is_told_at_once(tmp_path: Path):
    pauses: list[float] = []
    model = row("toy", "http://127.0.0.1:9/toy.pth", "0" * 64, SIZE)
    checkpoints = shelf(tmp_path, model, patience=quick(sleep=pauses.append))
    assert "no connection" in failure(checkpoints)
    assert pauses == []


def test_a_server_that_has_gone_away_may_come_back(tmp_path: Path):
    pauses: list[float] = []
    model = row("toy", "http://127.0.0.1:9/toy.pth", "0" * 64, SIZE)
    checkpoints = shelf(tmp_path, model, patience=quick(sleep=pauses.append))
    (tmp_path / "toy.pth.part").write_bytes(b"x" * 40_000)
    assert "no connection" in failure(checkpoints)
    assert pauses


def test_a_login_page_does_not_spoil_what_is_here(server: FaultServer, tmp_path: Path):
    checkpoints = shelf(tmp_path, served(server))
    server.script("/toy.pth", {"kind": "cut", "after": 40_000}, {"kind": "html"})
    assert "40.0 kB are kept" in failure(checkpoints)
    server.log()
    fetch(checkpoints)
    assert gets(server) == [(206, 40_000, 60_000)]


def test_redirects_are_followed(server: FaultServer, tmp_path: Path):
    checkpoints = shelf(tmp_path, served(server))
    server.script("/toy.pth", {"kind": "redirect", "to": "/elsewhere.pth"})
    server.put("/elsewhere.pth", SIZE, 1)
    server.script("/elsewhere.pth", {"kind": "cut", "after": 40_000})
    fetch(checkpoints)


def test_retries_back_off_with_jitter(server: FaultServer, tmp_path: Path):
    pauses: list[float] = []
    patience = quick(tries=4, sleep=pauses.append, jitter=lambda: 1.0, longest_pause_seconds=3)
    checkpoints = shelf(tmp_path, served(server), patience=patience)
    server.script("/toy.pth", *[{"kind": "status", "status": 500}] * 4)
    server.log()
    failure(checkpoints)
    assert len(gets(server)) == 4
    assert sum(pauses) == pytest.approx(1.5 * (1 + 2 + 3))


def test_an_attempt_that_brings_much_is_no_failure(server: FaultServer, tmp_path: Path):
    size = 5 << 20
    checkpoints = shelf(tmp_path, served(server, size=size), patience=quick(tries=2))
    server.script("/toy.pth", *[{"kind": "cut", "after": 1 << 20}] * 4)
    server.log()
    fetch(checkpoints)
    assert sum(sent for _, _, sent in gets(server)) == size


def test_a_file_of_200_mb_comes(server: FaultServer, tmp_path: Path):
    size = 200_000_000
    checkpoints = shelf(tmp_path, served(server, "large", size=size), patience=quick(stall_seconds=20))
    file = fetch(checkpoints, "large")
    assert file.stat().st_size == size
    file.unlink()


def test_the_mirror_is_asked_first_and_then_the_world(server: FaultServer, tmp_path: Path):
    model = served(server)
    server.put("/nas/toy.pth", SIZE, 1)
    server.log()
    fetch(shelf(tmp_path / "a", model, mirror=f"{server.base}/nas/"))
    fetch(shelf(tmp_path / "b", model, mirror=f"{server.base}/empty"))
    assert [entry["path"] for entry in server.log()] == ["/nas/toy.pth", "/empty/toy.pth", "/toy.pth"]


@pytest.mark.parametrize("mirror", ["http://example.org/models", "ftp://nas/models", "/mnt/nas", "nas"])
def test_a_mirror_that_is_not_safe_is_refused(tmp_path: Path, mirror: str):
    checkpoints = shelf(tmp_path, row("toy", "https://example.org/toy.pth", "0" * 64, 5), mirror=mirror)
    with pytest.raises(BadSettings, match="model_mirror"):
        fetch(checkpoints)


def test_the_mirrors_password_is_not_shown(server: FaultServer, tmp_path: Path):
    mirror = server.base.replace("http://", "http://me:secret@") + "/empty"
    said = failure(shelf(tmp_path, row("toy", f"{server.base}/nothing.pth", "0" * 64, 5), mirror=mirror))
    assert "secret" not in said
    assert "/empty/toy.pth" in said


def test_the_environments_proxy_is_used(server: FaultServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    sha256 = server.put("/behind.pth", SIZE, 1)
    monkeypatch.setenv("HTTP_PROXY", server.base)
    server.log()
    fetch(shelf(tmp_path, row("toy", "http://127.0.0.1:9/behind.pth", sha256, SIZE)))
    assert gets(server) == [(200, 0, SIZE)]


def test_a_proxy_that_cannot_be_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("ALL_PROXY", "gopher://old")
    with pytest.raises(DownloadFailed, match="ALL_PROXY cannot be used"):
        fetch(shelf(tmp_path, row("toy", "https://example.org/toy.pth", "0" * 64, 5)))


def test_without_size_and_digest_the_server_has_to_say_how_long(server: FaultServer, tmp_path: Path):
    server.put("/toy.pth", SIZE, 1)
    server.script("/toy.pth", {"kind": "overlong", "by": 0})
    checkpoints = shelf(tmp_path, row("toy", f"{server.base}/toy.pth", None, None), patience=quick(tries=1))
    assert "does not say how long" in failure(checkpoints)
    server.script("/toy.pth", {"kind": "chunked"})
    fetch(checkpoints)
    trusted = checkpoints.look("toy").trusted
    assert trusted is not None
    assert trusted.by == "first use"


def test_space_is_asked_for_first(server: FaultServer, tmp_path: Path):
    checkpoints = shelf(tmp_path, served(server), free=lambda _: 50_000)
    with pytest.raises(DiskFull, match=r"toy needs 100.0 kB in .* 50.0 kB are free"):
        fetch(checkpoints)
    assert not list(tmp_path.glob("*.part"))


def test_a_corrupt_file_is_replaced_only_by_the_right_one(server: FaultServer, tmp_path: Path):
    checkpoints = shelf(tmp_path, served(server), patience=quick(tries=1))
    (tmp_path / "toy.pth").write_bytes(b"rotten")
    server.script("/toy.pth", {"kind": "wrong"})
    with pytest.raises(DownloadFailed):
        fetch(checkpoints)
    assert (tmp_path / "toy.pth").read_bytes() == b"rotten"
    assert fetch(checkpoints).read_bytes() == content(SIZE, 1)


def test_a_lost_link_is_replaced_by_a_download(server: FaultServer, tmp_path: Path):
    model = served(server)
    stick = tmp_path / "stick.pth"
    stick.write_bytes(content(SIZE, 1))
    checkpoints = shelf(tmp_path / "models", model)
    checkpoints.link("toy", stick)
    stick.unlink()
    assert fetch(checkpoints) == tmp_path / "models" / "toy.pth"
    assert checkpoints.find("toy") == tmp_path / "models" / "toy.pth"


def test_an_own_file_has_no_address(tmp_path: Path):
    (tmp_path / "wedding.pth").write_bytes(b"a")
    checkpoints = shelf(tmp_path)
    assert fetch(checkpoints, "wedding") == tmp_path / "wedding.pth"
    (tmp_path / "wedding.pth").write_bytes(b"b")
    with pytest.raises(DownloadFailed, match="your own file"):
        fetch(checkpoints, "wedding")


@pytest.mark.parametrize(
    "fault", [{"kind": "stall", "after": 40_000}, {"kind": "silent"}], ids=["body", "head"]
)
def test_a_stop_is_heard_in_the_middle_of_a_silence(
    server: FaultServer, tmp_path: Path, fault: dict[str, Any]
):
    checkpoints = shelf(tmp_path, served(server), patience=quick(stall_seconds=60))
    server.script("/toy.pth", fault)
    stop, said = threading.Event(), []

    def work() -> None:
        try:
            checkpoints.fetch("toy", lambda _: None, stop)
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


@pytest.mark.skipif(shutil.which("openssl") is None, reason="makes a certificate with openssl")
class TestTls:
    """A server with a certificate of its own that redirects to http."""

    @pytest.fixture
    def address(self, tmp_path: Path, server: FaultServer) -> Iterator[str]:
        target = server.base

        class Redirect(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(302)
                self.send_header("Location", f"{target}{self.path}")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        command = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost"
        names = ["-addext", "subjectAltName=DNS:localhost"]
        files = ["-keyout", str(tmp_path / "key.pem"), "-out", str(tmp_path / "cert.pem")]
        subprocess.run([*command.split(), *names, *files], check=True, capture_output=True)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(tmp_path / "cert.pem", tmp_path / "key.pem")
        https = HTTPServer(("127.0.0.1", 0), Redirect)
        https.socket = context.wrap_socket(https.socket, server_side=True)
        https.handle_error = lambda *_: None  # type: ignore[method-assign]  # a client that does not trust us
        thread = threading.Thread(target=https.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield f"https://localhost:{https.server_address[1]}"
        https.shutdown()
        https.server_close()
        thread.join()

    def test_an_unknown_certificate_is_told(self, tmp_path: Path, address: str):
        said = failure(shelf(tmp_path, row("toy", f"{address}/toy.pth", "0" * 64, 5)))
        assert "certificate is not trusted" in said

    def test_no_redirect_leaves_https(self, tmp_path: Path, address: str, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "cert.pem"))
        said = failure(shelf(tmp_path, row("toy", f"{address}/toy.pth", "0" * 64, 5)))
        assert "redirects from https to http://127.0.0.1" in said
