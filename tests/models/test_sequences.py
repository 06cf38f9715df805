"""200 random sequences of faults: the right file or a clear error, never a wrong file in its place."""

from __future__ import annotations

import hashlib
import random
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from facewatch.errors import DownloadFailed
from facewatch.models.files import ModelFiles, Progress
from tests.models.fault_server import FaultServer, content
from tests.models.rows import make_model_files, quick_timeouts, row

SEQUENCES = 200
BATCHES = 4
KNOWN_REASONS = re.compile(
    r"came truncated|the published file has|too long|no such file|may want a login|too busy|web page \(HTML\)"
    r"|stalled|cut off|compressed|wrong file came|not https|redirects more than|changed on the server"
    r"|another part of the file|fewer bytes|empty file|does not say how long"
)


def random_fault(rng: random.Random, size: int, path: str) -> list[dict[str, Any]]:
    """Return one fault; a fault that changes the file comes with one that changes it back."""
    cut = {"after": rng.randrange(size)}
    once: list[dict[str, Any]] = [
        {"kind": "cut", **cut},
        {"kind": "cut", "hard": True, **cut},
        {"kind": "no_range", **rng.choice([{}, cut])},
        {"kind": "no_etag", **cut},
        {"kind": "weak_etag", **cut},
        {"kind": "ignores_if_range", **cut},
        {"kind": "stall", **cut},
        {"kind": "silent"},
        {"kind": "reset"},
        {"kind": "redirect", "to": path},
        {"kind": "redirect", "to": "http://example.org/x"},
        {"kind": "status", "status": rng.choice([403, 404, 416, 429, 500, 503])},
        {"kind": "html", "disguised": rng.random() < 0.5},
        {"kind": "short", "by": rng.randrange(1, size)},
        {"kind": "long", "by": rng.randrange(1, size)},
        {"kind": "overlong", "by": rng.randrange(1, 5000)},
        {"kind": "gzip"},
        {"kind": "wrong", **rng.choice([{}, cut])},
        {"kind": "chunked"},
        {"kind": "good", "shift": rng.randrange(1, 9), **cut},
        {"kind": "good"},
    ]
    pick = rng.randrange(len(once) + 3)
    if pick < len(once):
        return [once[pick]]
    return [{"kind": "changed", **cut}, {"kind": "restored", **cut}]


def play(server: FaultServer, folder: Path, number: int) -> int:
    """Play one sequence until the file is downloaded; return how many downloads failed."""
    rng = random.Random(number)
    size, pinned = rng.randrange(64_000, 300_000), rng.random() < 0.85
    right = hashlib.sha256(content(size, number)).hexdigest()
    paths = [f"/{number}.pth", f"/{number}-mirror.pth"][: rng.choice([1, 1, 2])]
    for path in paths:
        server.put(path, size, number)
        faults = [fault for _ in range(rng.randrange(1, 7)) for fault in random_fault(rng, size, path)]
        server.script(
            path,
            *(fault for fault in faults if pinned or fault["kind"] not in ("wrong", "changed", "restored")),
        )
    addresses = [server.base + path for path in paths]
    size_known = rng.random() < 0.8 or not pinned
    model = row(
        "toy",
        addresses[0],
        right if pinned else None,
        size if size_known else None,
        mirrors=tuple(addresses[1:]),
    )
    model_files = make_model_files(folder, model, timeouts=quick_timeouts(stall_seconds=0.25))
    final = folder / "toy.pth"

    def no_wrong_file(_: Progress | None) -> None:
        assert not final.exists() or hashlib.sha256(final.read_bytes()).hexdigest() == right

    for failures in range(30):
        said = attempt(model_files, no_wrong_file)
        if said is None:
            no_wrong_file(None)
            assert final.stat().st_size == size
            assert not list(folder.glob("*.part*"))
            return failures
        assert KNOWN_REASONS.search(said), said
        assert not final.exists()
    raise AssertionError(f"sequence {number} never ended")


def attempt(model_files: ModelFiles, on_progress: Callable[[Progress], None]) -> str | None:
    """Try one download; return None for success, otherwise the error."""
    try:
        model_files.fetch("toy", on_progress, lambda: False)
    except DownloadFailed as error:
        return str(error)
    return None


@pytest.mark.parametrize("batch", range(BATCHES))
def test_the_right_file_or_a_clear_error(server: FaultServer, tmp_path: Path, batch: int):
    numbers = range(batch, SEQUENCES, BATCHES)
    with ThreadPoolExecutor(4) as pool:
        ends = list(pool.map(lambda number: play(server, tmp_path / str(number), number), numbers))
    assert len(ends) == SEQUENCES // BATCHES
    assert sum(ends) > 10
