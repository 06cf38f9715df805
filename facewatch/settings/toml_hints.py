"""Errors for files that are no TOML, with hints for common mistakes: the text to type instead."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

from facewatch.errors import BadSettings

_WINDOWS_PATH = re.compile(r'"[^"]*\\')
_UNQUOTED = re.compile(r"\s*(?P<key>[\w.\"-]+)\s*=\s*(?P<value>[^\s\"'\[{#=][^#]*)(#.*)?")
_BACKSLASH = "\\"
_BOOLEANS = dict.fromkeys(("true", "yes", "on"), "true") | dict.fromkeys(("false", "no", "off"), "false")
_NO_VALUE = re.compile(r"\s*[\w.\"-]+\s*=\s*(#.*)?")
_COMMA_NUMBER = re.compile(r"[+-]?\d+,\d+")
_ODD_QUOTES = str.maketrans(dict.fromkeys("\u201c\u201d\u201e\u201f\u00ab\u00bb\u2018\u2019\u2033", '"'))
_KEY = re.compile(r"\s*([\w.\"'-]+)\s*=")
_HEADER = re.compile(r"\s*\[\[?[^\[\]]+\]\]?\s*(#.*)?")
_ODD_KEY = re.compile(r"\s*(?P<key>[\w.-]*[^\w.\s\"'=\[\]#-][^\s\"'=\[\]#]*)\s*=(?P<rest>.*)")
_COMMENT = re.compile(r"\s*(//|--|;|%)")
_ENDED = re.compile(r"\s*(?P<line>[\w.\"-]+\s*=\s*(\"[^\"]*\"|'[^']*'|[\w.+-]+))\s*[,;]\s*(#.*)?")


def not_toml(path: Path, text: str, error: Exception) -> BadSettings:
    """Return the error for a text that is no TOML, with what to type where that can be told."""
    try:
        tomllib.loads(text)
    except tomllib.TOMLDecodeError as first:
        error = first  # tomlkit names the line after a repeated section
    place = re.search(r"at line (\d+)", str(error))
    hint = toml_hint(text, int(place[1]) if place else None)
    return BadSettings(f"{path} is not valid TOML: {error}{hint and f'; {hint}'}")


def toml_hint(text: str, line_number: int | None) -> str:
    """Return what to do about the mistake in a line of the config file, as a clause; empty if unknown.

    line_number  from 1; None: the parser only says that something is open at the end of the file
    """
    lines = text.splitlines()
    if line_number is None:
        wrong = [number for number, line in enumerate(lines, 1) if _is_open(line)]
        return f"line {wrong[0]}: {next(_hints(lines, wrong[0]), '')}" if wrong else ""
    return next(_hints(lines, line_number), "")


def _hints(lines: Sequence[str], number: int) -> Iterator[str]:
    """Yield what may be wrong with a line, the surest first."""
    line = lines[number - 1] if 0 < number <= len(lines) else ""
    if (straight := line.translate(_ODD_QUOTES)) != line:
        yield f"use straight quotes: {straight.strip()}"
    if _WINDOWS_PATH.search(line):
        yield f"write paths with slashes: {_with_slashes(line.strip())}"
    if "==" in line:
        yield f"write one equals sign: {line.strip().replace('==', '=')}"
    yield from _value_hints(line)
    yield from _form_hints(line)
    yield from _repeated(lines, number)


def _form_hints(line: str) -> Iterator[str]:
    """Yield what may be wrong with the form of a line."""
    if line.count('"') % 2 or line.count("'") % 2:
        yield "a quote is missing at one end of the text"
    if line.count("[") != line.count("]"):
        yield "a bracket is missing"
    if _COMMENT.match(line):
        yield "a comment begins with #"
    if odd := _ODD_KEY.fullmatch(line):
        yield f'write the name in quotes: "{odd["key"]}" ={odd["rest"]}'
    if ended := _ENDED.fullmatch(line):
        yield f"nothing follows the value: {ended['line']}"
    if line.strip() and "=" not in line and not line.lstrip().startswith(("[", "#")):
        yield 'a line is written as key = value, such as model = "gfpgan-1.4"'
    if _NO_VALUE.fullmatch(line):
        yield "the value is missing after the ="


def _value_hints(line: str) -> Iterator[str]:
    """Yield what may be wrong with a value that has no quotes."""
    unquoted = _UNQUOTED.fullmatch(line)
    if unquoted is None:
        return
    key, value = unquoted["key"], unquoted["value"].strip()
    if value.lower() in _BOOLEANS:
        yield f"write {key} = {_BOOLEANS[value.lower()]}"
    elif _COMMA_NUMBER.fullmatch(value):
        yield f"write the number with a point: {key} = {value.replace(',', '.')}"
    elif not _is_value(value) and not value.endswith(('"', "'", ",", ";")):
        yield f'put the text in quotes: {key} = "{value.replace(_BACKSLASH, "/")}"'


def _repeated(lines: Sequence[str], number: int) -> Iterator[str]:
    """Yield that a key, or a section, is in the file twice."""
    line, above = lines[number - 1 : number], lines[: number - 1]
    if line and _HEADER.fullmatch(line[0]) and line[0].strip() in map(str.strip, above):
        yield f"{line[0].strip()} is there twice; join the two"
    for other in reversed(above):
        if _HEADER.fullmatch(other):
            return
        if line and (own := _KEY.match(line[0])) and (one := _KEY.match(other)) and own[1] == one[1]:
            yield f"the key {own[1]} is there twice; remove one"


def _is_value(text: str) -> bool:
    try:
        tomllib.loads(f"x = {text}")
    except tomllib.TOMLDecodeError:
        return False
    return True


def _is_open(line: str) -> bool:
    return bool(line.count('"') % 2 or line.count("'") % 2 or line.count("[") != line.count("]"))


def _with_slashes(line: str) -> str:
    return re.sub(r'"[^"]*"?', lambda quoted: re.sub(r"\\+", "/", quoted[0]), line)
