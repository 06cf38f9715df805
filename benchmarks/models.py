"""Model files of a run: the downloaded ones, and random ones of the published form in place of the others."""

from __future__ import annotations

import os
import shutil
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

from benchmarks.reference import WEIGHTS
from facewatch.cli.bench.case import Case
from facewatch.cli.bench.run import Outcome, figures
from facewatch.cli.bench.stopwatch import Stopwatch
from facewatch.cli.bench.worker import Prepared
from facewatch.models.catalogue import BY_NAME
from facewatch.models.files import ModelFiles


def provide(model_files: ModelFiles, names: Collection[str], bare: Case) -> dict[str, str]:
    """Put a file for every model where gfpgan looks for facexlib's, below the run's folder.

    A missing network that is no checkpoint of torch has no stand-in; its stages are left out.
    """
    folder = Path(bare.folder, WEIGHTS)
    folder.mkdir(parents=True)
    paths: dict[str, str] = {}
    random = []
    for name in names:
        checkpoint = BY_NAME[name].checkpoint
        assert checkpoint is not None
        if BY_NAME[name].kind == "identity" and model_files.state(name) != "present":
            continue
        paths[name] = str(folder / checkpoint.file_name)
        if model_files.state(name) == "present":
            _link(model_files.find(name), Path(paths[name]))
        else:
            random.append(name)
    if random:
        figures(replace(bare, maker="benchmarks.models:write", models=paths, args={"names": random}))
    return paths


def write(case: Case, watch: Stopwatch) -> Prepared:
    """Write models of the published form with random weights."""
    from benchmarks import published

    del watch
    for name in case.args["names"]:
        published.FORMS[name](case.model(name))
    return lambda: None, {}


def missing(model_files: ModelFiles, outcome: Outcome) -> list[str]:
    """Return the models of a run that are not downloaded, and so had random weights."""
    names = {name for result in outcome.results for flow in result.row.flows for name in flow.models}
    return sorted(name for name in names if model_files.state(name) != "present")


def _link(source: Path, path: Path) -> None:
    try:
        os.link(source, path)
    except OSError:  # another file system, or one without links
        shutil.copyfile(source, path)
