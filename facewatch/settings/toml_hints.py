"""Hints for common mistakes in TOML: the text to type instead."""

from __future__ import annotations

import re
from collections.abc import Iterator

_WINDOWS_PATH = re.compile(r'"[^"]*\\')
_UNQUOTED = re.compile(r"\s*(?P<key>[\w.\"-]+)\s*=\s*(?P<value>[^\s\"'\[{#=][^#]*)(#.*)?")
_BACKSLASH = "\\"
_BOOLEANS = dict.fromkeys(("true", "yes", "on"), "true") | dict.fromkeys(("false", "no", "off"), "false")
_NO_VALUE = re.compile(r"\s*[\w.\"-]+\s*=\s*(#.*)?")
_BARE_VALUE = re.compile(r"[+-]?[\d_.:eE+TZ-]+|true|false|[+-]?(inf|nan)|0[xob][\da-fA-F_]+")


def toml_hint(text: str, line_number: int) -> str:
    """Return what to do about the mistake in a line of the config file, as a clause; empty if unknown.

    line_number  from 1
    """
    lines = text.splitlines()
    line = lines[line_number - 1] if 0 < line_number <= len(lines) else ""
    return next(_hints(line), "")


def _hints(line: str) -> Iterator[str]:
    """Yield what may be wrong with a line, the surest first."""
    if _WINDOWS_PATH.search(line):
        yield f"write paths with slashes: {_with_slashes(line.strip())}"
    unquoted = _UNQUOTED.fullmatch(line)
    if unquoted is not None:
        key, value = unquoted["key"], unquoted["value"].strip()
        if value.lower() in _BOOLEANS:
            yield f"write {key} = {_BOOLEANS[value.lower()]}"
        elif not _BARE_VALUE.fullmatch(value) and not value.endswith('"'):
            yield f'put the text in quotes: {key} = "{value.replace(_BACKSLASH, "/")}"'
    if line.count('"') % 2 or line.count("'") % 2:
        yield "a quote is missing at one end of the text"
    if line.count("[") != line.count("]"):
        yield "a bracket is missing"
    if line.strip() and "=" not in line and not line.lstrip().startswith(("[", "#")):
        yield 'a line is written as key = value, such as model = "gfpgan-1.4"'
    if _NO_VALUE.fullmatch(line):
        yield "the value is missing after the ="


def _with_slashes(line: str) -> str:
    return re.sub(r'"[^"]*"?', lambda quoted: re.sub(r"\\+", "/", quoted[0]), line)
