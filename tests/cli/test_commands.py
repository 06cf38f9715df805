"""The commands as a user types them, each in a process and a home of its own."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image, ImageCms

from facewatch import __version__
from facewatch.cli.main import COMMANDS, LazyCommand
from tests.conftest import ROOT
from tests.portrait import portrait_bytes


@pytest.fixture
def facewatch(tmp_path):
    def call(*arguments, **environment):
        return subprocess.run(
            [sys.executable, "-m", "facewatch", *map(str, arguments)],
            capture_output=True,
            encoding="utf-8",
            env={**os.environ, "FACEWATCH_HOME": str(tmp_path / "home"), "COLUMNS": "200", **environment},
            cwd=tmp_path,
            timeout=200,
            check=False,
        )

    return call


@pytest.fixture
def portrait(tmp_path):
    path = tmp_path / "portrait.jpg"
    path.write_bytes(portrait_bytes())
    return path


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_every_command_explains_itself(facewatch, command):
    run = facewatch(*command.split(), "--help")
    assert run.returncode == 0
    assert "Usage" in run.stdout


@pytest.mark.parametrize("name", COMMANDS)
def test_the_table_holds_the_first_line_of_every_commands_help(name):
    row = COMMANDS[name]
    assert LazyCommand(name, row).load().help.splitlines()[0] == row.help


@pytest.mark.parametrize("option", ["--version", "-V"])
def test_the_version_is_printed(facewatch, option):
    run = facewatch(option)
    assert (run.returncode, run.stdout) == (0, f"facewatch {__version__}\n")


def test_short_help_is_help(facewatch):
    for command in ((), ("models", "list"), ("restore",)):
        assert facewatch(*command, "-h").stdout == facewatch(*command, "--help").stdout


def test_every_command_of_the_readme_exists():
    text = (ROOT / "README.md").read_text("utf-8")
    used = set(re.findall(r"`facewatch ([a-z]+)", text)) | set(
        re.findall(r"^    facewatch ([a-z]+)", text, re.MULTILINE)
    )
    assert (
        {"demo", "run", "restore", "status", "set", "models", "config", "doctor"} <= used <= COMMANDS.keys()
    )


def test_the_first_steps_of_the_readme(facewatch):
    assert facewatch("config", "check").returncode == 2  # as `facewatch run`: no folder is watched yet
    init = facewatch("config", "init")
    assert init.returncode == 0
    assert "Inbox" in init.stdout
    assert "model builtin; `facewatch run` starts" in init.stdout  # nothing to download, no licence to accept
    assert facewatch("config", "init").returncode == 2  # never overwrites
    assert facewatch("config", "check").returncode == 0
    assert facewatch("config", "path").stdout.strip().endswith("config.toml")
    shown = json.loads(facewatch("config", "show", "--json").stdout)
    assert shown["folders"][0]["output"].endswith("Restored")
    assert facewatch("set", "weight", "0.7").returncode == 0
    assert facewatch("set", "model", "codeformer").stdout.strip() == 'model = "codeformer"'
    assert facewatch("doctor", "--quick").returncode == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["set", "weight", "1.4"], "0 (strong) to 1"),
        (["set", "modle", "x"], '"model"'),
        (["config", "check", "--config", "nowhere.toml"], "nowhere.toml is not there"),
        (["redo", "nowhere.jpg"], "nowhere.jpg is not there"),
        (["redo", "portrait.jpg"], "in no watched folder"),
        (["compare", "portrait.jpg", "-m", "builtin", "-o", "sheet.webp"], "ends in .jpg or .png"),
        (["compare", "portrait.jpg", "-m", "gfpgan-9"], "unknown name"),
        (["set", "model", "gfpgan"], "unknown name"),
        (["restore", "nowhere.jpg"], "nowhere.jpg is not there"),
        (["restore", "portrait.jpg", "--weight", "1.4"], "the weight 1.4 is not possible"),
        (["restore", "portrait.jpg", "--model", "gfpgan-9"], "gfpgan-1"),
        (["run", "--no-tray"], "names no folder"),
        (["demo", "nowhere.jpg"], "nowhere.jpg is not there"),
        (["frobnicate"], "No such command"),
        (["restore"], "Missing argument"),
    ],
)
def test_wrong_use_is_explained_and_exits_with_2(facewatch, portrait, arguments, words):
    run = facewatch(*arguments)
    assert run.returncode == 2
    assert words in run.stderr
    assert "Traceback" not in run.stderr


def test_status_says_that_the_daemon_is_not_running(facewatch):
    assert "not running" in facewatch("status").stdout
    assert json.loads(facewatch("status", "--json").stdout)["mood"] == "stopped"


def test_restore_writes_beside_the_photo_and_changes_nothing_else(facewatch, portrait, tmp_path):
    before = portrait.read_bytes()
    run = facewatch("restore", portrait, "--model", "builtin", "--json")
    assert run.returncode == 0, run.stderr
    (result,) = json.loads(run.stdout)["photos"]
    assert result["outcome"] == "restored"
    assert result["summary"] == "1 of 1 face restored"
    assert result["output"] == str(tmp_path / "Restored" / "portrait.jpg")
    assert portrait.read_bytes() == before
    with Image.open(result["output"]) as copy, Image.open(portrait) as original:
        assert copy.size == original.size
        assert copy.getexif()[0x0131].startswith("facewatch")


UNCHECKED = "identity is not checked: the model sface is not downloaded; `facewatch models pull sface`"


def test_without_its_network_identity_is_said_not_to_be_checked(facewatch, portrait):
    run = facewatch("restore", portrait, "--model", "builtin")
    assert UNCHECKED in run.stderr
    said = facewatch("status").stdout  # of the model in the settings, for which photos wait
    assert "photos wait, since no face is shown before it is compared" in said
    assert UNCHECKED.removeprefix("identity is not checked: ") in said
    assert UNCHECKED not in facewatch("restore", portrait, "-m", "builtin", "--identity", "off").stderr
    (result,) = json.loads(facewatch("restore", portrait, "-m", "builtin", "--json").stdout)["photos"]
    assert result["faces"][0]["identity"] is None


def test_with_its_network_every_face_is_compared_and_the_copy_says_so(facewatch, portrait, shared):
    network = shared / "weights" / "face_recognition_sface_2021dec.onnx"
    added = facewatch("models", "add", network, "--link")
    assert added.stdout.startswith("sface: "), added.stderr
    run = facewatch("restore", portrait, "-m", "builtin", "--json")
    said = json.loads(run.stdout)
    assert said["notes"] == []
    (face,) = said["photos"][0]["faces"]
    assert face["identity"]["verdict"] == "same"
    assert 0.5 < face["identity"]["similarity"] <= 1
    assert face["weight"] == 0
    assert f"similarity {face['identity']['similarity']:.2f}" in said["photos"][0]["summary"]
    copy = Path(said["photos"][0]["output"]).read_bytes()
    assert b'facewatch:verdict="same"' in copy


def test_the_files_beside_a_copy_are_never_restored(facewatch, portrait, tmp_path):
    options = ["--compare", "side-by-side", "--save-crops"]
    assert facewatch("restore", portrait, "-m", "builtin", "-o", tmp_path / "out", *options).returncode == 0
    again = json.loads(
        facewatch("restore", tmp_path / "out", "-m", "builtin", "-o", tmp_path / "x", "--json").stdout
    )
    assert len(again["photos"]) == 4
    assert {photo["outcome"] for photo in again["photos"]} == {"skipped"}


def test_a_photo_with_a_long_name_gets_its_files_beside_the_copy_too(facewatch, portrait, tmp_path):
    long = portrait.rename(tmp_path / ("ü" * 120 + "12345678901.jpg"))
    options = [
        "-m",
        "builtin",
        "--compare",
        "side-by-side",
        "--save-crops",
        "--suffix=-restored",
        "-o",
        "out",
    ]
    run = facewatch("restore", long, *options)
    assert run.returncode == 0, run.stderr
    assert len(list((tmp_path / "out").iterdir())) == 4
    run = facewatch("compare", long, "-m", "builtin", "-w", "0")
    assert run.returncode == 0, run.stderr
    assert Path(run.stdout.strip()).name.endswith(" comparison.jpg")


def test_a_photo_without_faces_is_skipped_on_request_even_when_it_would_be_enlarged(facewatch, tmp_path):
    Image.effect_noise((200, 150), 60).convert("RGB").save(tmp_path / "noise.jpg")
    run = facewatch(
        "restore", tmp_path / "noise.jpg", "-m", "builtin", "--upscale", "2", "--no-faces", "skip", "--json"
    )
    assert json.loads(run.stdout)["photos"][0]["output"] is None
    assert not list((tmp_path / "Restored").iterdir())
    run = facewatch("restore", tmp_path / "noise.jpg", "-m", "builtin", "--upscale", "2", "--json")
    assert json.loads(run.stdout)["photos"][0]["outcome"] == "without faces"


def test_status_still_answers_when_the_config_is_broken(facewatch, tmp_path):
    assert facewatch("config", "init").returncode == 0
    with (tmp_path / "home" / "config.toml").open("a") as config:
        config.write('\nmodle = "x"\n')
    run = facewatch("status", "--json")
    assert run.returncode == 0
    assert "modle" in json.loads(run.stdout)["troubles"][0]


def test_restore_takes_folders_and_says_which_photos_failed(facewatch, portrait, tmp_path):
    folder = tmp_path / "album"
    (folder / "sub").mkdir(parents=True)
    (folder / "a.jpg").write_bytes(portrait.read_bytes())
    (folder / "b.jpg").write_bytes(b"no photo" * 100)
    (folder / "sub" / "c.jpg").write_bytes(portrait.read_bytes())
    for name in ("d.gif", "e.gif", "f.cr2"):
        (folder / name).write_bytes(b"GIF89a" * 9)
    run = facewatch(
        "restore",
        folder,
        "-o",
        tmp_path / "out",
        "--model",
        "builtin",
        "--recursive",
        "--json",
        "--compare",
        "side-by-side",
    )
    assert run.returncode == 1
    outcomes = {
        os.path.relpath(photo["source"], folder): photo["outcome"]
        for photo in json.loads(run.stdout)["photos"]
    }
    assert outcomes == {"a.jpg": "restored", "b.jpg": "not supported", str(Path("sub") / "c.jpg"): "restored"}
    notes = json.loads(run.stdout)["notes"]
    assert notes[-1] == "3 files of kinds facewatch does not take: 2 .gif, 1 .cr2"
    assert (tmp_path / "out" / "sub" / "c.jpg").exists()
    assert (tmp_path / "out" / "sub" / "c before-after.jpg").exists()


def test_restore_says_how_to_get_a_model_that_is_missing(facewatch, portrait):
    run = facewatch("restore", portrait, "--model", "codeformer")
    assert run.returncode == 1
    assert "facewatch models accept codeformer" in run.stderr


def test_compare_makes_one_labelled_sheet(facewatch, portrait, tmp_path):
    run = facewatch("compare", portrait, "--models", "builtin", "--weights", "0,1")
    assert run.returncode == 0, run.stderr
    with Image.open(tmp_path / "portrait comparison.jpg") as sheet:
        assert sheet.width > 2 * sheet.height


def test_the_sheet_of_compare_has_the_profile_of_the_photo(facewatch, portrait, tmp_path):
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    with Image.open(portrait) as picture:
        picture.save(portrait, icc_profile=profile)
    run = facewatch("compare", portrait, "--models", "builtin", "--weights", "0")
    assert run.returncode == 0, run.stderr
    with Image.open(tmp_path / "portrait comparison.jpg") as sheet:
        assert sheet.info["icc_profile"] == profile


def test_the_demo_ends_and_shows_before_and_after(facewatch, portrait, tmp_path):
    run = facewatch("demo", portrait, "--output", tmp_path / "shown")
    assert run.returncode == 0, run.stdout + run.stderr
    for name in ("eileen-collins", "portrait"):
        assert (tmp_path / "shown" / "Restored" / f"{name}.jpg").exists()
        assert (tmp_path / "shown" / "Restored" / f"{name} before-after.jpg").exists()
        assert f"{name} before-after.jpg" in run.stdout
    assert not list((tmp_path / "shown").rglob("*.pid"))
    assert not (tmp_path / "shown" / "state" / "daemon.json").exists()


@pytest.fixture
def started(monkeypatch):
    """The commands that are started in the background."""
    commands = []
    monkeypatch.setattr("facewatch.tray.opener.Opener.start", lambda _, command, __: commands.append(command))
    return commands


def test_run_without_a_config_opens_the_first_steps_where_no_terminal_shows_the_error(
    call, places, started, monkeypatch
):
    monkeypatch.setenv("DISPLAY", ":0")
    assert call("run").code == 2
    assert [command[-3:] for command in started] == [["gallery", "--page", "welcome"]]


def test_run_opens_nothing_in_a_terminal_without_a_desktop_or_with_a_config(
    call, places, started, monkeypatch
):
    monkeypatch.setenv("DISPLAY", ":0")
    for option in ("--no-tray", "--once"):
        assert call("run", option).code == 2
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    assert call("run").code == 2
    places.config.parent.mkdir(exist_ok=True)
    places.config.write_text("", "utf-8")
    monkeypatch.setattr("sys.stdin.isatty", lambda: False, raising=False)
    assert call("run").code == 2
    assert started == []


def test_the_gallery_without_its_packages_says_what_to_install(call, places, monkeypatch):
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    monkeypatch.delitem(sys.modules, "facewatch.gallery.main", raising=False)
    monkeypatch.delattr("facewatch.gallery.main", raising=False)  # another test may have imported it
    said = call("gallery")
    assert said.code == 1
    assert "the gallery needs the Python package uvicorn: run `pip install" in said.err
