"""The table of docs/reliability.md, made from the figures of a run."""

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

DEFAULT_SIZE_MARK, FULL_SIZE_MARK = "made by the run", "made by the run with --soak"


@dataclass
class Row:
    """One row of the table and the results of its tests."""

    title: str = ""
    how: str = ""
    figures: list[str] = field(default_factory=list)
    passed: int = 0
    failed: int = 0
    skip_reasons: list[str] = field(default_factory=list)

    @property
    def outcome(self) -> str:
        if self.failed:
            return "**fails**"
        return "holds" if self.passed else "skipped"


class Table:
    """Collects the rows of one run."""

    def __init__(self) -> None:
        self._rows: defaultdict[int, Row] = defaultdict(Row)

    def record_figure(self, number: int, figure: str) -> None:
        self._rows[number].figures.append(figure)

    def record_report(self, number: int, doc: str, report: pytest.TestReport) -> None:
        """Count a test's outcome; `doc`, its module's docstring, gives the title and how it is provoked."""
        row = self._rows[number]
        paragraphs = [" ".join(part.split()) for part in doc.strip().split("\n\n")]
        row.title = paragraphs[0].rstrip(".")
        row.how = paragraphs[1] if len(paragraphs) > 1 else ""
        if report.skipped and isinstance(report.longrepr, tuple):
            row.skip_reasons.append(report.longrepr[2].removeprefix("Skipped: "))
        elif report.failed:
            row.failed += 1
        elif report.when == "call":
            row.passed += 1

    def lines(self, *, soak: bool) -> list[str]:
        """Return the lines of the Markdown table."""
        size = "full size (`--soak`)" if soak else "default size"
        where = (
            f"{platform.system()}, Python {platform.python_version()}, {os.cpu_count()} cores, "
            f"watchdog {metadata.version('watchdog')}, SQLite {sqlite3.sqlite_version}"
        )
        head = [
            f"{date.today().isoformat()}, {size}: {where}.",  # noqa: DTZ011 - the local day of the run
            "",
            "| # | row | how it is provoked | outcome | measured |",
            "|---|---|---|---|---|",
        ]
        return [*head, *(self._line(number) for number in sorted(self._rows))]

    def _line(self, number: int) -> str:
        row = self._rows[number]
        notes = [*row.figures, *(f"skipped: {why}" for why in dict.fromkeys(row.skip_reasons))]
        cells = (str(number), row.title, row.how, row.outcome, "; ".join(notes))
        return "| " + " | ".join(cell.replace("|", "/") for cell in cells) + " |"

    def write(self, file: Path, *, soak: bool) -> None:
        """Replace the text between the file's two marks for this size by the table."""
        mark = FULL_SIZE_MARK if soak else DEFAULT_SIZE_MARK
        begin, end = f"<!-- {mark}: begin -->", f"<!-- {mark}: end -->"
        text = file.read_text("utf-8") if file.exists() else ""
        before, _, rest = text.partition(begin)
        _, _, after = rest.partition(end)
        table = "\n".join(self.lines(soak=soak))
        file.write_text(f"{before}{begin}\n{table}\n{end}{after}", "utf-8")
