"""The settings form, the folders, the models, the problems and the first steps."""

from __future__ import annotations

import errno
import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from facewatch.errors import BadPhoto
from facewatch.gallery.forms import helps, sections
from facewatch.gallery.reasons import reason_text
from facewatch.gallery.texts import LANGUAGES, choose_language, texts
from facewatch.models import catalogue
from facewatch.models.files import ModelFiles
from facewatch.restoration.codecs import jpeg, sniff
from facewatch.restoration.codecs.metadata import tiff_tags
from facewatch.restoration.face_reports import ALL_ORIGINAL, CHOSEN, NOT_FOUND, UNCHANGED
from facewatch.restoration.options import NOT_COMPARED, OTHER_PERSON
from facewatch.settings.schema import SECTIONS, Settings, keys_of
from facewatch.state.outcomes import final_reason
from facewatch.system import graphics
from facewatch.system.disk_space import FREE_SPACE, RESUMES, no_space_for
from tests.conftest import ROOT


def test_every_setting_is_in_the_form_with_a_label(tmp_path):
    fields = {field.key for section in sections(Settings(), ModelFiles(tmp_path)) for field in section.fields}
    nested = {
        f"{name}.{key}" for name, kind in SECTIONS.items() if name != "folders" for key in keys_of(kind)
    }
    top = {key for key in keys_of(Settings) if key not in {*SECTIONS, "weights", "paused", "work_until"}}
    assert fields == nested | top
    for language in LANGUAGES:
        assert {f"setting.{key}" for key in fields} <= texts(language).keys()


def test_the_form_knows_limits_and_help_from_the_schema_and_the_example(tmp_path):
    fields = {
        field.key: field for section in sections(Settings(), ModelFiles(tmp_path)) for field in section.fields
    }
    upscale = fields["restoration.upscale"]
    assert (upscale.kind, upscale.least, upscale.most, upscale.whole) == ("number", 1, 4, True)
    assert upscale.help == "1-4: how much larger the copy is"
    assert fields["output.format"].options[:2] == ("same", "jpeg")
    assert "codeformer" in fields["model"].options
    assert fields["restoration.max_faces"].optional
    assert fields["models_folder"].kind == "folder"
    assert fields["restoration.color_fix"].kind == "switch"
    assert {key for key in fields if not fields[key].help} == {"restoration.only_center_face"}
    assert helps()["engine.max_megapixels"].startswith("larger pictures are refused")
    assert helps()["engine.when"].endswith("`facewatch resume` sets it aside for 12 hours")  # its second line
    assert fields["watching.settle_seconds"].value == 5
    assert str(fields["watching.settle_seconds"].value) == "5"  # and not 5.0
    assert fields["output.content_credentials"].kind == "file"


def test_every_help_is_in_every_language(tmp_path):
    shown = [field for section in sections(Settings(), ModelFiles(tmp_path)) for field in section.fields]
    names = set(catalogue.names("detector")) | {"auto", "jpeg", "png", "webp", "tiff", "bmp", "heic", "avif"}
    for field in shown:
        if set(re.findall(r"[\w-]+", field.help)) <= names:
            continue  # only the values
        for language in LANGUAGES[1:]:
            assert f"help.{field.key}" in texts(language), (language, field.key)


@pytest.mark.parametrize(
    ("key", "given", "kept"),
    [
        ("output.quality", "80", 80),
        ("restoration.detect_threshold", "0.8", 0.8),
        ("restoration.max_faces", "", None),
        ("restoration.color_fix", False, False),
        ("engine.max_megapixels", "250", 250.0),
        ("engine.max_megapixels", "auto", "auto"),
        ("output.suffix", "-new", "-new"),
        ("model", "codeformer", "codeformer"),
        ("weights.codeformer", "0.3", 0.3),
        ("engine.when", "22:00-07:00", "22:00-07:00"),
    ],
)
def test_a_setting_is_saved(house, key, given, kept):
    assert house.post("api/settings", {"key": key, "value": given}).json() == {"saved": True}
    now = house.gallery.settings().model_dump(mode="json")
    for part in key.split("."):
        now = now[part]
    assert now == kept


@pytest.mark.parametrize(
    ("key", "given", "words"),
    [
        ("output.quality", "101", "less than or equal to 100"),
        ("output.quality", "many", "a whole number"),
        ("output.quality", "80.5", "a whole number"),
        ("output.suffix", "a/b", "cannot be part of a file's name"),
        ("model", "codefomer", 'did you mean "codeformer"'),
        ("engine.device", "toaster", '"cuda:1"'),
        ("weights.codeformer", "2", "less than or equal to 1"),
        ("folders", "x", "cannot be changed here"),
        ("weights.codeformer", [1], "a number from 0"),
        ("weights.codeformer", {}, "a number from 0"),
        ("output.quality", {"a": 1}, "a whole number"),
        ("watching.settle_seconds", "nan", "finite"),
        ("engine.when", "\n[engine]\nx = 1", "no time to work"),
        ("model_mirror", "file:///etc/", "cannot be used"),
        ("__class__", "x", "cannot be changed here"),
        ("models_folder", "/etc", "choose a folder from the list"),
        ("output.content_credentials", "/etc/ssl/private/key.pem", "choose a file from the list"),
        ("output.content_credentials", 0, "choose a file from the list"),
        ("nonsense", "1", "cannot be changed here"),
    ],
)
def test_a_wrong_value_is_refused_while_it_is_typed_and_when_it_is_saved(house, key, given, words):
    before = house.places.config.read_text("utf-8")
    for check in (True, False):
        answer = house.post("api/settings", {"key": key, "value": given, "check": check})
        assert answer.status_code == 422
        assert words in answer.json()["error"]
    assert house.places.config.read_text("utf-8") == before


def test_looking_at_a_value_does_not_save_it(house):
    assert (
        house.post("api/settings", {"key": "output.quality", "value": "5", "check": True}).status_code == 200
    )
    assert house.gallery.settings().output.quality == 95


def test_folders_are_chosen_by_numbers_that_were_given(house, tmp_path, monkeypatch):
    monkeypatch.setattr("pathlib.Path.home", lambda: tmp_path)
    (tmp_path / "scans").mkdir()
    listing = house.get("api/chooser").json()
    numbers = {folder["name"]: folder["number"] for folder in listing["folders"]}
    made = house.post("api/chooser", {"number": listing["number"], "name": "copies"}).json()
    assert made["path"] == str(tmp_path / "copies")
    body = {"input": numbers["scans"], "output": made["number"]}
    assert house.post("api/folders", body).status_code == 200
    folders = house.gallery.settings().folders
    assert (folders[1].input, folders[1].output) == (tmp_path / "scans", tmp_path / "copies")
    assert (
        house.post(
            "api/folders/1", {"recursive": False, "weight": "0.5", "include": "*.jpg, a/**"}
        ).status_code
        == 200
    )
    changed = house.gallery.settings().folders[1]
    assert (changed.recursive, changed.weight, changed.include) == (False, 0.5, ("*.jpg", "a/**"))
    assert house.post("api/folders/1/remove").status_code == 200
    assert len(house.gallery.settings().folders) == 1


def test_a_file_is_chosen_among_those_that_may_be_it(house, tmp_path, monkeypatch):
    monkeypatch.setattr("pathlib.Path.home", lambda: tmp_path)
    for name in ("photos.pem", "Chain.CRT", "secret.txt", ".hidden.pem"):
        (tmp_path / name).touch()
    key = "output.content_credentials"
    assert house.get("api/chooser").json()["files"] == []
    files = house.get("api/chooser", params={"files": key}).json()["files"]
    assert [file["name"] for file in files] == ["Chain.CRT", "photos.pem"]
    number = files[1]["number"]
    assert house.post("api/settings", {"key": key, "value": number}).json() == {"saved": True}
    assert house.gallery.settings().output.content_credentials == str(tmp_path / "photos.pem")
    assert house.post("api/folders", {"input": number, "output": number}).status_code == 422
    assert house.post("api/chooser", {"number": number, "name": "x"}).status_code == 422
    assert house.post("api/settings", {"key": key, "value": None}).json() == {"saved": True}
    assert house.gallery.settings().output.content_credentials is None


@pytest.mark.parametrize("page", ["welcome", "settings"])
def test_a_card_that_torch_cannot_use_is_named_beside_the_models(house, monkeypatch, page):
    monkeypatch.setattr(graphics, "torch_build", graphics.TorchBuild)
    monkeypatch.setattr(graphics, "cards", tuple)
    assert "this torch lacks" not in house.get(page).text
    monkeypatch.setattr(graphics, "cards", lambda: ("NVIDIA",))
    assert "there is an NVIDIA card, but this torch lacks CUDA" in house.get(page).text


@pytest.mark.parametrize("number", ["9" * 5000, "1" * 18, "٣", "-1", "1e3"])
def test_an_odd_number_of_a_folder_is_no_failure(house, number):
    assert house.get("api/chooser", params={"number": number}).status_code in {200, 422}


def test_the_first_steps_show_a_few_models_and_the_others_behind_a_click(house):
    text = house.get("welcome").text
    few, _, more = text.partition("<details")
    assert all(f'value="{name}"' in few for name in ("builtin", "gfpgan-1.4", "codeformer"))
    assert all(f'value="{name}"' in more for name in ("gpen-2048", "vqfr-1"))
    assert text.count('name="model"') == len(catalogue.names("face"))
    assert "<details open>" not in text
    house.gallery.store.update({"model": "vqfr-1"})
    assert "<details open>" in house.get("welcome").text  # what is chosen is in sight


@pytest.mark.parametrize(
    "body",
    [
        {"input": "/etc", "output": "/tmp"},
        {"input": 999, "output": 0},
        {"input": -1, "output": 0},
        {"input": True, "output": 0},
        {"input": 0},
        {"input": 0, "output": 0},
        {"restoration": {}},
        {"input": float("1e300"), "output": 0},
        {"input": [0], "output": {}},
    ],
)
def test_a_folder_that_was_not_offered_is_refused(house, body):
    house.get("api/chooser")
    assert house.post("api/folders", body).status_code == 422
    assert len(house.gallery.settings().folders) == 1


@pytest.mark.parametrize(
    "body",
    [{"weight": [1]}, {"weight": "nan"}, {"include": 5}, {"include": {"a": 1}}, {"exclude": "a\0"},
     {"model": "../x"}, {"model": {}}, {"weight": 7}],
)  # fmt: skip
def test_a_wrong_change_of_a_folder_is_refused(house, body):
    before = house.places.config.read_text("utf-8")
    assert house.post("api/folders/0", body).status_code == 422
    assert house.places.config.read_text("utf-8") == before


@pytest.mark.parametrize("name", ["..", "a/b", "", " ", ".hidden", 7, None, "a\nb"])
def test_a_folder_is_not_made_elsewhere(house, tmp_path, monkeypatch, name):
    monkeypatch.setattr("pathlib.Path.home", lambda: tmp_path)
    number = house.get("api/chooser").json()["number"]
    before = sorted(tmp_path.rglob("*"))
    assert house.post("api/chooser", {"number": number, "name": name}).status_code == 422
    assert sorted(tmp_path.rglob("*")) == before


def test_start_at_login_is_turned_on_and_off(house):
    assert house.post("api/login", {"enabled": True}).json() == {"state": "on"}
    assert 'id="login" checked' in house.get("settings").text
    assert house.post("api/login", {"enabled": False}).json() == {"state": "off"}


def test_models_are_listed_with_licence_and_state(house):
    models = {row["name"]: row for row in house.get("api/models").json()["models"]}
    assert models["builtin"]["state"] == "builtin"
    assert models["builtin"]["chosen"]
    assert models["gfpgan-1.4"]["state"] == "missing"
    assert models["gfpgan-1.4"]["question"]
    assert "NVIDIA" in models["gfpgan-1.4"]["licence"]
    assert models["gfpgan-1.4"]["page"] == ""
    assert models["dfdnet"]["page"].startswith("https://drive.google.com/")
    house.post("api/models/gfpgan-1.4/accept")
    models = {row["name"]: row for row in house.get("api/models").json()["models"]}
    assert not models["gfpgan-1.4"]["question"]
    for act in ("download", "accept", "verify", "remove"):
        assert house.post(f"api/models/no-such/{act}").status_code == 422


def test_problems_are_grouped_by_cause_with_what_helps(house):
    for name in ("a.jpg", "b.jpg"):
        house.failed(name, f"no space left for {house.output}: free some", "DiskFull")
    house.failed("c.jpg", "the picture is damaged (row 3); open it in another program")
    house.ledger.note("troubles", {})
    found = house.get("api/problems").json()
    assert [(it["count"], it["error"], it["remedy"]) for it in found["groups"]] == [
        (2, "DiskFull", "space"),
        (1, "BadPhoto", ""),
    ]
    assert found["groups"][1]["cause"] == "the picture is damaged"
    assert found["groups"][1]["photos"][0]["name"] == "c.jpg"
    assert found["groups"][1]["advice"] == "open it in another program"


def test_each_trouble_has_what_helps(house, monkeypatch):
    texts = [
        "disk: no space left on /out",
        "disk of /out: the disk of /out is not mounted",
        "folder /out: it cannot be written to",
        "model gfpgan-1.4: it could not be downloaded",
        "device: no such device",
    ]
    now = house.gallery.status()
    monkeypatch.setattr(house.gallery, "status", lambda: replace(now, troubles=texts, downloads={}))
    found = house.get("api/problems").json()["troubles"]
    assert [(it["remedy"], it["model"]) for it in found] == [
        ("space", ""),
        ("", ""),
        ("folder", ""),
        ("model", "gfpgan-1.4"),
        ("settings", ""),
    ]


def test_the_pictures_of_the_gallery_make_room(house):
    number = house.id_of(house.restored("a.jpg"))
    house.get(f"photos/{number}/thumbnail")
    (house.places.state / "gallery" / "report.zip").write_bytes(b"x" * 1000)
    freed = house.post("api/problems/space").json()["freed_bytes"]
    assert freed > 1000
    assert [file for file in (house.places.state / "gallery").rglob("*") if file.is_file()] == []
    assert house.get(f"photos/{number}/thumbnail").status_code == 200  # made again
    assert house.post("api/problems/space").json()["freed_bytes"] < freed


def test_a_wrong_config_is_a_problem_and_the_pages_still_work(house):
    house.places.config.write_text("model = ", "utf-8")
    house.gallery.store._clock = lambda: 1e9  # long after the edit
    house.get("api/status")
    found = house.get("api/problems").json()
    assert found["troubles"] == [] or "config" in found["troubles"][0]["text"]
    assert house.get("settings").status_code == 200


def test_the_log_ends_with_its_last_lines(house):
    house.places.logs.mkdir(parents=True)
    house.places.log.write_text("\n".join(f"line {number}" for number in range(5000)), "utf-8")
    log = house.get("api/problems").json()["log"]
    assert log.endswith("line 4999")
    assert "line 0\n" not in log


def test_the_first_steps_write_a_config_and_try_a_photo(house, tmp_path, monkeypatch):
    monkeypatch.setattr("pathlib.Path.home", lambda: tmp_path)
    house.places.config.unlink()
    house.gallery.store.__init__(house.places.config)
    house.gallery.store.load()
    answer = house.post("api/welcome", {"model": "codeformer"})
    assert answer.status_code == 200, answer.text
    settings = house.gallery.settings()
    assert settings.model == "codeformer"
    assert settings.folders[0].input == house.places.pictures / "Facewatch" / "Inbox"
    assert settings.folders[0].input.is_dir()
    token = house.post("api/welcome/try").json()["token"]
    assert (settings.folders[0].input / "sample.jpg").exists()
    assert house.get("api/inbox", params={"tokens": token}).json()[token]["outcome"] == "arrived"


def test_the_first_steps_refuse_an_unknown_model(house):
    before = house.places.config.read_text("utf-8")
    assert house.post("api/welcome", {"model": "nonsense"}).status_code == 422
    assert house.places.config.read_text("utf-8") == before


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        ("de-AT,de;q=0.9,en;q=0.5", "de"),
        ("fr", "fr"),
        ("en-GB,de;q=0.9", "en"),
        ("pt-BR,fr;q=0.4,de;q=0.6", "de"),
        ("ja", "en"),
        ("", "en"),
        ("de;q=0,fr", "fr"),
        ("de;q=x", "en"),
    ],
)
def test_the_language_is_the_browsers(accepted, language):
    assert choose_language(accepted) == language


def test_a_page_is_in_the_language_of_the_browser(house):
    page = house.get("photos", headers={"accept-language": "de"}).text
    assert '<html lang="de"' in page
    assert "Einstellungen" in page


def test_every_language_has_every_text_with_its_placeholders():
    english = texts("en")
    for language in LANGUAGES[1:]:
        file = ROOT / "facewatch" / "gallery" / "texts" / f"{language}.json"
        own = json.loads(file.read_text("utf-8"))
        assert english.keys() <= own.keys()
        for key, text in english.items():
            assert re.findall(r"\{\w+\}", own[key]) == re.findall(r"\{\w+\}", text) or sorted(
                re.findall(r"\{\w+\}", own[key])
            ) == sorted(re.findall(r"\{\w+\}", text)), key


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_text_stands_twice(language):
    file = ROOT / "facewatch" / "gallery" / "texts" / f"{language}.json"
    keys = [key for key, _ in json.loads(file.read_text("utf-8"), object_pairs_hook=list)]
    assert len(keys) == len(set(keys))


def test_every_model_and_its_kind_and_every_usual_reason_have_words():
    reasons = {CHOSEN, ALL_ORIGINAL, UNCHANGED, NOT_FOUND, OTHER_PERSON, NOT_COMPARED}
    for language in LANGUAGES:
        known = texts(language)
        assert {f"model.{row.name}" for row in catalogue.MODELS} <= known.keys()
        assert {f"models.kind_{row.kind}" for row in catalogue.MODELS} <= known.keys()
        assert {f"reason.{reason}" for reason in reasons} <= known.keys()


@pytest.mark.parametrize(
    ("reason", "german"),
    [
        (jpeg.INCOMPLETE, "die JPEG-Datei ist unvollständig"),
        (tiff_tags.INCOMPLETE, "die TIFF-Datei ist unvollständig"),
        (sniff.UNFINISHED, "das Ende der Datei ist leer"),
        (final_reason(jpeg.INCOMPLETE), "oder ihr Ende fehlt"),
        (sniff.CUT_OFF, "die Datei ist abgeschnitten"),
        (f"no space left for /a/b.jpg: {FREE_SPACE}", "kein Platz mehr für /a/b.jpg: Schaffen Sie Platz"),
        (no_space_for(Path("/a/b.jpg"), OSError(errno.EDQUOT, "")),
         "Ihr Kontingent auf dem Datenträger von /a/b.jpg ist aufgebraucht"),
        (f"no more files fit on the disk of /a, however small: delete some; {RESUMES}",
         "auf den Datenträger von /a passt keine weitere Datei"),
        ("the picture is damaged and cannot be decoded (row 3); open it in another program and save it again",
         "das Bild ist beschädigt und lässt sich nicht lesen (row 3); öffnen und speichern"),
        ("cannot write /x: Permission denied; check the folder and its permissions",
         "/x lässt sich nicht schreiben: Zugriff verweigert; prüfen Sie den Ordner"),
    ],
)  # fmt: skip
def test_usual_reasons_are_in_the_language_of_the_page(reason, german):
    assert german in reason_text("de", reason)
    french = reason_text("fr", reason).split("; ")
    assert not set(french) & set(reason.split("; "))  # every part of it
    assert reason_text("en", reason) == reason


@pytest.mark.parametrize(
    "data", [b"<svg/>" * 99, b"%PDF-1.7" * 99, b"GIF89a" * 99, b"PK\3\4" * 99, b"nonsense" * 99]
)
def test_what_a_file_is_instead_of_a_photo_is_in_the_language_of_the_page(data):
    with pytest.raises(BadPhoto) as refused:
        sniff.detect_format(data)
    assert "kein Bild in JPEG" in reason_text("de", str(refused.value))


def test_an_unknown_reason_stays_as_it_is():
    assert reason_text("de", "an {odd} reason; (really)") == "an {odd} reason; (really)"
    assert reason_text("fr", "") == ""


def test_pages_and_errors_give_reasons_in_their_language(house):
    number = house.id_of(house.failed("a.jpg", jpeg.INCOMPLETE))
    german = {"accept-language": "de"}
    assert "unvollständig" in house.get(f"api/photos/{number}", headers=german).json()["reason"]
    group = house.get("api/problems", headers=german).json()["groups"][0]
    assert "unvollständig" in group["title"]
    assert group["cause"] in jpeg.INCOMPLETE  # what the button names the group by
    assert group["advice"] == ""  # the page says in its own words that it is tried again
    assert "nicht mehr" in house.get("api/photos/999", headers=german).json()["error"]


def test_every_text_that_a_page_or_script_names_exists():
    folder = ROOT / "facewatch" / "gallery"
    known = texts("en")
    for file in (*folder.glob("templates/*.html"), *folder.glob("static/*.js")):
        text = file.read_text("utf-8")
        used = re.findall(r't\["([\w.-]+)"\]', text) + re.findall(r'\bt\("([\w.-]+)"', text)
        assert [key for key in used if key not in known] == [], file.name
