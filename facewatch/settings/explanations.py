"""Explanations of wrong settings: one line for each mistake, with what to write instead."""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping, Sequence
from typing import Any

Keys = Mapping[str, Sequence[str]]
"""The keys of each section of the config file; those of the top level under ""."""
UNKNOWN = frozenset({"extra_forbidden", "unexpected_keyword_argument"})
SECTION_EXPECTED = frozenset({"dict_type", "model_type", "dataclass_type", "dataclass_exact_type"})
WANTED = {
    "paused": "write true, false, or a time such as 2026-12-24T18:00:00",
    "work_until": "write a time such as 2026-12-24T18:00:00",
    "engine.max_megapixels": 'write "auto" or a number from 1 to 10000',
    "engine.device": 'write "auto", "cpu", "cuda", "cuda:1", "mps" or "xpu"',
}
"""The values to write, for keys whose type describes them badly."""
SHORTER = (
    ("input should", "should"),
    ("string should", "should"),
    (" be a valid boolean, unable to interpret input", " be true or false"),
    (" be a valid boolean", " be true or false"),
    (" be a valid integer, unable to parse string as an integer", " be a whole number"),
    (" be a valid integer, got a number with a fractional part", " be a whole number"),
    (" be a valid number, unable to parse string as a number", " be a number"),
    (" be a valid integer", " be a whole number"),
    (" be a valid number", " be a number"),
    (" be a valid string", " be a text in quotes"),
)


def explain_all(errors: Sequence[Mapping[str, Any]], keys: Keys) -> list[str]:
    """Return a line for each setting that is wrong, although a setting may have several types to be.

    errors  as pydantic's ValidationError lists them
    """
    lines: dict[tuple[str | int, ...], str] = {}
    for error in errors:
        lines.setdefault(_place(error, keys), _explain(error, keys))
    return list(lines.values())


def _place(error: Mapping[str, Any], keys: Keys) -> tuple[str | int, ...]:
    """Return the place of a mistake without the names of the types that were tried there."""
    place = tuple(error["loc"])
    if error["type"] in UNKNOWN or not place or place[0] in {"weights", "folders"}:
        return place
    return place[:2] if place[0] in keys else place[:1]


def _explain(error: Mapping[str, Any], keys: Keys) -> str:
    if error["type"] in UNKNOWN:
        return _unknown(tuple(error["loc"]), keys)
    if error["type"] == "missing":
        *outer, key = map(str, error["loc"])
        return f'{".".join(outer)}: the key {key} is missing; write {key} = "..."'
    name = ".".join(map(str, _place(error, keys)))
    if error["type"] == "value_error":
        return f"{name}: {error['ctx']['error']}" if name else str(error["ctx"]["error"])
    return f"{name} = {_as_toml(error['input'])}: {_advice(error, name)}"


def _advice(error: Mapping[str, Any], name: str) -> str:
    """Return what should stand there instead of a value of the wrong type."""
    value, kind = error["input"], error["type"]
    if name in WANTED:
        return WANTED[name]
    if name.startswith("weights.") and isinstance(value, Mapping) and value:
        return _quoted_name(name.removeprefix("weights."), value)
    if name.startswith("weights.") and kind in {"float_parsing", "float_type"}:
        return "write a number from 0 (full restoration) to 1 (closest to the original)"
    if kind == "path_type":
        return "should be a path in quotes"
    if kind in SECTION_EXPECTED or name == "folders":
        line = "[[folders]], with two brackets on each side," if name == "folders" else f"[{name}]"
        return f"write {line} in a line of its own, and below it a line for each key"
    return f"write a list: [{_as_toml(value)}]" if kind == "tuple_type" else _shortened(error)


def _shortened(error: Mapping[str, Any]) -> str:
    """Return the words of pydantic in plain English, with the nearest of several choices."""
    text = error["msg"][:1].lower() + error["msg"][1:]
    for long, short in SHORTER:
        text = text.replace(long, short)
    near = _nearest_choice(error)
    return f'{text}; did you mean "{near}"?' if near else text


def _quoted_name(name: str, inner: Mapping[str, Any]) -> str:
    """Return the advice for a model's name whose point TOML has taken for the end of a key."""
    rest = [name]
    value: Any = inner
    while isinstance(value, Mapping) and len(value) == 1:
        ((key, value),) = value.items()
        rest.append(str(key))
    return f'write the name in quotes: "{".".join(rest)}" = {_as_toml(value)}'


def _nearest_choice(error: Mapping[str, Any]) -> str:
    if error["type"] != "literal_error" or not isinstance(error["input"], str):
        return ""
    known = str(error["ctx"]["expected"]).split("'")[1::2]
    return next(iter(difflib.get_close_matches(error["input"].lower(), known, n=1)), "")


def _unknown(place: tuple[str | int, ...], keys: Keys) -> str:
    key, name = str(place[-1]), ".".join(map(str, place))
    section = next((str(part) for part in reversed(place[:-1]) if str(part) in keys), "")
    near = nearest(key, keys[section])
    homes = [other for other in keys if key in keys[other] and other != section]
    if key == "weight" and section != "folders":
        hint = 'write [weights] and below it, for each model, such as "gfpgan-1.4" = 0.5'
    elif homes and near != key:
        hint = _home(homes[0])
    else:
        hint = f'did you mean "{near}"?' if near else f"known keys here: {', '.join(keys[section])}"
    return f"unknown key {name}; {hint}"


def _home(section: str) -> str:
    if not section:
        return "it belongs to the top of the file, above the first line in brackets"
    line = f"[[{section}]]" if section == "folders" else f"[{section}]"
    return f"it belongs below the line {line}"


def nearest(word: str, known: Sequence[str]) -> str:
    """Return the known word that is most like another; empty if none is."""
    exact = {name.lower(): name for name in known}
    if word.lower() in exact:
        return exact[word.lower()]
    return next(iter(difflib.get_close_matches(word, known, n=1)), "")


def _as_toml(value: Any) -> str:
    """Return a value as one writes it in the config file, as far as JSON writes the same."""
    if isinstance(value, str | bool | int | float | list | tuple):
        return json.dumps(value, ensure_ascii=False, default=str)
    return "{...}" if isinstance(value, Mapping) else str(value)
