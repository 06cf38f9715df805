"""The table of models, as text and as plain data."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import Any

import typer
from rich.console import Console
from rich.table import Table

from facewatch.errors import BadCheckpoint
from facewatch.models.catalogue import Model
from facewatch.models.files import Check, ModelFiles
from facewatch.system.disk_space import format_size
from facewatch.system.text import printable

PIPE_WIDTH = 80  # a pipe has no width; programs take --json
PLAIN_STATES = {"present": "downloaded", "missing": "not downloaded", "builtin": "included"}
WIDE = 160  # columns that the table with licences and paths needs


def facts(model_files: ModelFiles, row: Model, seconds: Mapping[str, float]) -> dict[str, Any]:
    """Return one model and the state of its file as plain data.

    seconds  a face, as this machine's photos have taken, by model
    """
    problem = None
    try:
        check = model_files.look(row.name)
    except BadCheckpoint as error:
        check, problem = Check(row.name, "corrupt"), str(error)
    checkpoint = row.checkpoint
    return {
        "name": row.name,
        "kind": row.kind,
        "about": row.about,
        "seconds_per_face": seconds.get(row.name),
        "size_bytes": check.size_bytes or (checkpoint.size_bytes if checkpoint else None),
        "licence": checkpoint.licence.name if checkpoint else None,
        "non_commercial": checkpoint is not None and checkpoint.licence.non_commercial,
        "terms_url": checkpoint.licence.terms_url if checkpoint else None,
        "page": checkpoint.page or None if checkpoint else None,
        "state": check.state,
        "problem": problem,
        "path": str(check.path) if check.path else None,
        "sha256": check.sha256,
        "published_sha256": check.published,
        "trusted": check.trusted.by if check.trusted else None,
        "trusted_since": check.trusted.since if check.trusted else None,
    }


def print_table(rows: list[dict[str, Any]]) -> None:
    """Print such rows as a table, and below it why a file could not be checked."""
    console = Console(highlight=False, markup=False)
    if not sys.stdout.isatty() and not os.environ.get("COLUMNS"):
        console.width = PIPE_WIDTH
    console.print(_wide(rows) if console.width >= WIDE else _narrow(rows))
    for row in rows:
        if row["problem"]:
            typer.echo(printable(f"\n{row['name']}: {row['problem']}"))


def _narrow(rows: list[dict[str, Any]]) -> Table:
    """Return the table for a terminal: the models that are here first, each with what it is for."""
    table = Table(box=None, pad_edge=False)
    for title in ("name", "state", "size", "what it is for"):
        table.add_column(title, overflow="fold", justify="right" if title == "size" else "left")
    for row in sorted(rows, key=lambda row: row["state"] == "missing"):
        terms = " (non-commercial)" if row["non_commercial"] else ""
        state = PLAIN_STATES.get(_state(row), _state(row))
        if row["page"] and row["state"] == "missing":
            state = "by browser"
        table.add_row(*map(printable, (row["name"], state, _size(row), f"{_about(row)}{terms}")))
    return table


def _wide(rows: list[dict[str, Any]]) -> Table:
    table = Table(box=None, pad_edge=False)
    for title in ("name", "kind", "what it is for", "size", "licence", "state", "where"):
        table.add_column(title, overflow="fold", justify="right" if title == "size" else "left")
    for row in rows:
        licence = row["licence"] or "part of facewatch"
        size, state, where = _size(row), _state(row), _where(row)
        cells = (row["name"], row["kind"], _about(row), size, licence, state, where)
        table.add_row(*map(printable, cells))
    return table


def _about(row: dict[str, Any]) -> str:
    seconds = row["seconds_per_face"]
    return row["about"] if seconds is None else f"{row['about']}; {_seconds(seconds)} s a face here"


def _seconds(seconds: float) -> str:
    return f"{seconds:.0f}" if seconds >= 10 else f"{max(seconds, 0.01):.2g}"


def _size(row: dict[str, Any]) -> str:
    if row["licence"] is None:
        return ""
    return format_size(row["size_bytes"]) if row["size_bytes"] else "not published"


def _state(row: dict[str, Any]) -> str:
    if row["trusted"] == "user":
        return "installed, unverified"
    if row["trusted"] == "first use":
        return f"{row['state']} (digest of {row['trusted_since']})"
    return str(row["state"])


def _where(row: dict[str, Any]) -> str:
    return row["path"] or "" if row["state"] in ("present", "corrupt") else ""
