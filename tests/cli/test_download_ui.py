"""Downloads in a terminal."""

from __future__ import annotations

import pytest

from facewatch.cli import download_ui
from facewatch.errors import DownloadFailed, LicenceNotAccepted
from tests.models.rows import NON_COMMERCIAL


class Files:
    """Model files of which some are missing, and some cannot be downloaded."""

    def __init__(self, *missing, failing=()):
        self.missing, self.failing, self.fetched = set(missing), set(failing), []

    def state(self, name):
        return "missing" if name in self.missing else "present"

    def problem(self, name):
        return ""

    def licence_question(self, name):
        return None

    def fetch(self, name, on_progress, stop):
        self.fetched.append(name)
        if name in self.failing:
            raise DownloadFailed(f"{name}: no network")
        self.missing.discard(name)


def test_an_optional_model_comes_along_with_another_and_never_alone():
    files = Files("gfpgan", "sface")
    download_ui.fetch_missing(files, ["gfpgan"], ["sface"])
    assert files.fetched == ["gfpgan", "sface"]
    alone = Files("sface")
    download_ui.fetch_missing(alone, ["gfpgan"], ["sface"])
    assert alone.fetched == []


def test_an_optional_model_that_cannot_be_downloaded_is_no_failure(capsys):
    download_ui.fetch_missing(Files("gfpgan", "sface", failing=["sface"]), ["gfpgan"], ["sface"])
    assert "sface: no network" in capsys.readouterr().err
    with pytest.raises(DownloadFailed):
        download_ui.fetch_missing(Files("gfpgan", failing=["gfpgan"]), ["gfpgan"], ["sface"])


def test_a_needed_comparison_that_cannot_be_downloaded_says_how_to_go_without():
    with pytest.raises(DownloadFailed, match=r"sface: no network; with --identity warn"):
        download_ui.fetch_missing(Files("sface", failing=["sface"]), ["gfpgan", "sface"])


class Corrupt(Files):
    """Model files of which one is corrupt and comes under a licence that has to be accepted."""

    def __init__(self):
        super().__init__("gfpgan")
        self.accepted = False

    def problem(self, name):
        return f"{name} is corrupt"

    def licence_question(self, name):
        return None if self.accepted else NON_COMMERCIAL

    def accept(self, name):
        self.accepted = True

    def fetch(self, name, on_progress, stop):
        if not self.accepted:
            raise LicenceNotAccepted(f"{name} is corrupt; accept {NON_COMMERCIAL.name}")
        super().fetch(name, on_progress, stop)


def test_without_a_terminal_a_corrupt_file_and_its_licence_are_said_once(capsys):
    with pytest.raises(LicenceNotAccepted, match=r"corrupt; accept NC"):
        download_ui.fetch_missing(Corrupt(), ["gfpgan"])
    assert capsys.readouterr().err.strip() == ""


@pytest.mark.parametrize("answer", [True, False])
def test_in_a_terminal_they_are_said_once_before_the_question(capsys, monkeypatch, answer):
    monkeypatch.setattr(download_ui, "can_ask", lambda: True)
    monkeypatch.setattr(download_ui.Confirm, "ask", lambda *_, **__: answer)
    files = Corrupt()
    if answer:
        download_ui.fetch_missing(files, ["gfpgan"])
    else:
        with pytest.raises(
            LicenceNotAccepted, match="gfpgan is not downloaded: its licence was not accepted"
        ):
            download_ui.fetch_missing(files, ["gfpgan"])
    assert files.fetched == (["gfpgan"] if answer else [])
    said = capsys.readouterr().err
    assert said.count("gfpgan is corrupt") == 1
    assert said.count(NON_COMMERCIAL.sentence) == 1


def test_a_corrupt_file_whose_licence_is_accepted_is_named_and_replaced(capsys):
    files = Corrupt()
    files.accepted = True
    download_ui.fetch_missing(files, ["gfpgan"])
    assert files.fetched == ["gfpgan"]
    assert "gfpgan is corrupt" in capsys.readouterr().err
