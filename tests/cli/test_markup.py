"""Printed names are text."""

from __future__ import annotations

import sys

import pytest

from facewatch.cli.config import app
from facewatch.cli.markup import escape_path, say, say_path

HOSTILE = "a\x1b[2J\x9b2J\u202egpj"


def test_a_printed_name_is_written_out_and_line_ends_are_kept(capsys):
    say(f"{HOSTILE}\nb", stream=sys.stderr)
    say(HOSTILE)
    printed = capsys.readouterr()
    assert printed.out == "a\\x1b[2J\\x9b2J\\u202egpj\n"
    assert printed.err == "a\\x1b[2J\\x9b2J\\u202egpj\nb\n"


def test_a_path_is_one_line(capsys, monkeypatch):
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    say_path("a\nb")
    assert capsys.readouterr().out == "a\\nb\n"
    assert escape_path("[red]a\nb\x1b") == r"\[red]a\nb\x1b"


@pytest.mark.parametrize("terminal", [False, True])
def test_a_path_stays_as_it_is_for_another_program(capsys, monkeypatch, terminal):
    monkeypatch.setattr(sys.stdout, "isatty", lambda: terminal)
    say_path(HOSTILE)
    assert (capsys.readouterr().out == f"{HOSTILE}\n") is not terminal


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_config_show_writes_out_what_a_config_holds(tmp_path, capsys, options):
    config = tmp_path / "config.toml"
    config.write_text('[[folders]]\ninput = "/in\u202e\x9b2J"\noutput = "/out"\n', "utf-8")
    app(["show", "--config", str(config), *options], standalone_mode=False)
    shown = capsys.readouterr().out
    assert "/out" in shown
    assert not any(sign in shown for sign in "\x9b\u202e")
