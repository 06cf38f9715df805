"""The table of docs/reliability.md, made of what a run has measured."""

from __future__ import annotations

import os
import platform
import sqlite3
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date
from importlib import metadata
from pathlib import Path

import pytest

EVERYDAY, FULL = "made by the run", "made by the run with --soak"


@dataclass
class Row:
    """What is known of one row of the matrix."""

    title: str = ""
    how: str = ""
    figures: list[str] = field(default_factory=list)
    passed: int = 0
    failed: int = 0
    skipped: list[str] = field(default_factory=list)  # why

    @property
    def outcome(self) -> str:
        if self.failed:
            return "**fails**"
        return "holds" if self.passed else "skipped"


class Table:
    """Collects the rows of one run."""

    def __init__(self) -> None:
        self._rows: defaultdict[int, Row] = defaultdict(Row)

    def measured(self, number: int, figure: str) -> None:
        self._rows[number].figures.append(figure)

    def reported(self, number: int, doc: str, report: pytest.TestReport) -> None:
        row = self._rows[number]
        paragraphs = [" ".join(part.split()) for part in doc.strip().split("\n\n")]
        row.title = paragraphs[0].rstrip(".")
        row.how = paragraphs[1] if len(paragraphs) > 1 else ""
        if report.skipped and isinstance(report.longrepr, tuple):
            row.skipped.append(report.longrepr[2].removeprefix("Skipped: "))
        elif report.failed:
            row.failed += 1
        elif report.when == "call":
            row.passed += 1

    def lines(self, *, soak: bool) -> list[str]:
        """The table, Markdown."""
        size = "the full figures (`--soak`)" if soak else "the everyday size"
        where = (
            f"{platform.system()}, Python {platform.python_version()}, {os.cpu_count()} cores, "
            f"watchdog {metadata.version('watchdog')}, SQLite {sqlite3.sqlite_version}"
        )
        head = [
            f"{date.today().isoformat()}, {size}: {where}.",  # noqa: DTZ011 - the day where the run is
            "",
            "| # | row | how it is provoked | outcome | measured |",
            "|---|---|---|---|---|",
        ]
        return [*head, *(self._line(number) for number in sorted(self._rows))]

    def _line(self, number: int) -> str:
        row = self._rows[number]
        notes = [*row.figures, *(f"skipped: {why}" for why in dict.fromkeys(row.skipped))]
        cells = (str(number), row.title, row.how, row.outcome, "; ".join(notes))
        return "| " + " | ".join(cell.replace("|", "/") for cell in cells) + " |"

    def write(self, file: Path, *, soak: bool) -> None:
        """Put the table between the file's two marks for this size; what stands around it stays."""
        what = FULL if soak else EVERYDAY
        begin, end = f"<!-- {what}: begin -->", f"<!-- {what}: end -->"
        text = file.read_text("utf-8") if file.exists() else ""
        before, _, rest = text.partition(begin)
        _, _, after = rest.partition(end)
        made = "\n".join(self.lines(soak=soak))
        file.write_text(f"{before}{begin}\n{made}\n{end}{after}", "utf-8")
