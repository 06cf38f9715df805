"""Decisions become requests to the daemon."""

from __future__ import annotations

import json
import os
import stat
import time

import pytest

from facewatch.errors import WrongUse
from facewatch.gallery import uploads
from facewatch.gallery.names import fault_of
from facewatch.gallery.previews import remove_old
from facewatch.gallery.uploads import place_for
from facewatch.settings.schedule import rest_reason, working_now
from facewatch.settings.schema import Folder
from facewatch.state.status import GIVING_WAY_KEY
from tests.gallery.house import FACE, KEPT, picture


def test_a_redo_asks_for_model_weight_faces_and_the_place_of_the_copy(house):
    path = house.restored("a.jpg", faces=(FACE, KEPT))
    body = {"model": "builtin", "weight": 0.5, "replace": True}
    body["faces"] = [{"number": 0, "weight": None}, {"number": 1, "weight": 0.2}]
    assert house.post(f"api/photos/{house.id_of(path)}/redo", body).status_code == 200
    assert house.requests() == [
        {
            "kind": "redo",
            "path": str(path),
            "model": "builtin",
            "weight": 0.5,
            "replace": True,
            "faces": [{"box": FACE["box"], "weight": None}, {"box": KEPT["box"], "weight": 0.2}],
        }
    ]


@pytest.mark.parametrize(
    "body",
    [
        {"model": "../x"},
        {"model": ["builtin"]},
        {"weight": 2},
        {"weight": "0.5"},
        {"weight": True},
        {"faces": [{"number": 9, "weight": 0.5}]},
        {"faces": [{"number": -1, "weight": 0.5}]},
        {"faces": [{"number": True, "weight": 0.5}]},
        {"faces": ["x"]},
        {"faces": "x"},
        {"faces": [{"number": 0, "weight": 7}]},
        {"faces": [{"number": 0, "weight": 0, "model": "../x"}]},
        {"faces": [{"number": 0, "weight": 0, "model": ["builtin"]}]},
        {"replace": "yes"},
        {"seen": "1.000", "faces": [{"number": 0, "weight": 0}]},  # of a page that shows an earlier report
        {"seen": None},
    ],
)
def test_a_wrong_redo_is_refused_and_nothing_is_asked(house, body):
    number = house.id_of(house.restored("a.jpg"))
    assert house.post(f"api/photos/{number}/redo", body).status_code == 422
    assert house.requests() == []


def test_a_page_that_shows_the_photo_as_it_is_applies(house):
    path = house.restored("a.jpg", faces=(FACE, KEPT))
    number = house.id_of(path)
    seen = house.get(f"api/photos/{number}").json()["key"]
    body = {"seen": seen, "faces": [{"number": 1, "weight": 0.2}]}
    assert house.post(f"api/photos/{number}/redo", body).status_code == 200
    assert len(house.requests()) == 1


@pytest.mark.parametrize("value", ["yes", 1, None, [], {}])
def test_true_and_false_are_taken_for_nothing_else(house, value):
    house.post("api/login", {"enabled": True})
    house.post("api/pause", {"paused": True})
    assert house.post("api/login", {"enabled": value}).status_code == 422
    assert house.post("api/pause", {"paused": value}).status_code == 422
    assert house.post("api/folders/0", {"recursive": value}).status_code == 422
    assert house.login.now == "on"
    assert house.gallery.settings().pausing()


def test_a_verdict_is_asked_for(house):
    path = house.restored("a.jpg")
    number = house.id_of(path)
    assert house.post(f"api/photos/{number}/mark", {"marks": ["accepted", "favourite"]}).status_code == 200
    assert house.post(f"api/photos/{number}/mark", {"marks": ["thrown"]}).status_code == 422
    assert house.requests() == [{"kind": "mark", "path": str(path), "marks": ["accepted", "favourite"]}]


def test_failed_photos_are_tried_again_one_by_one_and_by_cause(house):
    damaged, full = house.failed("a.jpg"), house.failed("b.jpg", "no space left", "DiskFull")
    assert house.post(f"api/photos/{house.id_of(damaged)}/retry").status_code == 200
    assert house.post("api/problems/retry", {"error": "DiskFull"}).status_code == 200
    assert house.post("api/problems/retry", {}).status_code == 200
    assert [it.get("path") for it in house.requests()] == [str(damaged), str(full), None]


def test_a_pause_is_a_setting(house):
    house.post("api/pause", {"paused": True})
    assert house.gallery.settings().pausing()
    house.post("api/pause", {"paused": False})
    assert not house.gallery.settings().pausing()


def test_resume_sets_the_hours_aside(house):
    house.gallery.store.update({"engine.when": "03:00-03:01"})
    house.post("api/pause", {"paused": False})
    assert rest_reason(house.gallery.settings()) == ""


def test_work_now_sets_giving_way_on_the_graphics_card_aside(house, monkeypatch):
    house.ledger.note(GIVING_WAY_KEY, "waiting while other programs fill the graphics card")
    monkeypatch.setattr("facewatch.state.status.running_pid", lambda _: 1)
    house.post("api/pause", {"paused": False})
    assert working_now(house.gallery.settings())


def test_the_daemon_is_started_by_its_own_command(house):
    assert house.post("api/start").status_code == 200
    assert house.launched[0][-3:] == ["run", "--config", str(house.places.config)]


def test_a_dropped_photo_arrives_whole_under_its_name(house):
    data = picture()
    answer = house.put("api/inbox/0?name=album/Größe%201.jpg", data)
    assert answer.status_code == 200, answer.text
    assert (house.inbox / "album" / "Größe 1.jpg").read_bytes() == data
    assert house.put("api/inbox/0?name=album/Größe%201.jpg", data).json()["name"] == "album/Größe 1 (2).jpg"
    assert sorted(path.name for path in house.inbox.rglob("*.jpg")) == ["Größe 1 (2).jpg", "Größe 1.jpg"]
    assert not list(house.inbox.rglob(".*"))


def test_the_way_of_a_dropped_photo_is_told(house):
    token = house.put("api/inbox/0?name=a.jpg", picture()).json()["token"]
    ways = lambda: house.get("api/inbox", params={"tokens": f"{token},77,x"}).json()  # noqa: E731
    assert ways() == {token: {"outcome": "arrived", "id": None}}
    path = house.failed("a.jpg")
    assert ways()[token] == {"outcome": "failed", "id": house.id_of(path), "reason": "the file is damaged"}


@pytest.mark.parametrize(
    "name",
    ["../a.jpg", "a/../../b.jpg", "/etc/a.jpg", "", ".a.jpg", "a/.git/b.jpg", "a//b.jpg",
     "a\n.jpg", "a.exe", "a", "x/" * 40 + "a.jpg", "a" * 300 + ".jpg", "a.jpg/", "\x00.jpg", "\x7f.jpg",
     "a\u202egpj.exe", "a\u202egpj.jpg", "a\u2066.jpg", "a\u2028.jpg", "a.svg", "a.html", "a.jpg.html"],
)  # fmt: skip
def test_names_that_lead_elsewhere_are_refused(house, tmp_path, name):
    answer = house.client.put(
        f"{house.access.prefix}/api/inbox/0",
        params={"name": name},
        content=picture(),
        headers={"origin": "http://127.0.0.1:8123"},
    )
    assert answer.status_code == 422
    assert list(house.inbox.rglob("*")) == []


@pytest.mark.skipif(os.name == "nt", reason="Windows does not allow these")
@pytest.mark.parametrize(
    "name",
    ["<img src=x onerror=alert(1)>.jpg", "Wer? Ich: 10|30*.jpg", 'a"b\\c.jpg', "CON.jpg",
     "👨\u200d👩\u200d👧.jpg", "\u0645\u06cc\u200c\u062e\u0648.jpg", "\u200eIMG-1.jpg", "a .jpg"],
)  # fmt: skip
def test_a_name_that_the_folder_can_hold_is_kept(house, name):
    answer = house.put("api/inbox/0", picture(), params={"name": name})
    assert answer.status_code == 200, answer.text
    assert [file.name for file in house.inbox.iterdir()] == [name]


@pytest.mark.parametrize(
    "name", ["a:b.jpg", "a\\b.jpg", "CON", "con.jpg", "Lpt1 .x.jpg", "COM¹.jpg", "a.", "a "]
)
def test_windows_refuses_its_own_names(name):
    assert "Windows" in fault_of(name, windows=True)
    assert fault_of(name, windows=False) == ""
    assert fault_of(f"x{name.strip('. ')}x".replace(":", "").replace("\\", ""), windows=True) == ""


def test_a_folder_that_is_not_recursive_gets_the_photos_themselves(tmp_path):
    folder = Folder(input=tmp_path / "in", output=tmp_path / "out", recursive=False)
    assert place_for(folder, "album/a.jpg") == tmp_path / "in" / "a.jpg"
    with pytest.raises(WrongUse, match="no photo by its name"):
        place_for(folder, "a.txt")


def test_a_file_that_does_not_arrive_whole_leaves_nothing(house):
    url = f"{house.access.prefix}/api/inbox/0?name=a.jpg"
    request = house.client.build_request(
        "PUT", url, content=b"short", headers={"origin": "http://127.0.0.1:8123"}
    )
    request.headers["content-length"] = "5000"
    assert house.client.send(request).status_code == 422
    assert list(house.inbox.iterdir()) == []


def test_an_upload_without_a_length_ends_at_the_limit_and_leaves_nothing(house, monkeypatch):
    monkeypatch.setattr(uploads, "LARGEST_BYTES", 100_000)
    read = []

    def endless():
        while len(read) < 1000:
            read.append(1)
            yield b"x" * 10_000

    answer = house.put("api/inbox/0?name=a.jpg", endless())
    assert answer.status_code == 422
    assert "larger than" in answer.json()["error"]
    assert list(house.inbox.iterdir()) == []


def test_a_missing_inbox_is_not_made(house):
    house.inbox.rmdir()
    answer = house.put("api/inbox/0?name=a.jpg", picture())
    assert answer.status_code == 422
    assert not house.inbox.exists()
    assert house.put("api/inbox/5?name=a.jpg", picture()).status_code == 422


@pytest.mark.skipif(os.name == "nt", reason="Windows has other permissions")
def test_nothing_is_written_through_a_link(house, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (house.inbox / "album").symlink_to(tmp_path / "elsewhere")
    answer = house.put("api/inbox/0?name=album/a.jpg", picture())
    assert answer.status_code >= 400
    assert list((tmp_path / "elsewhere").iterdir()) == []


@pytest.mark.skipif(os.name == "nt", reason="Windows has other permissions")
def test_what_the_gallery_keeps_is_private(house):
    house.get(f"photos/{house.id_of(house.queue('a.jpg'))}/thumbnail")
    folder = house.places.state / "gallery" / "pictures"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_one_face_may_have_a_model_of_its_own(house):
    path = house.restored("a.jpg", faces=(FACE, KEPT))
    body = {"model": "builtin", "faces": [{"number": 1, "weight": 0.2, "model": "codeformer"}]}
    assert house.post(f"api/photos/{house.id_of(path)}/redo", body).status_code == 200
    choice = {"box": KEPT["box"], "weight": 0.2, "model": "codeformer"}
    assert house.requests()[0]["faces"] == [choice]


def test_an_undo_is_asked_for_and_offered_where_there_is_one(house):
    path = house.restored("a.jpg")
    number = house.id_of(path)
    assert house.get(f"api/photos/{number}").json()["undo"] == ""
    assert house.post(f"api/photos/{number}/undo").status_code == 200
    assert house.requests() == [{"kind": "undo", "path": str(path)}]
    house.ledger.mark(path, ["rejected"], rejected={"path": "/x", "sha256": "0", "report": {}})
    assert house.get(f"api/photos/{number}").json()["undo"] == "rejection"
    again = house.restored("b.jpg", earlier={"path": "/x", "sha256": "0", "report": {}})
    assert house.get(f"api/photos/{house.id_of(again)}").json()["undo"] == "redo"


def test_a_preview_is_asked_for_and_its_picture_is_shown(house):
    path = house.restored("a.jpg", faces=(FACE, KEPT))
    number = house.id_of(path)
    asked = house.post(f"api/photos/{number}/preview", {"face": 1, "model": "builtin"}).json()
    assert asked["weights"] == [0.0]
    assert house.requests()[0]["preview"] == asked["name"]
    assert house.requests()[0]["faces"] == [{"box": KEPT["box"], "weight": 0.0}]
    state = lambda: house.get(f"api/previews/{asked['name']}").json()  # noqa: E731
    assert state() == {"state": "working"}
    folder = house.places.previews
    folder.mkdir()
    (folder / f"{asked['name']}.json").write_text('{"error": "no face"}', "utf-8")
    assert state() == {"state": "failed", "error": "no face"}
    assert house.get(f"previews/{asked['name']}.jpg").status_code == 404
    judged = [{"weight": 0.0, "identity": {"similarity": 0.2, "verdict": "other"}, "hopeless": True}]
    said = {"error": "", "judged": judged, "protects": True}
    (folder / f"{asked['name']}.json").write_text(json.dumps(said), "utf-8")
    assert state() == {"state": "working"}
    (folder / f"{asked['name']}.jpg").write_bytes(picture())
    assert state() == {"state": "done", "judged": judged, "protects": True}
    assert house.get(f"previews/{asked['name']}.jpg").content == picture()


@pytest.mark.parametrize(
    "body",
    [{"face": 0, "model": "codeformer"}, {"face": 9, "model": "builtin"}, {"model": "builtin"}, {"face": 0}],
)
def test_a_wrong_preview_is_refused(house, body):
    number = house.id_of(house.restored("a.jpg"))
    assert house.post(f"api/photos/{number}/preview", body).status_code == 422
    assert house.requests() == []


@pytest.mark.parametrize("name", ["..", "../../config", "0123456789abcdeg", "0" * 17, "%2e%2e%2fconfig"])
def test_a_preview_has_a_name_of_ours(house, name):
    assert house.get(f"api/previews/{name}").status_code in {403, 404}
    assert house.get(f"previews/{name}.jpg").status_code in {403, 404}


def test_old_previews_are_removed(house):
    folder = house.places.previews
    folder.mkdir()
    for name, age in (("old.jpg", 700), ("old.json", 700), ("new.jpg", 5)):
        (folder / name).touch()
        then = time.time() - age
        os.utime(folder / name, (then, then))
    remove_old(folder)
    assert [file.name for file in folder.iterdir()] == ["new.jpg"]
