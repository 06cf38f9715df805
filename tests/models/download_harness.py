"""One download, the requests it made, and its error."""

from __future__ import annotations

from pathlib import Path

import pytest

from facewatch.errors import DownloadFailed
from facewatch.models.files import ModelFiles
from tests.models.fault_server import FaultServer


def fetch(model_files: ModelFiles, name: str = "toy") -> Path:
    return model_files.fetch(name, lambda _: None, lambda: False)


def gets(server: FaultServer) -> list[tuple[int, int, int]]:
    return [(entry["status"], entry["first"], entry["sent"]) for entry in server.log()]


def failure(model_files: ModelFiles, name: str = "toy") -> str:
    with pytest.raises(DownloadFailed) as caught:
        fetch(model_files, name)
    assert model_files.state(name) == "missing"
    assert f"models add {name} FILE" in str(caught.value)
    return str(caught.value)
