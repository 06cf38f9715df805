"""What every row of the fault matrix uses, and the table the run makes of its figures."""

from __future__ import annotations

import re
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.daemon_process import DaemonProcess
from tests.faults.daemons import FAST_CHECK_SECONDS
from tests.faults.table import Table

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
        item.config.stash[TABLE].reported(number, module.obj.__doc__ or "", report)
    return report


def pytest_sessionfinish(session: pytest.Session) -> None:
    wanted = session.config.getoption("table")
    if wanted is not None:
        session.config.stash[TABLE].write(Path(wanted), soak=session.config.getoption("soak"))


def row_of(path: Path) -> int | None:
    """The number of the matrix' row that a test file holds."""
    found = ROW.match(path.name)
    return int(found[1]) if found else None


@pytest.fixture
def soak(request: pytest.FixtureRequest) -> bool:
    """Whether the full figures are wished: hundreds of kills, thousands of photos."""
    return bool(request.config.getoption("soak"))


@pytest.fixture
def notice_seconds(soak: bool) -> int:
    """A round, and the daemon's word on it; at the full size the rounds are the daemon's own."""
    return (10 if soak else FAST_CHECK_SECONDS) + 2


@pytest.fixture
def measured(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Call it with what the test has measured: it goes into the row's line of the table."""
    number = row_of(request.path)
    assert number is not None, f"{request.path.name} is no row of the matrix"
    return lambda figure: request.config.stash[TABLE].measured(number, figure)


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[DaemonProcess]:
    """A real daemon in a home of its own, not started yet; killed at the end."""
    process = DaemonProcess(tmp_path)
    yield process
    process.stop(signal.SIGKILL)
