"""The addresses of a download: mirrors, redirects, proxies, certificates."""

from __future__ import annotations

import shutil
import ssl
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from facewatch.errors import BadSettings, DownloadFailed
from facewatch.models.download import SHOWN_DIGITS
from tests.models.download_harness import failure, fetch, gets
from tests.models.fault_server import FaultServer, content
from tests.models.rows import SIZE, make_model_files, row, served


def test_a_wrong_digest_is_deleted_and_the_next_mirror_tried(server: FaultServer, tmp_path: Path):
    model = served(server, mirrors=(f"{server.base}/second.pth",))
    server.put("/second.pth", SIZE, 1)
    server.script("/toy.pth", {"kind": "wrong"})
    assert fetch(make_model_files(tmp_path, model)).read_bytes() == content(SIZE, 1)


def test_wrong_everywhere_is_reported_with_both_digests(server: FaultServer, tmp_path: Path):
    model = served(server, mirrors=(f"{server.base}/second.pth",))
    other = server.put("/second.pth", SIZE, 9)
    server.script("/toy.pth", {"kind": "status", "status": 404})
    said = failure(make_model_files(tmp_path, model))
    assert model.checkpoint is not None
    assert model.checkpoint.sha256 is not None
    assert f"sha256 {other[:SHOWN_DIGITS]}..., expected {model.checkpoint.sha256[:SHOWN_DIGITS]}..." in said
    assert f"{server.base}/toy.pth: there is no such file (404)" in said
    assert not list(tmp_path.glob("*.part"))


def test_redirects_are_followed(server: FaultServer, tmp_path: Path):
    model_files = make_model_files(tmp_path, served(server))
    server.script("/toy.pth", {"kind": "redirect", "to": "/elsewhere.pth"})
    server.put("/elsewhere.pth", SIZE, 1)
    server.script("/elsewhere.pth", {"kind": "cut", "after": 40_000})
    fetch(model_files)


def test_the_users_mirror_is_tried_before_the_published_address(server: FaultServer, tmp_path: Path):
    model = served(server)
    server.put("/nas/toy.pth", SIZE, 1)
    server.log()
    fetch(make_model_files(tmp_path / "a", model, mirror=f"{server.base}/nas/"))
    fetch(make_model_files(tmp_path / "b", model, mirror=f"{server.base}/empty"))
    assert [entry["path"] for entry in server.log()] == ["/nas/toy.pth", "/empty/toy.pth", "/toy.pth"]


@pytest.mark.parametrize("mirror", ["http://example.org/models", "ftp://nas/models", "/mnt/nas", "nas"])
def test_a_mirror_that_is_not_safe_is_refused(tmp_path: Path, mirror: str):
    model_files = make_model_files(
        tmp_path, row("toy", "https://example.org/toy.pth", "0" * 64, 5), mirror=mirror
    )
    with pytest.raises(BadSettings, match="model_mirror"):
        fetch(model_files)


def test_the_mirrors_password_is_not_shown(server: FaultServer, tmp_path: Path):
    mirror = server.base.replace("http://", "http://me:secret@") + "/empty"
    said = failure(
        make_model_files(tmp_path, row("toy", f"{server.base}/nothing.pth", "0" * 64, 5), mirror=mirror)
    )
    assert "secret" not in said
    assert "/empty/toy.pth" in said


def test_the_environments_proxy_is_used(server: FaultServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    sha256 = server.put("/behind.pth", SIZE, 1)
    monkeypatch.setenv("HTTP_PROXY", server.base)
    server.log()
    fetch(make_model_files(tmp_path, row("toy", "http://127.0.0.1:9/behind.pth", sha256, SIZE)))
    assert gets(server) == [(200, 0, SIZE)]


def test_the_error_names_an_unusable_proxy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("ALL_PROXY", "gopher://old")
    with pytest.raises(DownloadFailed, match="ALL_PROXY cannot be used"):
        fetch(make_model_files(tmp_path, row("toy", "https://example.org/toy.pth", "0" * 64, 5)))


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

    def test_an_unknown_certificate_is_reported(self, tmp_path: Path, address: str):
        said = failure(make_model_files(tmp_path, row("toy", f"{address}/toy.pth", "0" * 64, 5)))
        assert "certificate is not trusted" in said

    def test_no_redirect_leaves_https(self, tmp_path: Path, address: str, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "cert.pem"))
        said = failure(make_model_files(tmp_path, row("toy", f"{address}/toy.pth", "0" * 64, 5)))
        assert "redirects from https to http://127.0.0.1" in said
