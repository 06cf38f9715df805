"""Only the user's own browser gets anything."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import sqlite3
import subprocess
import sys
import urllib.request

import pytest
import uvicorn
from uvicorn.server import ServerState

from facewatch.gallery import connections
from facewatch.gallery.access import Access, is_foreign, make_ticket
from facewatch.gallery.app import make_app
from tests.gallery.browser import GalleryProcess
from tests.gallery.house import HOST, ORIGIN, PORT, House, TestClient, picture


def test_the_cookie_opens_every_page(house):
    for path in ("photos", "settings", "problems", "welcome", "api/status", "static/style.css"):
        assert house.get(path).status_code == 200, path


def test_without_the_cookie_nothing_is_shown(house):
    stranger = house.stranger()
    for path in ("/", "/photos", f"{house.access.prefix}/photos", f"{house.access.prefix}/static/shell.js"):
        answer = stranger.get(path)
        assert answer.status_code == 403
        assert "gallery" in answer.text
    stranger.cookies.set("facewatch", "guessed")
    assert stranger.get(f"{house.access.prefix}/photos").status_code == 403


def test_the_cookie_is_kept_from_scripts_other_sites_and_other_servers(house):
    stranger = house.stranger()
    ticket = make_ticket(house.access.secret, 1000.0)
    cookie = stranger.get("/enter", params={"ticket": ticket}).headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert f"Path={house.access.prefix}" in cookie  # another port of this host does not know it


def test_a_ticket_opens_once_and_only_while_it_is_fresh(house):
    for made, expected in ((1000.0, 200), (1000.0 - 300, 403), (1000.0 + 300, 403)):
        ticket = make_ticket(house.access.secret, made)
        assert house.stranger().get("/enter", params={"ticket": ticket}).status_code == expected
        assert house.stranger().get("/enter", params={"ticket": ticket}).status_code == 403
    for wrong in ("", "x", "1000.ab.cd", make_ticket("another secret", 1000.0), "é.é.é"):
        assert house.stranger().get("/enter", params={"ticket": wrong}).status_code == 403


def test_a_ticket_leads_only_to_our_pages(house):
    ours = {"settings": "settings", "photos/12": "photos/12"}
    for page in (*ours, "photos/1/../..", "//evil.example/", "../x"):
        ticket = make_ticket(house.access.secret, 1000.0)
        answer = house.stranger().get("/enter", params={"ticket": ticket, "page": page})
        assert f'url={house.access.prefix}/{ours.get(page, "")}"' in answer.text


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:8123", "localhost:8123", "localhost.:8123", "127.0.0.1", "",
     "127.0.0.1.nip.io:8123", "127.0.0.1.:8123", "127.1:8123", "2130706433:8123", "[::1]:8123",
     "127.0.0.1:08123", "x@127.0.0.1:8123", "127.0.0.1:8123,evil.example", "127.0.0.1:8124"],
)  # fmt: skip
def test_a_foreign_host_is_refused(house, host):
    assert house.get("photos", headers={"host": host}).status_code == 403


@pytest.mark.parametrize(
    "origin",
    ["http://evil.example", "null", "http://127.0.0.1:9", "http://127.0.0.1", "", None,
     "https://127.0.0.1:8123", "http://127.0.0.1:8123/", "http://127.0.0.1:8123.nip.io", "HTTP://127.0.0.1:8123"],
)  # fmt: skip
def test_another_site_can_change_nothing(house, origin):
    headers = {} if origin is None else {"origin": origin}
    url = f"{house.access.prefix}/api/pause"
    answer = house.client.post(url, json={"paused": True}, headers=headers)
    assert answer.status_code == 403
    assert not house.gallery.settings().pausing()
    assert house.post("api/pause", {"paused": True}).status_code == 200


def test_two_origins_are_none(house):
    url = f"{house.access.prefix}/api/pause"
    for both in ([ORIGIN, "http://evil.example"], ["http://evil.example", ORIGIN]):
        headers = [("origin", one) for one in both]
        assert house.client.post(url, json={"paused": True}, headers=headers).status_code == 403


def test_a_form_of_another_site_with_plain_text_changes_nothing(house):
    url = f"{house.access.prefix}/api/pause"
    headers = {"content-type": "text/plain", "origin": "null", "sec-fetch-site": "cross-site"}
    assert house.client.post(url, content=b'{"paused": true}', headers=headers).status_code == 403
    assert not house.gallery.settings().pausing()


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_another_site_can_embed_nothing(house, site):
    assert house.get("photos", headers={"sec-fetch-site": site}).status_code == 403
    assert house.get("photos", headers={"sec-fetch-site": "same-origin"}).status_code == 200


def test_every_answer_says_what_it_may_do(house):
    number = house.id_of(house.restored("a.jpg"))
    for path in ("photos", "api/status", f"photos/{number}/thumbnail", "static/shell.js", "api/photos/99999"):
        headers = house.get(path).headers
        assert headers["content-security-policy"].startswith("default-src 'none'; script-src 'self'")
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert headers["referrer-policy"] == "no-referrer"
    assert house.stranger().get("/").headers["x-frame-options"] == "DENY"


def test_pages_need_no_script_or_style_of_their_own(house):
    house.restored("a.jpg")
    for path in ("photos", "photos/1", "settings", "problems", "welcome"):
        text = house.get(path).text
        assert " style=" not in text
        assert " onclick=" not in text
        assert "https://" not in text.replace("https://github.com", "")  # terms of licences


@pytest.mark.parametrize(
    "path",
    [
        "photos/../../etc/passwd",
        "photos/..%2f..%2fetc%2fpasswd/before",
        "photos/%2e%2e/before",
        "photos/-1/before",
        "photos/1e3/before",
        "photos/99999999999999999999999999/before",
        "photos/1/..%2f..%2fhome%2fconfig.toml",
        "photos/1/before%00",
        "photos/1/anything",
        "photos/1/..;/before",
        "photos/1%252f..%252f/before",
        "photos/9223372036854775808/before",
        "photos/%D9%A1/before",
        "static/%2fetc%2fpasswd",
        "static/..%5capp.py",
        "static/%00",
        "static/../app.py",
        "static/..%2fapp.py",
        "static/%2e%2e/templates/base.html",
        "api/models/..%2f..%2fx/remove",
        "api/photos/1/../../../config.toml",
    ],
)
def test_no_path_from_the_browser_is_opened(house, path):
    house.restored("a.jpg")
    answer = house.get(path)
    assert answer.status_code in {403, 404, 405}
    assert "root:" not in answer.text
    assert "import" not in answer.text


def test_names_are_text_in_every_page(house):
    name = "<img src=x onerror=alert(1)>.jpg"
    number = house.id_of(house.restored(name))
    house.failed("<script>x<.jpg", reason="<b>bold</b>")
    for path in (f"photos/{number}", "photos", "problems"):
        assert "<img src=x" not in house.get(path).text
        assert "<script>x" not in house.get(path).text
    assert house.get("api/photos").json()["photos"][1]["name"] == name
    assert house.get("api/photos").headers["content-type"] == "application/json"


@pytest.mark.skipif(os.name == "nt", reason="names are text on Windows")
def test_a_name_that_is_no_utf8_is_shown_and_its_picture_too(house):
    name = os.fsdecode(b"caf\xe9.jpg")
    number = house.id_of(house.restored(name))
    assert house.get("api/photos").json()["photos"][0]["name"] == "caf?.jpg"
    assert house.get(f"photos/{number}").status_code == 200
    assert house.get(f"api/photos/{number}").json()["copy"] == "caf?.jpg"
    assert house.get(f"photos/{number}/thumbnail").status_code == 200


def test_too_large_and_broken_requests_are_refused(house):
    number = house.id_of(house.restored("a.jpg"))
    url = f"{house.access.prefix}/api/photos/{number}/redo"
    for body in (b"x" * 100_000, b"[1]", b"{", b"[" * 50_000):
        answer = house.client.post(url, content=body, headers={"origin": ORIGIN})
        assert answer.status_code == 422
    assert house.requests() == []


def test_an_upload_of_5_gb_is_refused_before_it_is_read(house):
    def endless():
        yield picture()
        raise AssertionError("the body was read")

    headers = {"content-length": "5000000000", "origin": ORIGIN}
    url = f"{house.access.prefix}/api/inbox/0?name=a.jpg"
    request = house.client.build_request("PUT", url, headers=headers, content=b"x")
    request.headers["content-length"] = "5000000000"
    answer = house.client.send(request)
    assert answer.status_code == 422
    assert "larger than 2 GB" in answer.json()["error"]
    assert list(house.inbox.iterdir()) == []


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux tells who holds a connection")
def test_a_connection_of_this_user_is_not_foreign():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)) as client:
            assert not is_foreign(port, client.getsockname()[1])


@pytest.mark.skipif(
    not sys.platform.startswith("linux") or os.geteuid() != 0, reason="another user is needed, as root is one"
)
def test_another_user_of_this_machine_is_refused():
    connect = (
        "import encodings.idna, os, socket, sys; os.setuid(65534); "
        "c = socket.create_connection(('127.0.0.1', int(sys.argv[1]))); "
        "print(c.getsockname()[1], flush=True); sys.stdin.read()"
    )
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        command = [sys.executable, "-c", connect, str(port)]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
            peer = int(other.stdout.readline())
            assert is_foreign(port, peer)
            other.stdin.close()


@pytest.mark.skipif(
    not sys.platform.startswith("linux") or os.geteuid() != 0, reason="another user is needed, as root is one"
)
def test_connections_of_another_user_are_ended_and_lock_nobody_out(house):
    started = GalleryProcess(house.places)
    hold = (
        "import encodings.idna, os, socket, sys; os.setuid(65534)\n"
        "held = [socket.create_connection(('127.0.0.1', int(sys.argv[1]))) for _ in range(600)]\n"
        "print([c.recv(1) for c in held] == [b''] * 600, flush=True); sys.stdin.read()"
    )
    port = started.address.split(":")[2].split("/")[0]
    command = [sys.executable, "-c", hold, port]
    try:
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
            assert other.stdout.readline() in {"True\n", ""}  # ended, or reset while it was read
            with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(started.address) as answer:
                assert answer.status == 200
            other.stdin.close()
    finally:
        started.stop()


def test_a_connection_that_asks_for_nothing_is_closed(monkeypatch):
    monkeypatch.setattr(connections, "is_foreign", lambda *_: False)
    later = []

    class Loop:
        def call_later(self, seconds, act):
            later.append((seconds, act))

    class Transport(asyncio.Transport):
        closed = False

        def get_extra_info(self, name, default=None):
            return ("127.0.0.1", 1) if name in {"sockname", "peername"} else default

        def is_closing(self):
            return self.closed

        def close(self):
            self.closed = True

    config = uvicorn.Config(lambda: None, log_config=None)
    protocol = connections.OwnConnection(config, ServerState(), {}, Loop())
    transport = Transport()
    protocol.connection_made(transport)
    assert later[0][0] == connections.HEAD_SECONDS
    later[0][1]()
    assert transport.closed
    asking = Transport()
    protocol.connection_made(asking)
    protocol.cycle = object()  # a request has begun
    later[1][1]()
    assert not asking.closed


@pytest.mark.parametrize(
    "head",
    [
        "GET {path} HTTP/1.1\r\nHost: {host}\r\nHost: evil.example\r\n",
        "GET http://evil.example{path} HTTP/1.1\r\nHost: {host}\r\n",
        "GET //{host}{path} HTTP/1.1\r\nHost: {host}\r\n",
        "GET {path}/../..{path} HTTP/1.1\r\nHost: {host}\r\n",
        "GET {path} HTTP/1.1\r\nHost: {host}\r\nX: " + "x" * 200_000 + "\r\n",
        "GET {path} HTTP/1.1\r\n Host: {host}\r\n",
        "GET {path} HTTP/1.1\nHost: evil.example\n",
        "POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 5\r\nContent-Length: 6\r\n",
        "POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n",
        "CONNECT {host} HTTP/1.1\r\nHost: {host}\r\n",
    ],
)
def test_a_request_that_is_odd_is_refused_though_the_cookie_is_right(entered, head):
    host, path, cookie = entered
    with socket.create_connection(host.split(":"), timeout=60) as connection:
        request = head.format(path=f"{path}/api/pause", host=host) + f"Cookie: {cookie}\r\n\r\n"
        with contextlib.suppress(ConnectionError):  # refused before it was read to its end
            connection.sendall(request.encode())
            answer = connection.recv(100)
            assert answer == b"" or int(answer.split()[1]) in {400, 403, 404, 405, 431}


@pytest.fixture(scope="module")
def entered(tmp_path_factory):
    """The host of a running gallery, the path of its pages, and the cookie that opens them."""
    house = House(tmp_path_factory.mktemp("odd"))
    house.ledger.close()
    process = GalleryProcess(house.places)
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with direct.open(process.address, timeout=60) as answer:
        cookie, *rest = answer.headers["set-cookie"].split("; ")
    path = next(part.removeprefix("Path=") for part in rest if part.startswith("Path="))
    yield process.address.split("/")[2], path, cookie
    process.stop()


def test_the_cookie_of_an_earlier_gallery_opens_nothing(house):
    path, cookie = house.access.prefix, house.client.cookies["facewatch"]
    later = Access(now=lambda: 1000.0)
    later.prefix = path  # even if it were guessed
    app = make_app(house.gallery, later, PORT)
    client = TestClient(app, base_url=ORIGIN, headers={"host": HOST, "cookie": f"facewatch={cookie}"})
    assert client.get(f"{path}/photos").status_code == 403


def test_a_page_that_fails_says_so_in_a_page(house):
    answer = house.get("photos/99999", headers={"accept": "text/html,*/*;q=0.8"})
    assert answer.status_code == 404
    assert "<h1>This page cannot be shown</h1>" in answer.text
    assert "not in facewatch&#39;s list" in answer.text
    assert house.get("api/photos/99999").json()["error"].startswith("this photo is not")


def test_a_ledger_that_cannot_be_read_is_an_error_and_not_an_end(house):
    number = house.id_of(house.restored("a.jpg"))
    house.ledger.close()
    house.places.ledger.write_bytes(b"no database " * 1000)
    answer = house.get(f"api/photos/{number}")
    assert answer.status_code == 503
    assert "ledger" in answer.json()["error"]
    page = house.get(f"photos/{number}", headers={"accept": "text/html"})
    assert page.status_code == 503
    assert "ledger" in page.text
    assert house.get("settings").status_code == 200


def test_a_missing_or_a_locked_ledger_is_no_end(house):
    number = house.id_of(house.restored("a.jpg"))
    house.gallery.index.refresh()
    lock = sqlite3.connect(house.places.ledger, isolation_level=None)
    lock.execute("BEGIN EXCLUSIVE")
    assert house.get(f"api/photos/{number}").status_code == 200
    assert house.get("api/status").status_code == 200
    lock.close()
    house.ledger.close()
    for file in house.places.ledger.parent.glob(f"{house.places.ledger.name}*"):
        file.unlink()
    for path in ("api/status", "api/photos", "api/problems", f"api/photos/{number}", "photos"):
        answer = house.get(path)
        assert answer.status_code in {200, 404, 503}, path
        assert answer.status_code == 200 or answer.json()["error"]


def test_a_table_that_cannot_be_read_leaves_the_decision_to_the_ticket(tmp_path):
    assert not is_foreign(1, 2, [tmp_path / "missing"])
    table = tmp_path / "tcp"
    other = os.getuid() + 1 if hasattr(os, "getuid") else 1
    table.write_text(f"header\n 0: 0100007F:0002 0100007F:0001 01 0:0 0:0 0 {other} 0 1\n", "ascii")
    assert is_foreign(1, 2, [table])
    assert not is_foreign(2, 1, [table])


def test_each_gallery_has_its_own_secrets():
    one, other = Access(), Access()
    assert {one.secret, one.cookie, one.prefix}.isdisjoint({other.secret, other.cookie, other.prefix})
    assert HOST
