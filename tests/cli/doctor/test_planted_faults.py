"""Ten faults, each planted for real, and what the check-up says to each."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
import tomlkit
from facewatch.cli.doctor.checks import Finding, Machine, examine

from facewatch.cli.doctor.computing import cuda_of_torch
from facewatch.engine.messages import Ready
from facewatch.system.autostart import Login
from facewatch.system.autostart.xdg import DesktopEntry
from facewatch.system.paths import Places
from facewatch.tray.detect import Desktop
from tests.faults.requirements import require

linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="a fault of Linux")
HEADLESS = Desktop(named=False, display=False, libraries=(), watcher=False, embedding=False)


class House:
    """A sound installation; `machine` is the real one, but for the desktop, the login and the probe."""

    def __init__(self, home: Path) -> None:
        self.home, self.places = home, Places.under(home)
        self.inbox, self.output = home / "in", home / "out"
        self.inbox.mkdir()
        self.output.mkdir()
        self.program = home / "bin" / "facewatch"
        self.program.parent.mkdir()
        self.program.touch()
        self.entry = DesktopEntry([str(self.program), "run"], home / "autostart")
        self.machine = Machine(
            probe=lambda _: Ready("cpu", "float32, because it is a test"),
            login=lambda: Login(self.entry),
            desktop=lambda: HEADLESS,
        )
        self.settle()

    def settle(self, **settings: object) -> None:
        folders = [{"input": str(self.inbox), "output": str(self.output)}]
        text = tomlkit.dumps({"model": "builtin", "folders": folders, **settings})
        self.places.config.write_text(text, "utf-8")

    def finding(self, what: str, **machine: object) -> Finding:
        found = examine(self.places, machine=replace(self.machine, **machine))
        return next(finding for finding in found if finding.what == what)

    def command(self, *before: str) -> dict[str, dict[str, str]]:
        """What `facewatch doctor --quick` finds, with something before the command."""
        run = subprocess.run(
            [*before, sys.executable, "-m", "facewatch", "doctor", "--quick", "--json"],
            capture_output=True,
            encoding="utf-8",
            env={**os.environ, "FACEWATCH_HOME": str(self.home), "XDG_CONFIG_HOME": str(self.home)},
            timeout=100,
            check=False,
        )
        assert run.returncode in {0, 1}, run.stderr
        return {finding["what"]: finding for finding in json.loads(run.stdout)}


@pytest.fixture
def house(tmp_path):
    return House(tmp_path)


def namespaces(script: str) -> list[str]:
    """A shell of its own user and mounts that runs the script, and then the command that follows it."""
    require("unshare")
    before = ["unshare", "-Urm", "sh", "-c", f'{script}; exec "$@"', "sh"]
    trial = subprocess.run([*before, "true"], capture_output=True, text=True, check=False)
    if trial.returncode:
        pytest.skip(f"needs namespaces, which are not allowed here: {trial.stderr.strip()}")
    return before


def test_a_sound_installation_has_nothing_to_mend(house):
    assert [finding for finding in examine(house.places, machine=house.machine) if not finding.ok] == []
    assert [finding for finding in house.command().values() if not finding["ok"]] == []


@linux
def test_an_unwritable_output(house):
    house.output.chmod(0o555)
    before = []
    if os.geteuid() == 0:
        require("setpriv")
        before = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"]
    found = house.command(*before)["output"]
    assert not found["ok"]
    assert found["text"] == f"{house.output} cannot be written to: change its permissions"


@linux
def test_a_watch_limit_that_is_too_low(house):
    for number in range(39):
        (house.inbox / f"{number}").mkdir()
    found = house.command(*namespaces("echo 20 > /proc/sys/user/max_inotify_watches"))["watches"]
    assert not found["ok"]
    assert "40 folders are to be watched, and the system allows 20" in found["text"]
    assert "sudo sysctl user.max_inotify_watches=524288" in found["text"]
    assert house.finding("watches").ok


def test_a_missing_checkpoint(house):
    house.settle(model="gfpgan-1.4")
    found = house.finding("model gfpgan-1.4")
    assert not found.ok
    assert found.text == "missing: `facewatch models pull gfpgan-1.4` fetches it"


def test_an_autostart_entry_whose_program_is_gone(house):
    house.entry.enable()
    assert house.finding("autostart").text.startswith("on: ")
    house.program.unlink()
    found = house.finding("autostart")
    assert not found.ok
    assert f"{house.program}, which is not there: `facewatch autostart on` writes it anew" in found.text


@pytest.mark.parametrize("content", [b"", b"\xff\x00garbage", b"[Desktop Entry]\nName=Facewatch\n"])
def test_an_autostart_entry_that_is_damaged(house, content):
    house.entry.enable()
    house.entry.file.write_bytes(content)
    found = house.finding("autostart")
    assert not found.ok
    assert "is damaged and starts nothing: `facewatch autostart on`" in found.text


def test_an_autostart_entry_that_was_switched_off_is_noted(house):
    house.entry.enable()
    house.entry.file.write_text(house.entry.file.read_text("utf-8") + "Hidden=true\n", "utf-8")
    found = house.finding("autostart")
    assert found.level == "note"
    assert "switched off" in found.text


def test_a_clock_in_the_past(house):
    house.places.state.mkdir()
    house.places.ledger.touch()
    tomorrow = time.time() + 86_400
    os.utime(house.places.ledger, (tomorrow, tomorrow))  # as a clock that was right then, and is not now
    found = house.finding("clock")
    assert not found.ok
    assert f"{house.places.ledger} is of " in found.text
    assert "set the clock" in found.text
    house.places.ledger.unlink()
    assert house.finding("clock").ok
    assert not house.finding("clock", now=lambda: 0.0).ok  # a board without a battery, before this version


@linux
def test_a_full_disk(house):
    fill = (
        f"mount -t tmpfs -o size=1M none '{house.output}'; head -c 2000000 /dev/zero > '{house.output}/fill'"
    )
    found = house.command(*namespaces(f"{fill} 2> /dev/null"))["output"]
    assert not found["ok"]
    assert found["text"] == f"{house.output}: only 0 MB are free: make some space"


@linux
def test_a_lock_held_by_a_stranger(house):
    house.places.state.mkdir()
    house.places.lock.touch()
    hold = f"import fcntl; f = open('{house.places.lock}'); fcntl.flock(f, 2); print('held', flush=True)"
    hold = f"{hold}; input()"
    with subprocess.Popen(
        [sys.executable, "-c", hold], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as stranger:
        assert stranger.stdout.readline() == "held\n"
        found = house.finding("daemon")
        stranger.stdin.close()
    assert not found.ok
    assert f"process {stranger.pid} (" in found.text
    assert "end that process, then start facewatch" in found.text
    assert house.finding("daemon").text == "is not running"


def test_a_file_that_names_a_process_which_is_no_daemon(house):
    house.places.state.mkdir()
    about = {"pid": os.getpid(), "created": psutil.Process().create_time()}
    house.places.pid.write_text(json.dumps(about), "utf-8")
    found = house.finding("daemon")
    assert not found.ok
    assert found.text.endswith("remove that file")
    house.places.pid.write_text(json.dumps({**about, "created": 1.0}), "utf-8")
    assert house.finding("daemon").level == "note"  # a daemon that was killed


def test_an_output_in_the_input_is_noted(house):
    inside = house.inbox / "restored"
    house.settle(folders=[{"input": str(house.inbox), "output": str(inside)}])
    found = house.finding("output in input")
    assert found.level == "note"
    assert f"{inside} lies in the watched {house.inbox}" in found.text
    assert "choose an output beside the input" in found.text


@linux
def test_no_tray_backend(house):
    shown = replace(HEADLESS, named=True, display=True)
    found = house.finding("tray", desktop=lambda: shown)
    assert not found.ok
    assert "install gir1.2-ayatanaappindicator3-0.1" in found.text
    no_panel = replace(shown, libraries=("appindicator", "gtk"))
    found = house.finding("tray", desktop=lambda: no_panel)
    assert not found.ok
    assert "AppIndicator extension" in found.text
    assert house.finding("tray").level == "note"  # a machine without a desktop
    assert house.finding("tray", desktop=lambda: replace(no_panel, watcher=True)).level == "ok"


@linux
@pytest.mark.skipif(cuda_of_torch() is None, reason="this torch is built without CUDA")
def test_a_cuda_build_without_a_driver(house, tmp_path):
    card = tmp_path / "sys" / "bus" / "pci" / "devices" / "0000:01:00.0"
    card.mkdir(parents=True)
    for name, text in {"vendor": "0x10de\n", "class": "0x030000\n"}.items():
        (card / name).write_text(text, "ascii")
    found = house.finding("cuda", sys=tmp_path / "sys")
    assert not found.ok
    assert (
        f"torch is built for CUDA {cuda_of_torch()} and an NVIDIA card is here, but no driver" in found.text
    )
    assert "install the card's driver" in found.text
    assert house.finding("cuda", sys=tmp_path / "none").level == "note"  # no card: slow, but sound
    assert (
        house.finding("cuda", sys=tmp_path / "sys", probe=lambda _: Ready("cuda", "bfloat16")).level == "ok"
    )


def test_a_card_that_this_torch_has_no_code_for(house):
    too_old = Ready(
        "cpu", "float32", passed_over="The card Some Card is not among those: install another torch."
    )
    assert house.finding("cuda", probe=lambda _: too_old).level == "mend"
    assert "install another torch" in house.finding("cuda", probe=lambda _: too_old).text
    beside = replace(too_old, device="cuda:1")
    assert house.finding("cuda", probe=lambda _: beside).level == "note"


def test_the_version_of_cuda_is_that_of_torch_itself():
    import torch

    assert torch.version.cuda == cuda_of_torch()
