"""The config file: read, changed, followed."""

from __future__ import annotations

import sys

import pytest

from facewatch.errors import BadCheckpoint, BadSettings
from facewatch.settings.schema import Folder, Settings, keys_of, parse
from facewatch.settings.store import Store, example
from tests.conftest import ROOT

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


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


def test_a_first_config_file_holds_the_home_it_was_given(tmp_path):
    home = tmp_path / 'a "quoted" \\ name'
    folder = parse(tomllib.loads(example(home)), "example").folders[0]
    assert folder.input == home / "Inbox"


def test_a_change_keeps_comments_order_and_white_space(path):
    path.write_text('# mine\nmodel   =  "builtin"   # why not\n\n[output]\nquality=90 # enough\n', "utf-8")
    store = Store(path)
    store.load()
    store.update({"quality": 80, "weights.gfpgan-1.4": 0.3})
    assert path.read_text("utf-8") == (
        '# mine\nmodel   =  "builtin"   # why not\n\n[output]\nquality=80 # enough\n'
        '\n[weights]\n"gfpgan-1.4" = 0.3\n'
    )
    assert store.current.output.quality == 80


def test_a_change_that_is_not_possible_leaves_the_file_alone(path):
    path.write_text('model = "builtin"\n', "utf-8")
    store = Store(path)
    store.load()
    with pytest.raises(BadSettings, match=r"weights\.codeformer"):
        store.update({"weights.codeformer": 3})
    assert path.read_text("utf-8") == 'model = "builtin"\n'
    assert store.current.weights == {}


def test_a_key_can_be_taken_out_again(path):
    store = Store(path)
    store.update({"paused": True})
    assert store.update({"paused": None}).paused is False
    assert "paused" not in path.read_text("utf-8")


def test_a_broken_edit_keeps_the_last_good_settings_and_heals(path):
    path.write_text('model = "builtin"\n', "utf-8")
    store = Store(path)
    store.load()
    path.write_text('model = "builtin\n', "utf-8")
    with pytest.raises(BadSettings, match="line 1"):
        store.reload_if_changed()
    assert store.current.model == "builtin"
    assert store.problem is not None
    assert store.reload_if_changed() is False  # told once
    path.write_text('model = "codeformer"\n', "utf-8")
    assert store.reload_if_changed() is True
    assert store.problem is None
    assert store.current.model == "codeformer"


def test_a_file_that_goes_while_it_is_followed_keeps_the_last_good_settings_and_heals(path):
    path.write_text('model = "builtin"\n', "utf-8")
    store = Store(path)
    store.load()
    path.unlink()
    with pytest.raises(BadSettings, match=r"config\.toml is gone.*put it back"):
        store.reload_if_changed()
    assert store.current.model == "builtin"
    assert store.problem is not None
    with pytest.raises(BadSettings, match="is gone"):
        store.update({"paused": True})  # a file with nothing else in it would watch no folder
    assert not path.exists()
    path.write_text('model = "codeformer"\n', "utf-8")
    assert store.reload_if_changed() is True
    assert store.current.model == "codeformer"


class Models:
    """The user's own model files, whose records may be damaged."""

    def __init__(self, *names):
        self.names, self.damaged = names, False

    def __call__(self, folder):
        if self.damaged:
            raise BadCheckpoint("records.json cannot be read; delete it")
        return self.names


def test_damaged_records_of_models_stop_no_edit_that_names_none_of_them(path):
    models = Models("my-faces")
    store = Store(path, models)
    store.load()
    models.damaged = True
    path.write_text('model = "builtin"\npaused = true\n', "utf-8")
    assert store.reload_if_changed()
    assert store.current.paused
    assert store.update({"paused": False}).paused is False


def test_a_model_whose_records_are_damaged_is_told_and_the_settings_hold_until_they_are_mended(path):
    models = Models("my-faces")
    store = Store(path, models)
    path.write_text('model = "my-faces"\n', "utf-8")
    store.load()
    models.damaged = True
    path.write_text('model = "my-faces"\npaused = true\n', "utf-8")
    for _ in range(2):
        with pytest.raises(BadSettings, match=r"my-faces.*\n.*records.json cannot be read; delete it"):
            store.reload_if_changed()
        assert not store.current.paused
    models.damaged = False
    assert store.reload_if_changed()
    assert store.current.paused
    assert not store.reload_if_changed()


def test_subscribers_hear_of_changes_and_only_of_changes(path):
    store = Store(path)
    heard = []
    store.subscribe(heard.append)
    store.load()
    store.update({"model": "codeformer"})
    store.update({"model": "codeformer"})
    assert [settings.model for settings in heard] == ["gfpgan-1.4", "codeformer"]


def test_a_config_that_is_a_link_stays_one(path, tmp_path):
    real = tmp_path / "dotfiles.toml"
    real.write_text('model = "builtin"\n', "utf-8")
    path.symlink_to(real)
    Store(path).update({"model": "codeformer"})
    assert path.is_symlink()
    assert "codeformer" in real.read_text("utf-8")


def test_options_that_come_from_settings_find_the_own_models_of_their_folder(tmp_path):
    def own(folder):
        return ("mine",) if folder == tmp_path / "models" else ()

    store = Store(tmp_path / "config.toml", own)
    raw = {"models_folder": str(tmp_path / "models"), "model": "mine"}
    settings = store.parse(raw, "a file")
    assert store.parse(settings.model_dump(exclude_unset=True), "the options") == settings
