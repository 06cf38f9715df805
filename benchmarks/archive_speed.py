"""`python -m benchmarks.archive_speed`: the same photos by the daemon and as an archive, in turn.

A rate is taken between the first copy and the last one, so that neither start counts.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from benchmarks.archive_photos import make_photos
from facewatch.system.processes import facewatch_command

ROOT = Path(__file__).resolve().parent.parent


def rate_of(copies: Path) -> float:
    """Return the copies a second between the first and the last, by the times of their last change."""
    times = sorted(path.stat().st_ctime for path in copies.rglob("*.jpg"))
    return (len(times) - 1) / (times[-1] - times[0])


def run_daemon(source: Path, copies: Path, home: Path) -> float:
    """Restore a folder with the daemon, and return its rate."""
    home.mkdir()
    folder = f"[[folders]]\ninput = {json.dumps(str(source))}\noutput = {json.dumps(str(copies))}\n"
    (home / "config.toml").write_text(f'model = "builtin"\n\n{folder}', "utf-8")
    _run(home, "run", "--once", "--no-tray")
    return rate_of(copies)


def run_archive(source: Path, copies: Path, home: Path, cores: int) -> float:
    """Restore a folder as an archive, and return its rate."""
    home.mkdir()
    _run(home, "archive", str(source), str(copies), "--model", "builtin", "--cores", str(cores))
    return rate_of(copies)


def _run(home: Path, *words: str) -> None:
    environment = {**os.environ, "FACEWATCH_HOME": str(home), "PYTHONPATH": str(ROOT)}
    environment.pop("OMP_NUM_THREADS", None)  # both take all cores
    subprocess.run(facewatch_command(*words), env=environment, check=True, stdout=sys.stderr)


def main(
    photos: Annotated[int, typer.Option(help="How many.")] = 200,
    side: Annotated[int, typer.Option(help="Pixels of each.")] = 256,
    cores: Annotated[int, typer.Option(help="Of each worker.")] = 1,
    rounds: Annotated[int, typer.Option(help="Of both.")] = 2,
) -> None:
    """Print the rates of each round, and their ratio."""
    with tempfile.TemporaryDirectory(dir="/var/tmp") as name:
        folder = Path(name)
        make_photos(folder / "in", photos, side, faults=False)
        for number in range(rounds):
            daemon = run_daemon(folder / "in", folder / f"daemon{number}", folder / f"home{number}a")
            ours = run_archive(folder / "in", folder / f"archive{number}", folder / f"home{number}b", cores)
            print(f"daemon {daemon:.3f}, archive {ours:.3f} photos a second: {ours / daemon:.2f}", flush=True)


if __name__ == "__main__":
    typer.run(main)
