"""Networks that are part of facewatch: a damaged file names the damaged installation."""

from __future__ import annotations

import pytest

from facewatch.errors import BadCheckpoint
from facewatch.restoration import build
from facewatch.restoration.detection import yunet
from facewatch.restoration.networks import builtin

PLACES = {"builtin": (builtin, "WEIGHTS"), "yunet": (yunet, "_NETWORK")}


@pytest.mark.parametrize("name", PLACES)
def test_the_packaged_networks_load(name):
    build.check_packaged(name)


@pytest.mark.parametrize("name", PLACES)
@pytest.mark.parametrize("fault", ["missing", "half", "empty", "a folder"])
def test_a_damaged_file_says_that_facewatch_must_be_installed_again(monkeypatch, tmp_path, name, fault):
    module, place = PLACES[name]
    whole = getattr(module, place)
    file = tmp_path / whole.name
    if fault == "half":
        file.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    elif fault == "empty":
        file.touch()
    elif fault == "a folder":
        file.mkdir()
    monkeypatch.setattr(module, place, file)
    with pytest.raises(BadCheckpoint, match="install facewatch again") as caught:
        build.check_packaged(name)
    assert str(file) in str(caught.value)
    assert "download" not in str(caught.value)
