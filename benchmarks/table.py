"""What was measured, as rows of a table, as notes, and as plain data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from facewatch.cli.bench.measuring import Measured, Result
from facewatch.errors import WrongUse
from facewatch.system.atomic import translate_write_errors, write_atomically

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
_SHARED = ("detection", "restoration", "parsing", "decode", "encode", "import", "load")
_REST = "the rest"


def cells(results: Sequence[Result]) -> list[tuple[str, ...]]:
    """The table below HEADINGS: a line for each of our flows, and under it one for each stage.

    Times are the median, with the least and the most; a ratio is the reference's median over ours.
    """
    return [line for result in results for line in _lines(result)]


def notes(results: Sequence[Result]) -> list[str]:
    """What was found beside the times, and what could not be measured."""
    return [note for result in results for note in _notes(result)]


def markdown(about: Mapping[str, Any], results: Sequence[Result]) -> str:
    """The whole outcome, for a document."""
    lines = [*about_lines(about), ""]
    lines += ["| " + " | ".join(HEADINGS) + " |", "|---" + "|---:" * (len(HEADINGS) - 1) + "|"]
    lines += ["| " + " | ".join(line) + " |" for line in cells(results)]
    found = notes(results)
    return "\n".join([*lines, "", *(f"- {note}" for note in found)]).rstrip() + "\n"


def about_lines(about: Mapping[str, Any]) -> list[str]:
    """The machine, the models and the photos, in words."""
    machine, photos = about["machine"], about["photos"]
    words = (
        f"{machine['cpu']}, {machine['cores']} cores ({machine['logical_cores']} logical), "
        f"{machine['memory_bytes'] / 1e9:.0f} GB; {machine['system']}; Python {machine['python']}, "
        f"torch {machine['torch']} with {machine['threads']} threads; {machine['device_in_words']}; "
        f"precision auto = {machine['precision']}; load at the start {machine['load_average'][0]:.1f}."
    )
    lines = [words]
    if about["random_models"]:
        lines.append(f"Random weights of the published form: {', '.join(about['random_models'])}.")
    if photos:
        shown = ", ".join(f"{width} x {height}" for height, width in photos["shapes"].values())
        lines.append(
            f"Photos: {shown}; faces found by {photos['detector']}, and told to every flow after its own "
            "detector has done its work."
        )
    return lines


def as_json(about: Mapping[str, Any], results: Sequence[Result]) -> dict[str, Any]:
    """Everything, raw."""
    rows = []
    for result in results:
        flows = [
            {
                **asdict(one.flow),
                "ready": asdict(one.ready) if one.ready else None,
                "samples": [asdict(sample) for sample in one.samples],
                "median_seconds": one.median() if one.samples else None,
                "peak_bytes": one.peak_bytes,
                "failure": one.failure or None,
            }
            for one in result.flows
        ]
        rows.append({"name": result.row.name, "title": result.row.title, "flows": flows})
    return {**about, "rows": rows, "table": [HEADINGS, *cells(results)], "notes": notes(results)}


def write_between(file: Path, text: str) -> None:
    """Put `text` between the lines BEGIN and END of a file, in place of what stands there.

    Raises WrongUse when the file is not there or has no such lines, CannotWrite or DiskFull.
    """
    if not file.is_file():
        raise WrongUse(f"{file} is not there: write a file with the lines {BEGIN} and {END}")
    with translate_write_errors(file):
        before, begin, rest = file.read_text("utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise WrongUse(f"{file} has no lines {BEGIN} and {END}, between which the table goes")
    write_atomically(file, f"{before}{BEGIN}\n\n{text}\n{END}{after}".encode())


def _lines(result: Result) -> Iterator[tuple[str, ...]]:
    reference, tuned = result.best("reference"), result.best("tuned")
    for one in result.of("ours"):
        label = f", {one.flow.label}" if one.flow.label else ""
        yield (
            result.row.title + label,
            _spread(one),
            _spread(reference),
            _ratio(one, reference),
            _spread(tuned),
            _ratio(one, tuned),
            _memory(one, reference),
        )
        for stage in _stages(one, reference, result.row.unit):
            yield (
                f"- {stage}",
                _stage_seconds(one, stage),
                _stage_seconds(reference, stage),
                _ratio(one, reference, stage),
                _stage_seconds(tuned, stage),
                _ratio(one, tuned, stage),
                "",
            )


def _stages(one: Measured, reference: Measured | None, unit: str) -> tuple[str, ...]:
    if reference is None or unit:  # side by side, stages do not add up to the whole
        return one.stages if not unit else ()
    shared = tuple(stage for stage in _SHARED if stage in one.stages and stage in reference.stages)
    return (*shared, _REST) if shared else ()


def _stage(one: Measured, stage: str) -> float:
    if stage != _REST:
        return one.median(stage)
    return max(0.0, one.median() - sum(one.median(name) for name in one.stages))


def _stage_seconds(one: Measured | None, stage: str) -> str:
    return "" if one is None else f"{_stage(one, stage):.3g}"


def _spread(one: Measured | None) -> str:
    if one is None:
        return ""
    seconds = one.seconds()
    if len(seconds) == 1:
        return f"{seconds[0]:.3g}"
    return f"{one.median():.3g} ({min(seconds):.3g}-{max(seconds):.3g})"


def _ratio(one: Measured, other: Measured | None, stage: str | None = None) -> str:
    if other is None:
        return ""
    ours, theirs = (
        (one.median(), other.median()) if stage is None else (_stage(one, stage), _stage(other, stage))
    )
    return f"{theirs / ours:.3g} x" if ours > 0 else ""


def _memory(one: Measured, other: Measured | None) -> str:
    if one.flow.maker.startswith("shell."):
        return ""  # it is not the measured process that works there
    mine = f"{one.peak_bytes / 1e9:.2f}"
    return mine if other is None else f"{mine} / {other.peak_bytes / 1e9:.2f}"


def _notes(result: Result) -> Iterator[str]:
    title = result.row.title
    for one in result.flows:
        label = f"{one.flow.side} {one.flow.label}".strip()
        if one.failure:
            yield f"{title}, {label}: {one.failure}"
        if one.samples and result.row.unit:
            yield f"{title}, {label}: {1 / one.median():.3g} {result.row.unit} a second"
        told = {**(one.ready.extra if one.ready else {}), **one.extra}
        yield from (f"{title}, {label}: {words}" for words in _in_words(told, one))
    ours, reference = result.best("ours"), result.best("reference")
    if ours and reference and "bytes" in ours.extra:
        yield f"{title}: {ours.extra['bytes'] / reference.extra['bytes']:.3f} of the reference's bytes"


def _in_words(told: Mapping[str, Any], one: Measured) -> Iterator[str]:
    if "times_the_file" in told:
        yield f"loading takes {told['times_the_file']} times the checkpoint's size in memory at most"
    if "idle_core_percent" in told:
        yield f"idle at {told['idle_core_percent']} % of a core and {told['idle_bytes'] / 1e6:.0f} MB"
    if "gpu_busy_percent" in told:
        yield f"the GPU busy {told['gpu_busy_percent']} % of the time"
    if "gpu_busy_unknown" in told:
        yield f"how busy the GPU was is not known: {told['gpu_busy_unknown']}"
    gpu = max((sample.gpu_bytes for sample in one.samples), default=0)
    if gpu:
        yield f"{gpu / 1e9:.2f} GB of GPU memory"
