"""Places of an installation."""

from __future__ import annotations

from facewatch.system.paths import Places


def test_facewatch_home_moves_everything_and_facewatch_models_the_models(tmp_path, monkeypatch):
    monkeypatch.setenv("FACEWATCH_HOME", str(tmp_path))
    monkeypatch.delenv("FACEWATCH_MODELS", raising=False)
    assert Places.standard() == Places.under(tmp_path)
    monkeypatch.setenv("FACEWATCH_MODELS", str(tmp_path / "other"))
    assert Places.standard().models == tmp_path / "other"


def test_the_home_of_an_unknown_user_is_an_ordinary_folder_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FACEWATCH_HOME", "~no-such-user")
    monkeypatch.setenv("FACEWATCH_MODELS", "~no-such-user/models")
    assert Places.standard() == Places.under(tmp_path / "~no-such-user")
