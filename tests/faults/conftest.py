"""Fixtures of the fault tests, and the table that a run writes from their figures."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.daemon_process import DaemonProcess
from tests.faults.daemons import FAST_CHECK_SECONDS
from tests.faults.requirements import require, require_root
from tests.faults.table import Table
from tests.faults.users import POWERLESS_ROOT, VICTIM, as_user

ROW = re.compile(r"test_(\d\d)_")
TABLE = pytest.StashKey[Table]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[TABLE] = Table()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item):
    report = yield
    number = row_of(item.path)
    if number is not None:
        module = item.getparent(pytest.Module)
        assert module is not None
        item.config.stash[TABLE].record_report(number, module.obj.__doc__ or "", report)
    return report


def pytest_sessionfinish(session: pytest.Session) -> None:
    file = session.config.getoption("table")
    if file is not None:
        session.config.stash[TABLE].write(Path(file), soak=session.config.getoption("soak"))


def row_of(path: Path) -> int | None:
    """Return the number of the table row that a test file fills, or None."""
    found = ROW.match(path.name)
    return int(found[1]) if found else None


@pytest.fixture
def soak(request: pytest.FixtureRequest) -> bool:
    """True for tests at full size: hundreds of kills, thousands of photos."""
    return bool(request.config.getoption("soak"))


@pytest.fixture
def notice_seconds(soak: bool) -> int:
    """Return the longest wait for one folder check and its report; the table shows what it really took.

    At full size the daemon's own interval holds. A busy machine needs seconds for `facewatch status` alone.
    """
    return (10 if soak else FAST_CHECK_SECONDS) + 20


@pytest.fixture
def measured(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Return a function that adds a figure to the row of this test in the table."""
    number = row_of(request.path)
    assert number is not None, f"{request.path.name} is not a row of the table"
    return lambda figure: request.config.stash[TABLE].record_figure(number, figure)


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[DaemonProcess]:
    """Yield a daemon with its own home, not started yet; kill it at the end."""
    process = DaemonProcess(tmp_path)
    yield process
    process.stop(signal.SIGKILL)


@pytest.fixture
def shared_home() -> Iterator[Path]:
    """Yield the home of a user without privileges that others can reach; pytest's own folders are private."""
    require("setpriv")
    require_root()
    child = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'import torch'], check=True)"
    trial = subprocess.run([*as_user(VICTIM), sys.executable, "-c", child], capture_output=True, check=False)
    folder = Path(tempfile.mkdtemp(prefix="facewatch-shared-"))
    folder.chmod(0o755)
    os.chown(folder, victim := VICTIM if trial.returncode == 0 else POWERLESS_ROOT, victim)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)
