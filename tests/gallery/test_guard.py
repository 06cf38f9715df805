"""Only the user's own browser gets anything."""

from __future__ import annotations

import os
import socket
import subprocess
import sys

import pytest

from facewatch.gallery.access import Access, is_foreign, make_ticket
from tests.gallery.house import HOST, ORIGIN, picture


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


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8123", "localhost:8123", "127.0.0.1", ""])
def test_a_foreign_host_is_refused(house, host):
    assert house.get("photos", headers={"host": host}).status_code == 403


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1:9", None])
def test_another_site_can_change_nothing(house, origin):
    headers = {} if origin is None else {"origin": origin}
    url = f"{house.access.prefix}/api/pause"
    answer = house.client.post(url, json={"paused": True}, headers=headers)
    assert answer.status_code == 403
    assert not house.gallery.settings().pausing()
    assert house.post("api/pause", {"paused": True}).status_code == 200


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
