"""A virtual desktop: a display, a session bus, a panel, and a tray process on it."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
import tomlkit

from facewatch.settings.store import Store
from facewatch.state.ledger import Ledger
from facewatch.system.paths import Places

WATCHER = "org.kde.StatusNotifierWatcher"
BUBBLES = "org.freedesktop.Notifications"
PANEL = Path(__file__).with_name("panel.py")
PROBE = "import gi\ngi.require_version('Gtk', '3.0')\ngi.require_version('AyatanaAppIndicator3', '0.1')"


def missing_programs() -> str:
    """Return which programs of a virtual desktop are missing here; empty if none is."""
    programs = [name for name in ("Xvfb", "dbus-daemon") if shutil.which(name) is None]
    return f"{' and '.join(programs)} not installed" if programs else ""


def what_is_missing() -> str:
    """Return the reason why display tests with a panel cannot run here; empty if they can."""
    if programs := missing_programs():
        return programs
    probe = subprocess.run([sys.executable, "-c", PROBE], capture_output=True, text=True, check=False)
    return probe.stderr.strip().splitlines()[-1] if probe.returncode else ""


@contextlib.contextmanager
def needed_desktop(runtime: Path) -> Iterator[dict[str, str]]:
    """Yield a virtual desktop's environment; skip the test where it cannot run."""
    missing = what_is_missing()
    if missing:
        pytest.skip(f"no display tests: {missing}")
    with virtual_desktop(runtime) as environment:
        yield environment


@contextlib.contextmanager
def needed_display(runtime: Path) -> Iterator[dict[str, str]]:
    """Yield a virtual desktop's environment for a test that uses no panel; skip the test without one."""
    if missing := missing_programs():
        pytest.skip(f"no display tests: {missing}")
    with virtual_desktop(runtime) as environment:
        yield environment


@contextlib.contextmanager
def virtual_desktop(runtime: Path) -> Iterator[dict[str, str]]:
    """Yield the environment for programs on a new display and a new session bus."""
    reader, writer = os.pipe()
    display = subprocess.Popen(
        ["Xvfb", "-displayfd", str(writer), "-screen", "0", "900x600x24", "-nolisten", "tcp"],
        pass_fds=[writer],
        stderr=subprocess.DEVNULL,
    )
    os.close(writer)
    with os.fdopen(reader) as pipe:
        number = pipe.readline().strip()
    runtime.mkdir(mode=0o700, exist_ok=True)
    environment = {
        **os.environ,
        "DISPLAY": f":{number}",
        "XDG_RUNTIME_DIR": str(runtime),
        "XDG_CONFIG_HOME": str(runtime / "config"),
        "NO_AT_BRIDGE": "1",
        "GIO_USE_VFS": "local",
    }
    environment.pop("WAYLAND_DISPLAY", None)
    bus = subprocess.Popen(
        ["dbus-daemon", "--session", "--nofork", "--print-address=1"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=environment,  # services that it starts, such as the panel's settings, use this desktop too
    )
    assert bus.stdout is not None
    environment["DBUS_SESSION_BUS_ADDRESS"] = bus.stdout.readline().strip()
    try:
        yield environment
    finally:
        bus.stdout.close()
        for process in (bus, display):
            process.terminate()
            process.wait(10)


class PanelProcess:
    """Drives tests/tray/panel.py."""

    def __init__(self, environment: dict[str, str], *names: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, str(PANEL)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )
        for name in names:
            self.ask("own", name)

    def ask(self, *request: Any) -> Any:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        reply = json.loads(self.process.stdout.readline())
        if "error" in reply:
            raise RuntimeError(reply["error"])
        return reply["answer"]

    def tree(self) -> list[dict[str, Any]]:
        return self.ask("tree")

    def find(self, *texts: str) -> dict[str, Any]:
        """Return the entry at a path of texts, each given by its beginning."""
        items = self.tree()
        for text in texts:
            found = [item for item in items if item["text"].startswith(text)]
            if not found:
                raise LookupError(f"{text!r} is not among {[item['text'] for item in items]}")
            items = found[0]["items"]
        return found[0]

    def click(self, *texts: str) -> None:
        self.ask("click", self.find(*texts)["id"])

    def on(self, *path: str) -> list[str]:
        """Return the first words of the checked radios; empty if the entry does not exist yet."""
        try:
            items = self.find(*path)["items"]
        except LookupError:
            return []
        return [item["text"].partition(" ")[0] for item in items if item["on"]]

    def close(self) -> None:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.close()
        self.process.wait(10)
        self.process.stdout.close()


class TrayProcess:
    """`facewatch tray` with its own home; the test process acts as its daemon."""

    def __init__(self, home: Path, environment: dict[str, str]) -> None:
        self.home = home
        self.places = Places.under(home)
        for name in ("in", "out", "bin", "state"):
            (home / name).mkdir(parents=True)
        self.opened = home / "opened.txt"
        opener = home / "bin" / "xdg-open"
        opener.write_text(f'#!/bin/sh\necho "$1" >> {self.opened}\n', "utf-8")
        opener.chmod(0o755)
        self.environment = {
            **environment,
            "FACEWATCH_HOME": str(home),
            "PATH": f"{home / 'bin'}:{os.environ['PATH']}",
            "XDG_CONFIG_HOME": str(home / "xdg"),
        }
        folders = [{"input": str(home / "in"), "output": str(home / "out")}]
        text = "# mine\n" + tomlkit.dumps({"model": "builtin", "folders": folders})
        self.places.config.write_text(text, "utf-8")
        self.ledger = Ledger.open(self.places.ledger)
        self.daemon_runs()
        self.process: subprocess.Popen[bytes] | None = None

    def daemon_runs(self) -> None:
        about = {"pid": os.getpid(), "created": psutil.Process().create_time()}
        self.places.pid.write_text(json.dumps(about), "utf-8")

    @property
    def settings(self):
        return Store(self.places.config).load()

    def start(self) -> None:
        with (self.home / "output.txt").open("ab") as output:
            self.process = subprocess.Popen(
                self.command(),
                stdout=output,
                stderr=output,
                env=self.environment,
            )

    @staticmethod
    def command() -> list[str]:
        code = "import sys, typer\nfrom facewatch.cli.tray import tray\ntyper.run(tray)"
        return [sys.executable, "-c", code]

    def end(self) -> int:
        if self.process is None:
            return 0
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
        self.process = None
        return code

    def said(self) -> str:
        return (self.home / "output.txt").read_text("utf-8", "replace")


@contextlib.contextmanager
def shown_tray(home: Path, environment: dict[str, str], panel: PanelProcess) -> Iterator[TrayProcess]:
    """Yield a tray process whose icon is on the panel."""
    process = TrayProcess(home, environment)
    process.start()
    eventually(lambda: panel.ask("items") > 0, "the icon", 20)
    yield process
    process.end()
    process.ledger.close()


def eventually(condition: Callable[[], bool], name: str, seconds: float = 10) -> float:
    """Wait until a condition holds; return the seconds that it took."""
    began = time.monotonic()
    while not condition():
        if time.monotonic() - began > seconds:
            pytest.fail(f"waited {seconds} s for {name}")
        time.sleep(0.02)
    return time.monotonic() - began


def end_gallery(places: Places) -> None:
    """End the gallery that a click started, if there is one."""
    record = places.state / "gallery.json"
    if record.exists():
        os.kill(json.loads(record.read_text("utf-8"))["process"]["pid"], signal.SIGTERM)
