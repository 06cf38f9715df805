"""The list of photos, one photo, and its pictures."""

from __future__ import annotations

import io
import time
from dataclasses import replace

import pytest
from PIL import Image, ImageCms

from facewatch.gallery.index import Filter, PhotoIndex, encodable, shown
from facewatch.gallery.pictures import Pictures
from facewatch.state.ledger import LedgerView
from tests.gallery.house import FACE, KEPT, PaintsHere, noise, picture


def names(house, **query):
    return [photo["name"] for photo in house.get("api/photos", params=query).json()["photos"]]


def test_the_newest_photo_comes_first_with_what_became_of_it(house):
    house.restored("a.jpg")
    house.restored("album/b.jpg", faces=(FACE, KEPT))
    house.restored("c.jpg", faces=(KEPT,))
    house.restored("d.jpg", faces=())
    house.failed("e.jpg")
    house.queue("f.jpg")
    found = house.get("api/photos").json()
    assert [(it["name"], it["outcome"]) for it in found["photos"]] == [
        ("f.jpg", "waiting"),
        ("e.jpg", "failed"),
        ("d.jpg", "without faces"),
        ("c.jpg", "unchanged"),
        ("album/b.jpg", "partly restored"),
        ("a.jpg", "restored"),
    ]
    assert found["photos"][1]["reason"] == "the file is damaged"


def test_filters_take_what_they_name(house):
    house.restored("anna.jpg")
    house.clock.now += 1000
    house.failed("Bert.jpg")
    house.restored("album/carla.jpg", marks=["favourite"])
    assert names(house, outcome="failed") == ["Bert.jpg"]
    assert names(house, outcome="favourite") == ["album/carla.jpg"]
    assert names(house, text="BERT") == ["Bert.jpg"]
    assert names(house, text="album/") == ["album/carla.jpg"]
    assert names(house, since=str(house.clock.now - 500)) == ["album/carla.jpg", "Bert.jpg"]
    assert names(house, until=str(house.clock.now - 500)) == ["anna.jpg"]
    assert names(house, folder="/elsewhere") == []
    assert house.get("api/photos", params={"since": "yesterday"}).status_code == 422


def test_a_part_of_the_list_knows_the_whole(house):
    for number in range(12):
        house.restored(f"{number:02}.jpg")
    found = house.get("api/photos", params={"first": "4", "count": "3"}).json()
    assert (found["total"], [it["name"] for it in found["photos"]]) == (12, ["07.jpg", "06.jpg", "05.jpg"])
    assert len(house.get("api/photos", params={"count": "100000"}).json()["photos"]) == 12


def test_the_next_and_the_previous_photo_follow_the_filter(house):
    ids = [house.id_of(house.restored(f"{it}.jpg")) for it in "abc"]
    house.failed("d.jpg")
    around = house.get(f"api/photos/{ids[1]}/around", params={"outcome": "restored"}).json()
    assert around == {"place": 2, "total": 3, "before": ids[2], "after": ids[0]}
    first = house.get(f"api/photos/{ids[2]}/around", params={"outcome": "restored"}).json()
    assert first["before"] is None
    gone = house.get(f"api/photos/{ids[1]}/around", params={"outcome": "failed"}).json()
    assert gone["total"] == 1


def test_the_newest_photos_are_there_before_the_whole_list_is_read(house):
    for number in range(5):
        house.restored(f"{number}.jpg")
    first = house.get("api/photos", params={"count": "2"}).json()
    assert ([it["name"] for it in first["photos"]], first["total"]) == (["4.jpg", "3.jpg"], 5)
    assert first["version"] == -1
    house.gallery.index.begin()
    deadline = time.monotonic() + 20
    while house.get("api/status").json()["version"] < 0:
        assert time.monotonic() < deadline
    second = house.get("api/photos", params={"count": "2"}).json()
    assert second["photos"] == first["photos"]
    assert second["version"] >= 0


def test_the_list_follows_the_ledger(house):
    index = PhotoIndex(LedgerView(house.places.ledger))
    path = house.queue("a.jpg")
    index.refresh()
    first = index.version
    assert [entry.outcome for entry in index.photos(Filter())] == ["waiting"]
    index.refresh()
    assert index.version == first
    job = house.ledger.start(house.ledger.photo(path))
    index.refresh()
    assert [entry.outcome for entry in index.photos(Filter())] == ["in work"]
    house.clock.now -= 5000  # the clock is put back
    house.ledger.park(job, "broken", "BadPhoto")
    index.refresh()
    assert [entry.outcome for entry in index.photos(Filter())] == ["failed"]
    house.ledger.gone(path)
    index.refresh()
    assert index.photos(Filter()) == []


def test_a_mark_that_changes_no_time_is_seen_once_it_is_expected(house):
    number = house.id_of(house.restored("a.jpg"))
    house.gallery.index.refresh()
    house.ledger.mark(house.inbox / "a.jpg", ["favourite"])
    house.gallery.index.expect(number)
    house.gallery.index.refresh()
    assert house.gallery.index.entry(number).marks == ("favourite",)


def test_a_photo_shows_each_face_with_what_was_done(house):
    false = {**FACE, "reason": "a duplicate of another face", "fate": "kept"}
    judged = {**FACE, "identity": {"similarity": 0.71, "verdict": "same"}}
    choices = [{"box": KEPT["box"], "weight": 0.4}]
    number = house.id_of(house.restored("a.jpg", faces=(KEPT, false, judged), choices=choices))
    found = house.get(f"api/photos/{number}").json()
    assert [(face["number"], face["restored"]) for face in found["faces"]] == [(2, True), (0, False)]
    assert found["faces"][0]["identity"] == {"similarity": 0.71, "verdict": "same"}
    assert found["faces"][0]["chosen"] is False
    assert (found["faces"][1]["chosen"], found["faces"][1]["weight"]) == (True, 0.4)
    assert found["faces"][1]["reason"] == "already sharp"
    assert (found["model"], found["blend"], found["copy"], found["original"]) == (
        "builtin",
        True,
        "a.jpg",
        True,
    )


def test_a_face_with_a_model_of_its_own_is_known_by_its_box_and_names_that_model(house):
    x0, y0, x1, y1 = KEPT["box"]
    width = x1 - x0
    # Another detector than the one that the choice was made with draws another box.
    moved = {**KEPT, "fate": "restored", "reason": "", "model": "restoreformer"}
    moved["box"] = [x0 + 0.1 * width, y0, x1 + 0.1 * width, y1]
    other = {**moved, "model": None, "box": [x0 + 3 * width, y0, x1 + 3 * width, y1]}
    choices = [{"box": KEPT["box"], "weight": 0.4, "model": "restoreformer"}]
    number = house.id_of(house.restored("a.jpg", faces=(moved, other), choices=choices))
    faces = house.get(f"api/photos/{number}").json()["faces"]
    assert [(face["model"], face["chosen"]) for face in faces] == [
        ("restoreformer", True),
        ("builtin", False),
    ]


@pytest.mark.parametrize("model", ["codeformer", "pulse"])  # made-up people pass the gate at every weight
def test_what_the_page_may_not_mix_itself_is_no_blend(house, model):
    number = house.id_of(house.restored("a.jpg", model=model))
    found = house.get(f"api/photos/{number}").json()
    assert found["blend"] is False
    offered = {row["name"]: row["blend"] for row in found["models"]}
    assert (offered[model], offered["gpen-512"]) == (False, True)


def test_a_photo_that_is_not_in_the_list_is_not_found(house):
    for path in ("photos/7", "api/photos/7", "photos/7/before"):
        assert house.get(path).status_code == 404


def heic():
    import pillow_heif

    data = io.BytesIO()
    pillow_heif.from_pillow(Image.new("RGB", (90, 60), (200, 30, 30))).save(data)
    return data.getvalue()


@pytest.mark.parametrize(
    ("name", "data", "size"),
    [
        ("a.jpg", lambda: picture((900, 600)), (384, 256)),
        ("a.tif", lambda: picture((90, 60), format="TIFF"), (90, 60)),
        ("a.heic", heic, (90, 60)),
        ("a.png", lambda: picture((60, 60), format="PNG"), (60, 60)),
    ],
)
def test_a_thumbnail_of_every_kind_is_a_small_jpeg(house, name, data, size):
    number = house.id_of(house.queue(name, data()))
    answer = house.get(f"photos/{number}/thumbnail")
    assert answer.headers["content-type"] == "image/jpeg"
    assert Image.open(io.BytesIO(answer.content)).size == size


def test_a_thumbnail_is_upright_and_keeps_its_profile(house):
    turned = Image.Exif()
    turned[0x0112] = 6
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    data = picture((90, 60), exif=turned, icc_profile=profile)
    answer = house.get(f"photos/{house.id_of(house.queue('a.jpg', data))}/thumbnail")
    shown = Image.open(io.BytesIO(answer.content))
    assert shown.size == (60, 90)
    assert shown.info["icc_profile"] == profile
    assert "facewatch" in shown.getexif()[0x0131]  # dropped into a folder, it is not restored


def test_browsers_get_their_own_formats_as_they_are(house):
    data = picture((90, 60))
    number = house.id_of(house.queue("a.jpg", data))
    assert house.get(f"photos/{number}/before").content == data
    assert house.painter.painted == []
    tiff = house.id_of(house.queue("a.tif", picture((90, 60), format="TIFF")))
    answer = house.get(f"photos/{tiff}/before")
    assert answer.headers["content-type"] == "image/jpeg"
    assert house.painter.painted != []


def test_the_type_of_a_picture_is_that_of_its_content(house):
    number = house.id_of(house.queue("a.png", b"<html><script>alert(1)</script>"))
    answer = house.get(f"photos/{number}/before")
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/json"


def test_a_picture_that_is_gone_is_not_found(house):
    path = house.restored("a.jpg")
    number = house.id_of(path)
    path.unlink()
    (house.output / "a.jpg").unlink()
    for which in ("before", "after", "thumbnail"):
        assert house.get(f"photos/{number}/{which}").status_code == 404
    found = house.get(f"api/photos/{number}").json()
    assert (found["copy"], found["original"]) == (None, False)


def test_a_picture_is_painted_once_and_again_when_its_file_changes(tmp_path):
    painter = PaintsHere()
    pictures = Pictures(tmp_path / "kept", painter)
    source = tmp_path / "a.jpg"
    source.write_bytes(picture((30, 30)))
    first = pictures.find(source, "thumbnail")
    assert pictures.find(source, "thumbnail") == first
    assert len(painter.painted) == 1
    source.write_bytes(picture((40, 30)))
    assert pictures.find(source, "thumbnail") != first


def test_the_kept_pictures_are_bounded_and_the_oldest_go_first(tmp_path):
    pictures = Pictures(tmp_path / "kept", PaintsHere(), limit_bytes=400_000)
    kept = []
    for number in range(12):
        source = tmp_path / f"{number}.png"
        noise((300, 300), number).save(source)
        kept.append(pictures.find(source, "thumbnail")[0])
        time.sleep(0.02)  # file times tell the order
    left = [path.exists() for path in kept]
    assert sum(path.stat().st_size for path in kept if path.exists()) <= 400_000
    assert left == sorted(left)
    assert left[-1]


def test_the_state_of_the_daemon_is_told(house):
    house.restored("a.jpg", marks=["favourite"])
    house.failed("b.jpg")
    assert house.get("api/status").json()["counts"] == {}  # the list is still being read
    house.gallery.index.refresh()
    found = house.get("api/status").json()
    assert found["mood"] == "stopped"
    assert found["counts"] == {"restored": 1, "failed": 1, "favourite": 1}
    assert found["problems"] == 1


def test_photos_that_wait_for_their_next_try_are_not_shown_as_waiting(house, monkeypatch):
    now = house.gallery.status()
    counts = {**now.counts, "queued": 1, "retry": 5}
    monkeypatch.setattr(house.gallery, "status", lambda: replace(now, counts=counts))
    assert house.get("api/status").json()["waiting"] == 1


def test_without_a_folder_the_first_steps_are_shown(house):
    house.gallery.store.update_folder(0, None)
    answer = house.get("photos")
    assert (answer.status_code, answer.headers["location"]) == (303, f"{house.access.prefix}/welcome")


def test_a_name_on_a_page_is_text_and_turns_nothing_round():
    name = "a\x1b[2J\x9b\u202egpj.exe\n\u2066\udce9.jpg"
    assert shown(name) == "a\\x1b[2J\\x9b\\u202egpj.exe\\n\\u2066?.jpg"
    assert encodable(name) == name.replace("\udce9", "?")  # a folder's, which comes back from its field
