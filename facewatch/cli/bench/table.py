"""The measured figures as a table, as notes and as plain data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from facewatch.cli.bench.measurement import Measured, Result
from facewatch.cli.bench.run import Outcome

HEADINGS = ("work", "seconds", "most memory, GB")
Line = tuple[str, ...]


def cells(results: Sequence[Result]) -> list[Line]:
    """Return the lines below HEADINGS: one for each flow, and below it one for each stage.

    Times are the median, with the least and the most.
    """
    lines: list[Line] = []
    for result in results:
        for one in result.of():
            lines.append((title(result, one), spread(one), memory(one)))
            if not result.row.unit:  # side by side, stages do not add up to the whole
                lines += [(f"- {stage}", f"{one.median(stage):.3g}", "") for stage in one.stages]
    return lines


def notes(outcome: Outcome) -> list[str]:
    """Return the figures beside the times, and the reasons why flows were not measured."""
    found = [note for result in outcome.results for note in _notes(result)]
    if missing := outcome.about["missing_models"]:
        found.append(
            f"not measured without {', '.join(missing)}; `facewatch models pull NAME` downloads a model"
        )
    return found


def about_lines(about: Mapping[str, Any]) -> list[str]:
    """Describe the machine and the photos."""
    machine, photos = about["machine"], about["photos"]
    shown = ", ".join(f"{width} x {height}" for height, width in photos["shapes"].values())
    words = (
        f"{machine['cpu']}, {machine['cores']} cores ({machine['logical_cores']} logical), "
        f"{machine['memory_bytes'] / 1e9:.0f} GB; {machine['system']}; Python {machine['python']}, "
        f"torch {machine['torch']} with {machine['threads']} threads; {machine['device_in_words']}; "
        f"precision auto = {machine['precision']}; load at the start {machine['load_average'][0]:.1f}."
    )
    given = (
        f"Photos: {shown}; faces found by {photos['detector']} and given to every flow after its own "
        "detector has run."
    )
    return [words, given]


def as_json(outcome: Outcome, headings: Line, lines: Sequence[Line], notes: Sequence[str]) -> dict[str, Any]:
    """Return all figures, unrounded, and the table."""
    rows = []
    for result in outcome.results:
        flows = [
            {
                **asdict(one.flow),
                "ready": asdict(one.preparation) if one.preparation else None,
                "samples": [asdict(sample) for sample in one.samples],
                "median_seconds": one.median() if one.samples else None,
                "peak_bytes": one.peak_bytes,
                "failure": one.failure or None,
            }
            for one in result.flows
        ]
        rows.append({"name": result.row.name, "title": result.row.title, "flows": flows})
    return {**outcome.about, "rows": rows, "table": [headings, *lines], "notes": notes}


def title(result: Result, one: Measured) -> str:
    """Return the name of one flow's line."""
    return f"{result.row.title}, {one.flow.label}" if one.flow.label else result.row.title


def spread(one: Measured) -> str:
    """Return the median with the least and the most."""
    seconds = one.seconds()
    if len(seconds) == 1:
        return f"{seconds[0]:.3g}"
    return f"{one.median():.3g} ({min(seconds):.3g}-{max(seconds):.3g})"


def memory(one: Measured) -> str:
    """Return the most memory of the process that does the work, in GB; empty if it was not measured."""
    return f"{one.peak_bytes / 1e9:.2f}" if one.flow.own_memory else ""


def _notes(result: Result) -> Iterator[str]:
    for one in result.flows:
        side = "" if one.flow.side == "ours" else one.flow.side
        name = ", ".join(part for part in (result.row.title, f"{side} {one.flow.label}".strip()) if part)
        if one.failure:
            yield f"{name}: {one.failure}"
        if one.samples and result.row.unit:
            yield f"{name}: {1 / one.median():.3g} {result.row.unit} a second"
        facts = {**(one.preparation.extra if one.preparation else {}), **one.extra}
        yield from (f"{name}: {words}" for words in _in_words(facts, one))


def _in_words(facts: Mapping[str, Any], one: Measured) -> Iterator[str]:
    if "times_the_file" in facts:
        yield f"loading takes at most {facts['times_the_file']} times the checkpoint's size in memory"
    if "idle_core_percent" in facts:
        yield f"idle at {facts['idle_core_percent']} % of a core and {facts['idle_bytes'] / 1e6:.0f} MB"
    if "gpu_busy_percent" in facts:
        yield f"the GPU busy {facts['gpu_busy_percent']} % of the time"
    if "gpu_busy_unknown" in facts:
        yield f"the load of the GPU is unknown: {facts['gpu_busy_unknown']}"
    gpu = max((sample.gpu_bytes for sample in one.samples), default=0)
    if gpu:
        yield f"{gpu / 1e9:.2f} GB of GPU memory"
