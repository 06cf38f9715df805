"""The comparison as a table, as notes, and between the marks of a document."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from facewatch.cli.bench import table
from facewatch.cli.bench.measurement import Measured, Result
from facewatch.cli.bench.run import Outcome
from facewatch.cli.bench.table import Line, as_json, memory, spread, title
from facewatch.errors import WrongUse
from facewatch.system.atomic import translate_write_errors, write_atomically

__all__ = ["HEADINGS", "about_lines", "as_json", "cells", "markdown", "notes", "write_between"]

HEADINGS = (
    "work",
    "facewatch, s",
    "reference, s",
    "ratio",
    "same allocator, s",
    "ratio",
    "most memory, GB",
)
BEGIN, END = "<!-- facewatch bench: begin -->", "<!-- facewatch bench: end -->"
SHARED = ("detection", "restoration", "parsing", "decode", "encode", "import", "load")
REST = "the rest"


def cells(results: Sequence[Result]) -> list[Line]:
    """Return the lines below HEADINGS: one for each flow of ours, and below it one for each stage.

    Times are the median, with the least and the most; a ratio is the reference's median over ours.
    """
    lines: list[Line] = []
    for result in results:
        reference, tuned = _best(result, "reference"), _best(result, "tuned")
        for one in result.of():
            peaks = " / ".join(filter(None, (memory(one), memory(reference) if reference else "")))
            lines.append(_line(title(result, one), (one, reference, tuned), "", peaks))
            lines += [
                _line(f"- {stage}", (one, reference, tuned), stage, "")
                for stage in _stages(one, reference, result.row.unit)
            ]
    return lines


def notes(outcome: Outcome) -> list[str]:
    """Return the notes of `facewatch bench`, and processor seconds and file sizes beside the reference's."""
    found = table.notes(outcome)
    for result in outcome.results:
        ours, reference = _best(result, "ours"), _best(result, "reference")
        if ours and reference and ours.processor_seconds:
            used, theirs = ours.processor_seconds, reference.processor_seconds
            beside = f"reference {theirs:.3g}, {theirs / used:.3g} x"
            found.append(f"{result.row.title}: {used:.3g} processor seconds ({beside})")
        if ours and reference and "bytes" in ours.extra:
            share = ours.extra["bytes"] / reference.extra["bytes"]
            found.append(f"{result.row.title}: {share:.3f} of the reference's bytes")
    return found


def about_lines(about: Mapping[str, Any]) -> list[str]:
    """Describe the machine, the models and the photos."""
    machine, photos = table.about_lines(about)
    random = about["random_models"]
    words = [f"Random weights of the published form: {', '.join(random)}."] if random else []
    return [machine, *words, photos]


def markdown(about: Sequence[str], lines: Sequence[Line], notes: Sequence[str]) -> str:
    """Return the whole outcome for a document."""
    rows = ["| " + " | ".join(line) + " |" for line in (HEADINGS, *lines)]
    rows.insert(1, "|---" + "|---:" * (len(HEADINGS) - 1) + "|")
    return "\n".join([*about, "", *rows, "", *(f"- {note}" for note in notes)]).rstrip() + "\n"


def write_between(file: Path, text: str) -> None:
    """Replace what is between the lines BEGIN and END of a file.

    Raises WrongUse when the file or its marks are missing, CannotWrite or DiskFull.
    """
    if not file.is_file():
        raise WrongUse(f"{file} is not there: write a file with the lines {BEGIN} and {END}")
    with translate_write_errors(file):
        before, begin, rest = file.read_text("utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise WrongUse(f"{file} has no lines {BEGIN} and {END}, between which the table goes")
    write_atomically(file, f"{before}{BEGIN}\n\n{text}\n{END}{after}".encode())


def _best(result: Result, side: str) -> Measured | None:
    return min(result.of(side), key=Measured.median, default=None)


def _line(
    name: str, flows: tuple[Measured, Measured | None, Measured | None], stage: str, peaks: str
) -> Line:
    """Return one line for flows of ours, the reference and the tuned one; `stage` "": the whole."""
    one, *others = flows
    ours = _seconds(one, stage)
    shown = [f"{ours:.3g}" if stage else spread(one)]
    for other in others:
        theirs = _seconds(other, stage) if other else 0.0
        text = "" if other is None else f"{theirs:.3g}" if stage else spread(other)
        shown += [text, f"{theirs / ours:.3g} x" if other and ours > 0 else ""]
    return (name, *shown, peaks)


def _seconds(one: Measured, stage: str) -> float:
    if stage == REST:
        return max(0.0, one.median() - sum(one.median(name) for name in one.stages))
    return one.median(stage or "total")


def _stages(one: Measured, reference: Measured | None, unit: str) -> tuple[str, ...]:
    if unit:  # side by side, stages do not add up to the whole
        return ()
    if reference is None:
        return one.stages
    shared = tuple(stage for stage in SHARED if stage in one.stages and stage in reference.stages)
    return (*shared, REST) if shared else ()
