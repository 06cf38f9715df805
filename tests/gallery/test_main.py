"""The gallery's process: one for an installation, and it ends when no one looks."""

from __future__ import annotations

import json
import os
import signal
import socket
import threading
import time
import urllib.error
import urllib.request
from contextlib import ExitStack

import pytest

from facewatch.gallery import main
from facewatch.gallery.main import LastUse, open_page, running_address
from facewatch.system.processes import identity
from tests.clock import Clock
from tests.gallery.browser import GalleryProcess


@pytest.fixture
def process(house):
    started = GalleryProcess(house.places)
    yield started
    started.stop()


def fetch(address, **headers):
    request = urllib.request.Request(address, headers=headers)
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=20) as answer:
        return answer.status, answer.headers


def test_a_second_command_opens_the_running_gallery(house, process):
    assert process.another_address().split("/enter")[0] == process.address.split("/enter")[0]
    record = house.places.state / "gallery.json"
    if os.name == "posix":
        assert record.stat().st_mode & 0o077 == 0
    process.stop()
    assert not record.exists()


def test_it_listens_on_this_machine_only(process):
    port = int(process.address.split(":")[2].split("/")[0])
    with socket.socket() as other:
        other.bind(("127.0.0.2", port))  # free: the gallery has 127.0.0.1 alone


def test_two_hundred_silent_connections_lock_nobody_out(process):
    port = int(process.address.split(":")[2].split("/")[0])
    with ExitStack() as stack:
        for _ in range(200):
            stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=20))
        status, headers = fetch(process.address)
        assert status == 200
        assert "HttpOnly" in headers["set-cookie"]
    with pytest.raises(urllib.error.HTTPError) as refused:
        fetch(process.address)  # the ticket is used
    assert refused.value.code == 403
    refused.value.close()


def test_a_record_of_a_gallery_that_was_killed_is_not_used(house):
    house.places.state.mkdir(exist_ok=True)
    record = house.places.state / "gallery.json"
    for content in ("", "[]", "{}", json.dumps({"process": {"pid": 1, "created": 1.0, "birth": "x"}})):
        record.write_text(content, "utf-8")
        assert running_address(house.places, "photos") is None
    alive = {"process": identity(os.getpid()), "port": 4711, "secret": "s"}
    record.write_text(json.dumps(alive), "utf-8")
    assert running_address(house.places, "problems").startswith("http://127.0.0.1:4711/enter?ticket=")


def test_it_ends_when_no_page_has_asked_for_long_and_nothing_runs(house, monkeypatch):
    clock = Clock()
    used = LastUse(house.app, clock)
    assert used.idle_seconds() == 0
    clock.now += 700

    class Server:
        should_exit = False

    monkeypatch.setattr(main, "LOOK_SECONDS", 0.01)
    house.painter.close_when_idle = lambda: None
    house.gallery.busy.add("a download")
    server, stop = Server(), threading.Event()
    thread = threading.Thread(target=main._watch, args=(server, used, house.gallery, stop))
    thread.start()
    time.sleep(0.1)
    assert not server.should_exit
    house.gallery.busy.clear()
    thread.join(20)
    assert server.should_exit


def test_a_page_that_asks_keeps_it_alive(house):
    clock = Clock()
    used = LastUse(house.app, clock)
    clock.now += 700
    house.client.app = used
    from tests.gallery.house import HOST, ORIGIN, TestClient

    assert TestClient(used, base_url=ORIGIN, headers={"host": HOST}).get("/").status_code == 403
    assert used.idle_seconds() == 0


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGTERM")
def test_a_signal_ends_it_with_its_painter(house):
    house.queue("a.jpg")
    started = GalleryProcess(house.places)
    started.process.send_signal(signal.SIGTERM)
    assert started.process.wait(20) == 0
    started.process.stdout.close()


@pytest.mark.skipif(os.name == "nt", reason="a killed process may leave the port in use there")
def test_what_a_killed_gallery_had_received_is_removed_at_the_next_start(house):
    started = GalleryProcess(house.places)
    with upload(started.address, size_bytes=100_000) as connection:
        connection.sendall(b"x" * 1000)
        wait_for(lambda: list(house.inbox.glob(".facewatch-*")))
        started.process.kill()
        started.stop()
    (house.inbox / ".facewatch-note.txt").write_text("the user's own", "utf-8")
    assert len(list(house.inbox.iterdir())) == 2
    again = GalleryProcess(house.places)
    try:
        wait_for(lambda: [file.name for file in house.inbox.iterdir()] == [".facewatch-note.txt"])
    finally:
        again.stop()


def upload(address, size_bytes):
    """Return a connection on which an upload has begun."""
    _, headers = fetch(address)
    name, _, rest = headers["set-cookie"].partition("=")
    cookie, path = rest.split(";")[0], rest.split("Path=")[1].split(";")[0]
    host = address.split("/")[2]
    connection = socket.create_connection(host.split(":"), timeout=20)
    lines = (
        f"PUT {path}/api/inbox/0?name=a.jpg HTTP/1.1",
        f"Host: {host}",
        f"Origin: http://{host}",
        f"Cookie: {name}={cookie}",
        f"Content-Length: {size_bytes}",
    )
    connection.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
    return connection


def wait_for(condition):
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_without_a_running_gallery_one_is_served(house, monkeypatch):
    served = []
    monkeypatch.setattr(main, "serve", lambda places, page, opened, gallery: served.append((page, gallery)))
    open_page(house.places, "settings", print, lambda: house.gallery)
    assert served == [("settings", house.gallery)]
