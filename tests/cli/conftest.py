"""Fixtures that run commands in this process, with a home of their own."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import tomlkit

from facewatch.cli import main
from facewatch.system.paths import Places


@dataclass(frozen=True)
class Said:
    """Exit code and output of a command."""

    code: int
    out: str
    err: str


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Places:
    """Return an installation below `tmp_path`, which is the working folder too."""
    monkeypatch.setenv("FACEWATCH_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "xdg"))
    monkeypatch.setenv("COLUMNS", "300")
    monkeypatch.delenv("FACEWATCH_MODELS", raising=False)
    monkeypatch.chdir(tmp_path)
    return Places.standard()


@pytest.fixture
def call(
    places: Places, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Callable[..., Said]]:
    """Return a function that runs one command as its program would."""

    def run(*arguments: object) -> Said:
        monkeypatch.setattr(sys, "argv", ["facewatch", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main.main()
        said = capsys.readouterr()
        assert "Traceback" not in said.err, said.err
        return Said(int(ended.value.code or 0), said.out, said.err)

    return run


@pytest.fixture
def inbox(places: Places, tmp_path: Path) -> Path:
    """Return a watched folder with the photo `1974/a.jpg` in it."""
    inbox = tmp_path / "in"
    (inbox / "1974").mkdir(parents=True)
    (inbox / "1974" / "a.jpg").write_bytes(b"photo")
    folder = {"input": str(inbox), "output": str(tmp_path / "out")}
    places.config.parent.mkdir()
    places.config.write_text(tomlkit.dumps({"model": "builtin", "folders": [folder]}), "utf-8")
    return inbox
