"""The measured process: it prepares one case, then repeats it once for each line it reads."""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from typing import IO, Any, TypeAlias

from facewatch.cli.bench import card
from facewatch.cli.bench.case import Case, Sample, case_of, to_line
from facewatch.cli.bench.memory import peak_bytes
from facewatch.cli.bench.stopwatch import Stopwatch
from facewatch.engine.waiting import sleep_soon

Repetition: TypeAlias = Callable[[], Mapping[str, Any] | None]
"""One repetition; it may return figures for the sample, and a "total" in them replaces the measured time."""
Prepared: TypeAlias = tuple[Repetition, Mapping[str, Any]]
Maker: TypeAlias = Callable[[Case, Stopwatch], Prepared]
"""Prepares a case; returns the repetition and figures of the preparation."""


def main() -> None:
    """Answer requests on standard input and output until the input ends."""
    # Libraries print; their output must not land between our messages.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    try:
        serve(sys.stdin, answers)
    except Exception as error:  # noqa: BLE001 - one flow must not stop the run: the parent shows the failure
        traceback.print_exc()
        failure = {"failed": f"{type(error).__name__}: {error}"}
        print(json.dumps(failure), file=answers, flush=True)


def serve(requests: IO[str], answers: IO[str]) -> None:
    """Prepare the case of the first line, then run a repetition for each further line."""
    case = case_of(requests.readline())
    if case.maker.startswith("facewatch."):
        sleep_soon()  # like the engine, before torch is imported
    watch = Stopwatch(card.synchronizer(case.device))
    repetition, _ = _measured(case, watch, answers, lambda: _maker(case.maker)(case, watch))
    if case.tuned:
        from facewatch.engine.memory import tune

        tune()  # like the engine, after the networks are loaded
    for _ in requests:
        _measured(case, watch, answers, lambda: (None, repetition() or {}))


def _measured(
    case: Case,
    watch: Stopwatch,
    answers: IO[str],
    act: Callable[[], tuple[Any, Mapping[str, Any]]],
) -> tuple[Any, Mapping[str, Any]]:
    watch.take()
    started, used = time.perf_counter(), time.process_time()
    result, figures = act()
    watch.synchronize()
    total, used = time.perf_counter() - started, time.process_time() - used
    card.require_enough_memory(case.device)
    extra = dict(figures)
    seconds = {"total": extra.pop("total", total), **watch.take()}
    gpu_bytes = card.peak_held_bytes(case.device)
    answers.write(to_line(Sample(seconds, peak_bytes(), gpu_bytes, extra, used)))
    answers.flush()
    return result, figures


def _maker(name: str) -> Maker:
    module, _, function = name.partition(":")
    maker: Maker = getattr(importlib.import_module(module), function)
    return maker
