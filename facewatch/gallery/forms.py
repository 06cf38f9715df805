"""The settings as a form: each field with its kind and limits from the schema, its help from the example."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, Literal

from facewatch.models import catalogue
from facewatch.models.files import ModelFiles
from facewatch.settings.schema import SECTIONS, Settings
from facewatch.settings.store import EXAMPLE

Kind = Literal["choice", "switch", "number", "text", "folder", "file"]
FILES: Mapping[str, tuple[str, ...]] = {"output.content_credentials": (".pem", ".crt", ".cer")}
"""The settings that name a file, with what such files end with; the page chooses it as it does a folder."""
ELSEWHERE = frozenset({"weights", "paused", "work_until", *SECTIONS})  # not among the fields of the top
_LINE = re.compile(r"^#?\s?(?P<key>[a-z_]+) = [^#]*(#\s*(?P<help>.*))?$")
_CONTINUED = re.compile(r"^\s+# (?P<help>.*)$")
_TABLE = re.compile(r"^\[+(?P<name>\w+)\]+$")


@dataclass(frozen=True)
class Field:
    """One setting."""

    key: str  # dotted
    kind: Kind
    value: Any
    default: Any
    help: str
    options: tuple[str, ...] = ()
    least: float | None = None
    most: float | None = None
    whole: bool = False  # a number without decimals
    optional: bool = False  # may be empty
    changed: bool = False  # differs from its default


@dataclass(frozen=True)
class FormSection:
    """The settings of one table of the config file."""

    name: str  # empty: the top
    fields: tuple[Field, ...]


def sections(settings: Settings, files: ModelFiles) -> tuple[FormSection, ...]:
    """Return the whole form; folders, weights and the pause have places of their own."""
    schema = Settings.model_json_schema()
    values = settings.model_dump(mode="json")
    top = {key: rule for key, rule in schema["properties"].items() if key not in ELSEWHERE}
    found = [FormSection("", tuple(_field(key, rule, values, files) for key, rule in top.items()))]
    for name in SECTIONS:
        if name == "folders":
            continue
        rules = _definition(schema, name)["properties"]
        fields = (_field(f"{name}.{key}", rule, values[name], files) for key, rule in rules.items())
        found.append(FormSection(name, tuple(fields)))
    return tuple(found)


def _definition(schema: Mapping[str, Any], name: str) -> dict[str, Any]:
    definition: dict[str, Any] = schema["$defs"][SECTIONS[name].__name__]
    return definition


def _field(key: str, rule: Mapping[str, Any], values: Mapping[str, Any], files: ModelFiles) -> Field:
    rules = [dict(it) for it in rule.get("anyOf", [rule])]
    optional = any(it.get("type") == "null" for it in rules)
    kinds = [it for it in rules if it.get("type") != "null"]
    value, default = _plain(values[key.rpartition(".")[2]]), _plain(rule.get("default"))
    common = {
        "key": key,
        "value": value,
        "default": default,
        "help": helps().get(key, ""),
        "optional": optional,
        "changed": value != default,
    }
    if options := _options(key, kinds, files):
        return Field(kind="choice", options=options, **common)
    first = kinds[0]
    if first.get("type") == "boolean":
        return Field(kind="switch", **common)
    if key in FILES:
        return Field(kind="file", options=FILES[key], **common)
    if len(kinds) == 1 and first.get("type") in {"integer", "number"}:
        least = first.get("minimum", first.get("exclusiveMinimum"))
        most = first.get("maximum", first.get("exclusiveMaximum"))
        return Field(kind="number", least=least, most=most, whole=first["type"] == "integer", **common)
    return Field(kind="folder" if first.get("format") == "path" else "text", **common)


def _plain(value: Any) -> Any:
    """Return 5 for 5.0, as a person writes it."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _options(key: str, kinds: list[dict[str, Any]], files: ModelFiles) -> tuple[str, ...]:
    """Return the values of a setting that takes only some; empty if it takes others."""
    rows = files.rows() if key in {"model", "restoration.background"} else ()
    special = {
        "model": tuple(row.name for row in rows if row.kind == "face"),
        "restoration.background": ("none", *(row.name for row in rows if row.kind == "upscaler")),
        "restoration.detector": ("auto", *catalogue.names("detector")),
    }
    if key in special:
        return special[key]
    return tuple(kinds[0]["enum"]) if len(kinds) == 1 and "enum" in kinds[0] else ()


@cache
def helps() -> Mapping[str, str]:
    """Return the help of each setting, from the comments of the example config."""
    text = resources.files("facewatch.settings").joinpath(EXAMPLE).read_text("utf-8")
    found: dict[str, str] = {}
    table, above, last = "", "", ""
    for line in text.splitlines():
        if continued := _CONTINUED.match(line):
            found[last] = f"{found[last]} {continued['help']}"
        elif opened := _TABLE.match(line):
            table, above = f"{opened['name']}.", ""
        elif match := _LINE.match(line):
            last = table + match["key"]
            found[last] = (match["help"] or above).strip()
            above = ""
        elif line.startswith("# "):
            above = f"{above} {line[2:]}"
        else:
            above = ""
    return found


def to_value(field: Field, given: Any) -> Any:
    """Return what a form sends as the config holds it; None removes the setting.

    A number comes as text, so that the schema, and not the browser, says what is wrong with it.
    """
    if given in {None, ""} if isinstance(given, str | None) else False:
        return None if field.optional or field.kind != "text" else ""
    text = str(given).strip()
    if field.kind == "number" and not isinstance(given, bool):
        for kind in (int, float):
            try:
                return kind(text)
            except ValueError:
                continue
    if field.kind == "text" and re.fullmatch(r"\d+(\.\d+)?", text) and field.key == "engine.max_megapixels":
        return float(text)
    return given
