"""What to type instead of a mistake in TOML."""

from __future__ import annotations

import pytest

from facewatch.errors import BadSettings
from facewatch.settings.store import Store


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("model = codeformer\n", 'put the text in quotes: model = "codeformer"'),
        ("paused = True\n", "write paused = true"),
        ("paused = yes # for now\n", "write paused = true"),
        ('models_folder = "C:\\Users\\me"\n', 'write paths with slashes: models_folder = "C:/Users/me"'),
        ('models_folder = "D:\\photos"\n', 'write paths with slashes: models_folder = "D:/photos"'),
        ("models_folder = C:\\models\n", 'put the text in quotes: models_folder = "C:/models"'),
        ("models_folder = ~/models\n", 'put the text in quotes: models_folder = "~/models"'),
        ('model = "codeformer\n', "a quote is missing"),
        ("model = \n", "the value is missing"),
        ("model codeformer\n", "a line is written as key = value"),
        ('[[folders]\ninput = "/a"\n', "a bracket is missing"),
        ('models_folder = "C:\\new\\tests"\n', "write paths with slashes"),
        ("model = \u201cbuiltin\u201d\n", 'use straight quotes: model = "builtin"'),
        ("model = \u201ebuiltin\u201c\n", 'use straight quotes: model = "builtin"'),
        ('model == "builtin"\n', 'write one equals sign: model = "builtin"'),
        ("[weights]\nbuiltin = 0,5\n", "write the number with a point: builtin = 0.5"),
        ("[engine]\nwhen = 22:00-07:00\n", 'put the text in quotes: when = "22:00-07:00"'),
        ("model = 'codeformer\"\n", "a quote is missing"),
        ('model = "builtin",\n', 'nothing follows the value: model = "builtin"'),
        ("paused = true;\n", "nothing follows the value: paused = true"),
        ("// mine\npaused = true\n", "a comment begins with #"),
        ("[weights]\nrestoreformer++ = 0.5\n", 'write the name in quotes: "restoreformer++" = 0.5'),
        ('model = "a"\nmodel = "b"\n', "the key model is there twice"),
        ("[output]\nquality = 90\n[output]\nquality = 80\n", "[output] is there twice"),
    ],
)
def test_a_mistake_says_what_to_type(tmp_path, text, hint):
    file = tmp_path / "config.toml"
    file.write_text(text, "utf-8")
    with pytest.raises(BadSettings) as error:
        Store(file).load()
    assert hint in str(error.value)
    with pytest.raises(BadSettings) as error:
        Store(file).update({"paused": True})
    assert hint in str(error.value)


def test_numbers_and_times_are_not_taken_for_text(tmp_path):
    file = tmp_path / "config.toml"
    file.write_text("paused = 2026-12-24T18:00:00\n[weights]\ncodeformer = 0.6\nx = = 1\n", "utf-8")
    with pytest.raises(BadSettings, match="line 4") as error:
        Store(file).load()
    assert "quotes" not in str(error.value)


def test_a_file_that_windows_editors_saved_is_read_or_named(tmp_path):
    file = tmp_path / "config.toml"
    file.write_text('model = "builtin"\n', "utf-8-sig")
    assert Store(file).load().model == "builtin"
    file.write_text('model = "builtin"\n', "utf-16")
    with pytest.raises(BadSettings, match="save it as UTF-8"):
        Store(file).load()
