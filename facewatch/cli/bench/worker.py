"""Inside a measured process: make one case ready, then repeat it whenever a line comes."""

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

Repetition: TypeAlias = Callable[[], Mapping[str, Any] | None]
"""One repetition; what it tells beside its time goes with the sample, and a "total" in it is the time."""
Maker: TypeAlias = Callable[[Case, Stopwatch], tuple[Repetition, Mapping[str, Any]]]
"""Makes a case ready: the repetition, and what there is to tell about it."""


def main() -> None:
    """Serve on standard input and output until the input ends."""
    # Libraries print; what they print must not land between our messages.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    try:
        serve(sys.stdin, answers)
    except Exception as error:  # noqa: BLE001 - one flow must not stop the run: the parent shows it as failed
        traceback.print_exc()
        said = {"failed": f"{type(error).__name__}: {error}"}
        print(json.dumps(said), file=answers, flush=True)


def serve(requests: IO[str], answers: IO[str]) -> None:
    """Answer the case, which comes first, when it is ready, then each further line with one repetition."""
    case = case_of(requests.readline())
    watch = Stopwatch(card.settling(case.device))
    repetition, _ = _measured(case, watch, answers, lambda: _maker(case.maker)(case, watch))
    if case.tuned:
        from facewatch.engine.memory import tune

        tune()  # when the engine does it: once the networks are loaded
    for _ in requests:
        _measured(case, watch, answers, lambda: (None, repetition() or {}))


def _measured(
    case: Case,
    watch: Stopwatch,
    answers: IO[str],
    act: Callable[[], tuple[Any, Mapping[str, Any]]],
) -> tuple[Any, Mapping[str, Any]]:
    watch.take()
    started = time.perf_counter()
    made, told = act()
    watch.settle()
    total = time.perf_counter() - started
    card.refuse_want_of_memory(case.device)
    extra = dict(told)
    seconds = {"total": extra.pop("total", total), **watch.take()}
    answers.write(to_line(Sample(seconds, peak_bytes(), card.held_bytes(case.device), extra)))
    answers.flush()
    return made, told


def _maker(name: str) -> Maker:
    module, _, function = name.partition(".")
    maker: Maker = getattr(importlib.import_module(f"facewatch.cli.bench.{module}"), function)
    return maker
