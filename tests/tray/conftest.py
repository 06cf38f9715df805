"""Fixtures of a desktop; every test that uses one is skipped where there can be none."""

from __future__ import annotations

import pytest

from tests.tray.desktop import (
    BUBBLES,
    WATCHER,
    PanelProcess,
    TrayProcess,
    eventually,
    virtual_desktop,
    what_is_missing,
)


@pytest.fixture(scope="session")
def desktop(tmp_path_factory):
    """The environment of a virtual desktop."""
    missing = what_is_missing()
    if missing:
        pytest.skip(f"no display tests: {missing}")
    with virtual_desktop(tmp_path_factory.mktemp("desktop") / "runtime") as environment:
        yield environment


@pytest.fixture
def panel(desktop):
    """A panel that takes indicators, and hears notifications."""
    process = PanelProcess(desktop, WATCHER, BUBBLES)
    yield process
    process.close()


@pytest.fixture
def tray(desktop, panel, tmp_path):
    """A tray process that is shown on the panel."""
    process = TrayProcess(tmp_path / "home", desktop)
    process.start()
    eventually(lambda: panel.ask("items") > 0, "the icon", 20)
    yield process
    process.end()
    process.ledger.close()
