"""Names and messages as text, never as commands to a terminal."""

from __future__ import annotations

import pytest

from facewatch.system.text import one_line, printable


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("\x1b]0;pwned\x07\x1b[2Jx.jpg", r"\x1b]0;pwned\x07\x1b[2Jx.jpg"),
        ("\x9b2Jx.jpg", r"\x9b2Jx.jpg"),
        ("rtl\u202egpj.exe.jpg", r"rtl\u202egpj.exe.jpg"),
        ("\u2066a\u2069.jpg", r"\u2066a\u2069.jpg"),
        ("a\rb\x7f\x00.jpg", r"a\rb\x7f\x00.jpg"),
        ("Änna 写真\t😀.jpg", "Änna 写真\t😀.jpg"),
    ],
)
def test_controls_and_changes_of_direction_are_written_out(text, written):
    assert one_line(text) == printable(text) == written


def test_only_printed_messages_keep_their_lines():
    assert printable("one\ntwo\x1b") == "one\ntwo\\x1b"
    assert one_line("one\ntwo") == r"one\ntwo"
