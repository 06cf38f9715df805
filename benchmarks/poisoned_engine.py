"""The engine, but a photo of a certain name kills its worker: `python -m benchmarks.poisoned_engine`."""

from __future__ import annotations

import os
from typing import Any

import psutil

from facewatch.engine.main import main
from facewatch.engine.restorer import Restorer


def poison() -> None:
    """Let photos whose name begins with "poison" kill the parent of this process, and then itself."""
    read = Restorer.read

    def read_or_kill(self: Restorer, job: Any) -> Any:
        if os.path.basename(job.source).startswith("poison"):  # noqa: PTH119 - as text
            psutil.Process(os.getppid()).kill()
            psutil.Process().kill()
        return read(self, job)

    Restorer.read = read_or_kill  # type: ignore[method-assign]


if __name__ == "__main__":
    poison()
    main()
