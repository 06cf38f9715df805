"""Time and memory of the further face networks, with random weights of the published form.

    python -m benchmarks.field_cost [NAME...]

prints, for each, the processor seconds that one face takes in float32 on one core, the largest memory of the
whole process, and how near bfloat16 comes, as the signal-to-noise ratio of its picture. Random weights cost
what trained ones do. Of PULSE's search, always in float32, two steps are measured, and multiplied.
"""

from __future__ import annotations

import math
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from benchmarks import published_field
from benchmarks.against_published import comparison_suffix
from facewatch.cli.bench.memory import peak_bytes

ONE = "--measure-one"


def measure(name: str) -> None:
    """Write a checkpoint, restore a face twice, and print the second time and the memory of this process."""
    import torch

    from facewatch.restoration.networks import loader, pulse

    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        checkpoint = published_field.FORMS[name](Path(folder, f"{name}{comparison_suffix(name)}"))
        second = None
        if name in published_field.SECOND:
            file_name, write = published_field.SECOND[name]
            second = write(Path(folder, file_name))
        few = 2 if name == "pulse" else pulse.STEPS
        times, pulse.STEPS = pulse.STEPS / few, few
        network = loader.load(checkpoint, name, "cpu", second=second)
        crop = np.random.default_rng(1).integers(0, 256, (network.crop_size,) * 2 + (3,), dtype=np.uint8)
        if name != "pulse":  # it would keep its face
            network.restore([crop], 0.5)
        started = time.process_time()
        network.restore([crop], 0.5)
        seconds = times * (time.process_time() - started)
        most, ratio = peak_bytes(), ""
        if name != "pulse":
            exact = network.forward([crop], 0.0)
            del network
            short = loader.load(checkpoint, name, "cpu", "bfloat16", second=second).forward([crop], 0.0)
            ratio = f"{10 * math.log10(4 / (exact - short).square().mean().item()):.0f} dB"
    print(f"| `{name}` | {seconds:.1f} | {most / 1e9:.1f} | {ratio} |", flush=True)


def main(
    names: Annotated[list[str] | None, typer.Argument(help="Networks; all if none.")] = None,
    measure_one: Annotated[
        bool, typer.Option(ONE, help="In this process; for the program's own use.")
    ] = False,
) -> None:
    """Measure the further face networks, each in a process of its own."""
    for name in names or list(published_field.FORMS):
        if measure_one:
            measure(name)
        else:
            subprocess.run([sys.executable, "-m", "benchmarks.field_cost", name, ONE], check=True)


if __name__ == "__main__":
    typer.run(main)
