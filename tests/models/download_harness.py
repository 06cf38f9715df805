"""One fetch, what was asked of the server, and what was said when it failed."""

from __future__ import annotations

from pathlib import Path

import pytest

from facewatch.errors import DownloadFailed
from facewatch.models.files import Checkpoints
from tests.models.fault_server import FaultServer


def fetch(checkpoints: Checkpoints, name: str = "toy") -> Path:
    return checkpoints.fetch(name, lambda _: None, lambda: False)


def gets(server: FaultServer) -> list[tuple[int, int, int]]:
    return [(entry["status"], entry["first"], entry["sent"]) for entry in server.log()]


def failure(checkpoints: Checkpoints, name: str = "toy") -> str:
    with pytest.raises(DownloadFailed) as caught:
        fetch(checkpoints, name)
    assert checkpoints.state(name) == "missing"
    assert f"models add {name} FILE" in str(caught.value)
    return str(caught.value)
