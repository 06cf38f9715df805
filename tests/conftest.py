"""Fixtures for every room."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.models.fault_server import FaultServer

ROOT = Path(__file__).resolve().parent.parent


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--soak", action="store_true", help="the fault matrix at its full figures; takes hours")
    parser.addoption("--table", metavar="FILE", help="write the fault matrix' table of figures into FILE")


@pytest.fixture(scope="session")
def shared() -> Path:
    """The real photos and the real detector beside the project; skips where they are missing."""
    folder = Path(os.environ.get("FACEWATCH_SHARED", ROOT.parent / "shared"))
    if not (folder / "photos").is_dir():
        pytest.skip(f"no real photos: {folder}/photos is missing (set FACEWATCH_SHARED)")
    return folder


@pytest.fixture(scope="module")
def server() -> Iterator[FaultServer]:
    """A server of model files that misbehaves as it is told."""
    running = FaultServer()
    yield running
    running.close()
