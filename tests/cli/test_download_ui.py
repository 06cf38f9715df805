"""Downloads in a terminal."""

from __future__ import annotations

import pytest

from facewatch.cli import download_ui
from facewatch.errors import DownloadFailed


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
