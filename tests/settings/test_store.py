"""The config file: loading, changing and following it."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import datetime, timezone

import pytest

from facewatch.errors import BadCheckpoint, BadSettings, CannotWrite
from facewatch.settings.schema import Folder, Settings, keys_of, parse
from facewatch.settings.store import QUIET_SECONDS, Store, example
from facewatch.system.locks import acquire_lock
from tests.conftest import ROOT

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


class Seconds:
    """A clock on which a second passes between two looks."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        self.now += QUIET_SECONDS
        return self.now


def reload(store):
    """Look twice, as the daemon does, with a second of quiet in between."""
    return store.reload_if_changed() or store.reload_if_changed()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "config.toml"


def test_a_missing_file_means_the_defaults(path):
    assert Store(path).load() == Settings()
    assert not path.exists()


def test_the_example_parses_to_the_defaults_and_the_usual_inbox():
    text = (ROOT / "config.example.toml").read_text("utf-8")
    inbox = Folder(input="~/Pictures/Facewatch/Inbox", output="~/Pictures/Facewatch/Restored")
    assert parse(tomllib.loads(text), "example") == Settings(folders=(inbox,))


def test_the_example_shows_every_key():
    text = (ROOT / "config.example.toml").read_text("utf-8")
    for section in (
        Settings(),
        Settings().restoration,
        Settings().output,
        Settings().watching,
        Settings().engine,
    ):
        for key in keys_of(type(section)):
            assert key in text


def test_a_first_config_file_uses_the_given_home(tmp_path):
    home = tmp_path / 'a "quoted" \\ name'
    folder = parse(tomllib.loads(example(home, "builtin")), "example").folders[0]
    assert folder.input == home / "Inbox"


def test_a_change_keeps_comments_order_and_white_space(path):
    path.write_text('# mine\nmodel   =  "builtin"   # why not\n\n[output]\nquality=90 # enough\n', "utf-8")
    store = Store(path, clock=Seconds())
    store.load()
    store.update({"quality": 80, "weights.gfpgan-1.4": 0.3})
    assert path.read_text("utf-8") == (
        '# mine\nmodel   =  "builtin"   # why not\n\n[output]\nquality=80 # enough\n'
        '\n[weights]\n"gfpgan-1.4" = 0.3\n'
    )
    assert store.current.output.quality == 80


def test_an_invalid_change_leaves_the_file_unchanged(path):
    path.write_text('model = "builtin"\n', "utf-8")
    store = Store(path, clock=Seconds())
    store.load()
    with pytest.raises(BadSettings, match=r"weights\.codeformer"):
        store.update({"weights.codeformer": 3})
    assert path.read_text("utf-8") == 'model = "builtin"\n'
    assert store.current.weights == {}


def test_a_key_can_be_removed(path):
    store = Store(path, clock=Seconds())
    store.update({"paused": True})
    assert store.update({"paused": None}).paused is False
    assert "paused" not in path.read_text("utf-8")


@pytest.mark.parametrize(
    ("change", "kept"),
    [({"when": "mains"}, False), ({"engine.give_way": True}, False), ({"paused": True}, True)],
)
def test_new_times_to_work_end_work_now(path, change, kept):
    store = Store(path, clock=Seconds())
    store.update({"work_until": datetime(2030, 1, 1, tzinfo=timezone.utc)})
    assert (store.update(change).work_until is not None) is kept


def test_a_broken_edit_keeps_the_last_valid_settings_until_it_is_fixed(path):
    path.write_text('model = "builtin"\n', "utf-8")
    store = Store(path, clock=Seconds())
    store.load()
    path.write_text('model = "builtin\n', "utf-8")
    with pytest.raises(BadSettings, match="line 1"):
        reload(store)
    assert store.current.model == "builtin"
    assert store.problem is not None
    assert reload(store) is False  # reported once
    path.write_text('model = "codeformer"\n', "utf-8")
    assert reload(store) is True
    assert store.problem is None
    assert store.current.model == "codeformer"


def test_a_deleted_file_keeps_the_last_valid_settings_until_it_is_back(path):
    path.write_text('model = "builtin"\n', "utf-8")
    store = Store(path, clock=Seconds())
    store.load()
    path.unlink()
    with pytest.raises(BadSettings, match=r"config\.toml is gone.*put it back"):
        reload(store)
    assert store.current.model == "builtin"
    assert store.problem is not None
    with pytest.raises(BadSettings, match="is gone"):
        store.update({"paused": True})  # a file with nothing else in it would watch no folder
    assert not path.exists()
    path.write_text('model = "codeformer"\n', "utf-8")
    assert reload(store) is True
    assert store.current.model == "codeformer"


class Models:
    """The user's own model files, whose records may be damaged."""

    def __init__(self, *names):
        self.names, self.damaged = names, False

    def __call__(self, folder):
        if self.damaged:
            raise BadCheckpoint("records.json cannot be read; delete it")
        return self.names


def test_damaged_model_records_do_not_affect_settings_without_own_models(path):
    models = Models("my-faces")
    store = Store(path, models, clock=Seconds())
    store.load()
    models.damaged = True
    path.write_text('model = "builtin"\npaused = true\n', "utf-8")
    assert reload(store)
    assert store.current.paused
    assert store.update({"paused": False}).paused is False


def test_settings_with_an_own_model_wait_until_its_damaged_records_are_fixed(path):
    models = Models("my-faces")
    store = Store(path, models, clock=Seconds())
    path.write_text('model = "my-faces"\n', "utf-8")
    store.load()
    models.damaged = True
    path.write_text('model = "my-faces"\npaused = true\n', "utf-8")
    for _ in range(2):
        with pytest.raises(BadSettings, match=r"my-faces.*\n.*records.json cannot be read; delete it"):
            reload(store)
        assert not store.current.paused
    models.damaged = False
    assert reload(store)
    assert store.current.paused
    assert not reload(store)


def test_subscribers_are_called_only_for_changes(path):
    store = Store(path, clock=Seconds())
    received = []
    store.subscribe(received.append)
    store.load()
    store.update({"model": "codeformer"})
    store.update({"model": "codeformer"})
    assert [settings.model for settings in received] == ["gfpgan-1.4", "codeformer"]


def test_a_config_that_is_a_link_stays_a_link(path, tmp_path):
    real = tmp_path / "dotfiles.toml"
    real.write_text('model = "builtin"\n', "utf-8")
    path.symlink_to(real)
    Store(path).update({"model": "codeformer"})
    assert path.is_symlink()
    assert "codeformer" in real.read_text("utf-8")


def test_dumped_settings_parse_with_the_own_models_of_their_folder(tmp_path):
    def own(folder):
        return ("mine",) if folder == tmp_path / "models" else ()

    store = Store(tmp_path / "config.toml", own)
    raw = {"models_folder": str(tmp_path / "models"), "model": "mine"}
    settings = store.parse(raw, "a file")
    assert store.parse(settings.model_dump(exclude_unset=True), "the options") == settings


def test_an_edit_in_pieces_is_read_when_it_has_been_quiet(path):
    now = 0.0
    path.write_text("")
    store = Store(path, clock=lambda: now)
    store.load()
    for text in ("# \n", "[output]\n", "[output]\nquality = 80\n", '[output]\nquality = 80\nsuffix = "-x"\n'):
        now += 0.75 * QUIET_SECONDS
        path.write_text(text)
        assert not store.reload_if_changed()
        assert store.current == Settings()
    now += QUIET_SECONDS
    assert store.reload_if_changed()
    assert (store.current.output.quality, store.current.output.suffix) == (80, "-x")


def test_a_file_that_is_being_written_at_a_start_is_read_when_it_is_whole(path):
    pieces = ["[output]\nquality = 80\n", '[output]\nquality = 80\nsuffix = "-x"\n']
    path.write_text("[output]\n")
    pauses = []

    def pause(seconds):
        pauses.append(seconds)
        if pieces:
            path.write_text(pieces.pop(0))
        else:
            os.utime(path, (0, 0))  # written long ago

    assert Store(path).load_when_quiet(pause).output.suffix == "-x"
    assert len(pauses) == 3


def test_a_start_waits_neither_for_an_old_file_nor_for_ever(path):
    def pause(_):
        pytest.fail("it waited")

    assert Store(path).load_when_quiet(pause) == Settings()
    path.write_text("[output]\nquality = 80\n")
    os.utime(path, (0, 0))
    assert Store(path).load_when_quiet(pause).output.quality == 80
    path.touch()
    assert Store(path).load_when_quiet(lambda _: True).output.quality == 80
    assert Store(path, clock=Seconds()).load_when_quiet(lambda _: path.touch()).output.quality == 80


def test_a_change_by_facewatch_is_read_at_once_and_a_hand_made_edit_when_quiet(path):
    path.write_text("")
    follower = Store(path, clock=lambda: 0.0)
    follower.load()
    Store(path).update({"paused": True})
    assert follower.reload_if_changed()
    assert follower.current.paused
    path.write_text("paused = false\n")
    assert not follower.reload_if_changed()


def test_changes_by_several_processes_at_once_are_all_kept(path):
    script = (
        "import sys; from pathlib import Path; from facewatch.settings.store import Store\n"
        "for number in range(70, 90): Store(Path(sys.argv[1])).update({sys.argv[2]: number})"
    )
    keys = ("max_faces", "max_face_px", "quality")
    children = [subprocess.Popen([sys.executable, "-c", script, path, key]) for key in keys]
    assert [child.wait() for child in children] == [0, 0, 0]
    settings = Store(path).load()
    assert settings.restoration.max_faces == settings.restoration.max_face_px == settings.output.quality == 89


def test_a_file_that_another_program_is_changing_is_left_alone(path, monkeypatch):
    monkeypatch.setattr("facewatch.settings.store.LOCK_SECONDS", 0.0)
    with acquire_lock(path.with_name(f".{path.name}.lock")), pytest.raises(CannotWrite, match="try again"):
        Store(path).update({"paused": True})
    assert not path.exists()


def test_folders_are_added_changed_and_removed_with_comments_kept(path, tmp_path):
    path.write_text(example(tmp_path, "builtin"), "utf-8")
    store = Store(path)
    store.load()
    store.update_folder(None, {"input": str(tmp_path / "scans"), "output": str(tmp_path / "copies")})
    store.update_folder(0, {"recursive": False, "model": "codeformer"})
    first, second = store.current.folders
    assert (first.recursive, first.model, second.input) == (False, "codeformer", tmp_path / "scans")
    assert 'for example ["**/private/**"]' in path.read_text("utf-8")
    store.update_folder(0, {"model": None})
    assert store.current.folders[0].model is None
    store.update_folder(0, None)
    store.update_folder(0, None)
    assert store.current.folders == ()
    assert "upscale = 1" in path.read_text("utf-8")
    store.update_folder(None, {"input": str(tmp_path / "a"), "output": str(tmp_path / "b")})
    assert len(store.current.folders) == 1


@pytest.mark.parametrize(
    "text", ["folders = []\n", "", 'folders = [{input = "ROOT/a", output = "ROOT/b"}]\n']
)
def test_a_folder_is_added_to_every_form_of_the_list(path, text, tmp_path):
    path.write_text(text.replace("ROOT", tmp_path.as_posix()), "utf-8")
    store = Store(path)
    before = len(store.load().folders)
    store.update_folder(None, {"input": str(tmp_path / "scans"), "output": str(tmp_path / "copies")})
    assert len(Store(path).load().folders) == before + 1


@pytest.mark.parametrize(
    ("number", "changes"),
    [
        (0, {"weight": 3}),
        (0, {"colour": "red"}),
        (7, {"recursive": False}),
        (7, None),
        (None, {"input": "/x"}),
    ],
)
def test_a_wrong_folder_changes_nothing(path, number, changes, tmp_path):
    root = tmp_path.as_posix()
    path.write_text(f'[[folders]]\ninput = "{root}/a"\noutput = "{root}/b"\n', "utf-8")
    before = path.read_text("utf-8")
    store = Store(path)
    store.load()
    with pytest.raises(BadSettings):
        store.update_folder(number, changes)
    assert path.read_text("utf-8") == before
