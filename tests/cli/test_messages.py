"""The common mistakes of docs/messages.md, made: document and program say the same.

`FACEWATCH_MESSAGES=write pytest tests/cli/test_messages.py` writes the table into the document.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterator
from itertools import dropwhile
from pathlib import Path
from typing import Any

import pytest

from facewatch.state.instance import single_instance
from facewatch.system.paths import Places

DOCUMENT = Path(__file__).parents[2] / "docs" / "messages.md"
HEAD = "| mistake | command | text | exit code |\n|---|---|---|---|\n"
CHECK = ("config", "check")
FOLDERS = '[[folders]]\ninput = "{0}/in"\noutput = "{0}/out"\n'

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="the document's texts are Linux's"
)

CONFIGS = [
    ("misspelt key", 'modle = "codeformer"\n'),
    ("key in the wrong section", "upscale = 2\n"),
    ("weight 3", '[weights]\n"gfpgan-1.4" = 3\n'),
    ("a model's name without quotes below [weights]", "[weights]\ngfpgan-1.4 = 0.5\n"),
    ("text without quotes", "model = codeformer\n"),
    ("a word processor's quotes", "model = \u201ccodeformer\u201d\n"),
    ("backslashes in a Windows path", 'models_folder = "C:\\Users\\me\\models"\n'),
    ("a decimal comma", "[weights]\nbuiltin = 0,5\n"),
    ("another program's word", '[output]\nformat = "jpg"\n'),
    ("one bracket", '[folders]\ninput = "/a"\noutput = "/b"\n'),
    ("no folder", "\n"),
    ("no output", '[[folders]]\ninput = "{0}/in"\n'),
    ("output is the input", '[[folders]]\ninput = "{0}/in"\noutput = "{0}/in"\n'),
    ("output that cannot be written", '[[folders]]\ninput = "{0}/in"\noutput = "/proc/restored"\n'),
]
Call = Callable[..., Any]


def test_the_document_says_what_the_program_says(call, places, tmp_path):
    table = HEAD + "".join(
        f"| {mistake} | `facewatch {' '.join(command)}` | {text} | {code} |\n"
        for mistake, command, text, code in rows(call, places, tmp_path)
    )
    document = DOCUMENT.read_text("utf-8")
    if os.environ.get("FACEWATCH_MESSAGES") == "write":
        before, _, rest = document.partition(HEAD)
        after = "\n".join(dropwhile(lambda line: line.startswith("|"), rest.split("\n")))
        DOCUMENT.write_text(f"{before}{table}{after}", "utf-8")
    assert table in DOCUMENT.read_text("utf-8")


def rows(call: Call, places: Places, home: Path) -> Iterator[tuple[str, tuple[str, ...], str, int]]:
    """Make each mistake; yield its name, the command, what that says, and its exit code."""

    def made(mistake: str, *command: str) -> tuple[str, tuple[str, ...], str, int]:
        said = call(*command)
        return mistake, command, plain(said.err or said.out, home), said.code

    places.config.parent.mkdir(parents=True)
    (home / "in").mkdir()
    for mistake, text in CONFIGS:
        places.config.write_text(text.replace("{0}", home.as_posix()), "utf-8")
        yield made(mistake, *CHECK)
    places.config.write_text('model = "builtin"\n' + FOLDERS.replace("{0}", home.as_posix()), "utf-8")
    (home / "a.jpg").write_bytes(b"not read")
    yield made("weight 3", "restore", "-w", "3", "a.jpg")
    yield made("a word that is no weight", "set", "weight", "soft")
    yield made("misspelt model", "restore", "-m", "codeformr", "a.jpg")
    yield made("misspelt setting", "set", "modle", "codeformer")
    yield made("photo that is not there", "restore", "b.jpg")
    yield made("photo outside of the watched folders", "redo", "a.jpg")
    yield made("no duration", "pause", "1x")
    places.models.mkdir(parents=True, exist_ok=True)
    (places.models / "codeformer.pth").write_bytes(b"corrupt")
    yield made("corrupt model", "models", "verify", "codeformer")
    yield made("corrupt model", "restore", "-m", "codeformer", "a.jpg")
    with single_instance(places):
        yield made("two daemons", "run", "--no-tray")


def plain(said: str, home: Path) -> str:
    """Return a text as a cell of the table, without this machine's folders and processes."""
    text = " ".join(said.split()).removeprefix("facewatch: ").replace("|", "\\|")
    text = text.replace(str(home / "home"), "~/facewatch").replace(str(home), "~")
    text = re.sub(r"\b[0-9a-f]{64}\b", "...", text)
    return text.replace(f"process {os.getpid()}", "process 4711")
