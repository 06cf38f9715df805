"""A daemon whose model is not here says so, goes on with what it can, and works when the file has come."""

from __future__ import annotations

import json
import signal
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import resources

import pytest

from facewatch.cli.status import describe_download
from tests.daemon_process import DaemonProcess


class Nowhere(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_error(404)

    def log_message(self, *_):
        pass


@pytest.fixture
def mirror():
    """The address of a server that has nothing."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Nowhere) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


@pytest.fixture
def daemon(tmp_path, mirror):
    folders = [
        {"input": str(tmp_path / "in"), "output": str(tmp_path / "out")},
        {
            "input": str(tmp_path / "other"),
            "output": str(tmp_path / "other out"),
            "restoration": {"detector": "retinaface-mobilenet"},
        },
    ]
    (tmp_path / "other").mkdir()
    process = DaemonProcess(tmp_path, folders=folders, model_mirror=mirror)
    yield process
    process.stop(signal.SIGKILL)


def test_photos_that_need_a_missing_model_wait_visibly_and_the_others_go_on(daemon, shared, tmp_path):
    portrait = resources.files("facewatch.cli.demo").joinpath("eileen-collins.jpg").read_bytes()
    daemon.start()
    (tmp_path / "other" / "waits.jpg").write_bytes(portrait)
    (daemon.inbox / "goes.jpg").write_bytes(portrait)
    daemon.wait_for(lambda: daemon.outputs() == ["goes.jpg"], "the photo that needs nothing")

    def download():
        return json.loads(daemon.command("status", "--json").stdout)["downloads"].get(
            "retinaface-mobilenet", {}
        )

    daemon.wait_for(lambda: download().get("state") == "waiting", "the failed fetch to be told")
    assert "404" in download()["reason"] or "not there" in download()["reason"]
    assert "retinaface-mobilenet" in daemon.command("status").stdout
    assert json.loads(daemon.command("status", "--json").stdout)["counts"]["queued"] == 1

    file = shared / "weights" / "retinaface_mobilenet0.25.pth"
    refused = daemon.command("models", "add", "retinaface-mobilenet", str(file))
    assert refused.returncode == 1  # not the published file
    assert daemon.command("models", "add", "retinaface-mobilenet", str(file), "--trust").returncode == 0
    copy = tmp_path / "other out" / "waits.jpg"
    daemon.wait_for(copy.exists, "the photo that waited")
    assert daemon.stop() == 0


def test_a_licence_is_asked_before_anything_is_fetched(daemon, tmp_path):
    daemon.write_settings(model="codeformer")
    daemon.start()
    (daemon.inbox / "a.jpg").write_bytes(
        resources.files("facewatch.cli.demo").joinpath("eileen-collins.jpg").read_bytes()
    )

    def held():
        return json.loads(daemon.command("status", "--json").stdout)["downloads"].get("codeformer", {})

    daemon.wait_for(lambda: held().get("state") == "held", "the question")
    assert "S-Lab" in held()["licence"]
    assert "facewatch models accept codeformer" in held()["reason"]
    assert daemon.command("models", "accept", "codeformer").returncode == 0
    daemon.wait_for(lambda: held().get("state") == "waiting", "the fetch to be tried")
    assert daemon.stop() == 0


def test_a_download_under_way_is_told_with_speed_and_time_left():
    coming = {"state": "downloading", "done_bytes": 120_000_000, "bytes_per_second": 5_200_000}
    known = {"total_bytes": 349_000_000, "seconds_left": 44.0}
    assert describe_download({**coming, **known}) == "120 of 349 MB, 5.2 MB/s, 44 s left"
    assert describe_download({**coming, "total_bytes": None, "seconds_left": None}) == "120 MB, 5.2 MB/s"
    assert describe_download({"state": "queued"}) == "queued"
