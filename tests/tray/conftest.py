"""Fixtures of a virtual desktop; tests that use them are skipped where it cannot run."""

from __future__ import annotations

import pytest

from tests.tray.desktop import BUBBLES, WATCHER, PanelProcess, needed_desktop, shown_tray


@pytest.fixture(scope="session")
def desktop(tmp_path_factory):
    """The environment of a virtual desktop."""
    with needed_desktop(tmp_path_factory.mktemp("desktop") / "runtime") as environment:
        yield environment


@pytest.fixture
def panel(desktop):
    """A panel that shows indicators and receives notifications."""
    process = PanelProcess(desktop, WATCHER, BUBBLES)
    yield process
    process.close()


@pytest.fixture
def tray(desktop, panel, tmp_path):
    """A tray process whose icon is on the panel."""
    with shown_tray(tmp_path / "home", desktop, panel) as process:
        yield process
