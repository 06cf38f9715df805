"""Fixtures and options for all tests."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.models.fault_server import FaultServer
from tests.windows.rooms import mark_for_windows

ROOT = Path(__file__).resolve().parent.parent
WORKERS = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))

if (
    WORKERS > 1
):  # before torch is imported: threads of two workers that wait for each other's cores stand still
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // WORKERS)))


os.environ["LANGUAGE"] = "en"  # the tray would speak the developer's language


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--soak", action="store_true", help="run the fault tests at full size; takes hours")
    parser.addoption("--table", metavar="FILE", help="write the table of the fault tests into FILE")


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("table") and config.getoption("numprocesses", None):
        raise pytest.UsageError("--table is written by one process; leave -n out")
    if hasattr(config.option, "loadscopereorder"):
        # By their number of tests, the files that take longest would come last.
        config.option.loadscopereorder = False


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Return one process more than there are cores: half of the time the tests wait for a daemon."""
    return (os.cpu_count() or 1) + 1


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    mark_for_windows(items)


@pytest.fixture(scope="session")
def shared() -> Path:
    """Return the folder of real photos and of the real detector; skip the test if it is missing."""
    folder = Path(os.environ.get("FACEWATCH_SHARED", ROOT.parent / "shared"))
    if not (folder / "photos").is_dir():
        pytest.skip(f"no real photos: {folder}/photos is missing (set FACEWATCH_SHARED)")
    return folder


@pytest.fixture(scope="module")
def server() -> Iterator[FaultServer]:
    """Yield a server of model files that produces the faults that a test scripts."""
    running = FaultServer()
    yield running
    running.close()
