"""Ten real faults, and the finding of the check-up for each."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import psutil
import pytest
import tomlkit

from facewatch.cli.doctor.doctor import examine
from facewatch.cli.doctor.types import Finding, Machine
from facewatch.engine.messages import Ready
from facewatch.system.autostart import Login
from facewatch.system.autostart.xdg import DesktopEntry
from facewatch.system.graphics import TorchBuild, torch_build
from facewatch.system.paths import Places
from facewatch.tray.detect import Desktop
from tests.faults.requirements import require

linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="a fault of Linux")
CUDA = (torch_build() or TorchBuild()).cuda
HEADLESS = Desktop(named=False, display=False, libraries=(), watcher=False, embedding=False)


class Installation:
    """A sound installation; `machine` is the real one, except for the desktop, the login and the probe."""

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
        self.configure()

    def configure(self, **settings: object) -> None:
        folders = [{"input": str(self.inbox), "output": str(self.output)}]
        text = tomlkit.dumps({"model": "builtin", "folders": folders, **settings})
        self.places.config.write_text(text, "utf-8")

    def finding(self, what: str, **machine: object) -> Finding:
        found = examine(self.places, machine=replace(self.machine, **machine))
        return next(finding for finding in found if finding.what == what)

    def command(self, *before: str) -> dict[str, dict[str, str]]:
        """Return the findings of `facewatch doctor --quick`; `before` precedes the command."""
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
def install(tmp_path):
    return Installation(tmp_path)


def namespaces(script: str) -> list[str]:
    """Return a shell with its own users and mounts, which runs the script and then the command after it."""
    require("unshare")
    before = ["unshare", "-Urm", "sh", "-c", f'{script}; exec "$@"', "sh"]
    trial = subprocess.run([*before, "true"], capture_output=True, text=True, check=False)
    if trial.returncode:
        pytest.skip(f"needs namespaces, which are not allowed here: {trial.stderr.strip()}")
    return before


def test_a_sound_installation_has_nothing_to_fix(install):
    assert [finding for finding in examine(install.places, machine=install.machine) if not finding.ok] == []
    assert [finding for finding in install.command().values() if not finding["ok"]] == []


@linux
def test_an_unwritable_output(install):
    install.output.chmod(0o555)
    before = []
    if os.geteuid() == 0:
        require("setpriv")
        before = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"]
    found = install.command(*before)["output"]
    assert not found["ok"]
    assert found["text"] == f"{install.output} cannot be written to: change its permissions"


@linux
def test_a_watch_limit_that_is_too_low(install):
    for number in range(39):
        (install.inbox / f"{number}").mkdir()
    found = install.command(*namespaces("echo 20 > /proc/sys/user/max_inotify_watches"))["watches"]
    assert not found["ok"]
    assert "40 folders need watching, and the system allows 20" in found["text"]
    assert "sudo sysctl user.max_inotify_watches=524288" in found["text"]
    assert install.finding("watches").ok


def test_a_missing_checkpoint(install):
    install.configure(model="gfpgan-1.4")
    found = install.finding("model gfpgan-1.4")
    assert not found.ok
    assert found.text == "missing: `facewatch models pull gfpgan-1.4` downloads it"


def test_an_autostart_entry_whose_program_is_gone(install):
    install.entry.enable()
    assert install.finding("autostart").text.startswith("on: ")
    install.program.unlink()
    found = install.finding("autostart")
    assert not found.ok
    assert f"{install.program}, which does not exist: `facewatch autostart on` rewrites it" in found.text


@pytest.mark.parametrize("content", [b"", b"\xff\x00garbage", b"[Desktop Entry]\nName=Facewatch\n"])
def test_an_autostart_entry_that_is_damaged(install, content):
    install.entry.enable()
    install.entry.file.write_bytes(content)
    found = install.finding("autostart")
    assert not found.ok
    assert "is damaged and starts nothing: `facewatch autostart on`" in found.text


def test_an_autostart_entry_that_was_switched_off_is_noted(install):
    install.entry.enable()
    install.entry.file.write_text(install.entry.file.read_text("utf-8") + "Hidden=true\n", "utf-8")
    found = install.finding("autostart")
    assert found.level == "note"
    assert "switched off" in found.text


def test_a_clock_in_the_past(install):
    install.places.state.mkdir()
    install.places.ledger.touch()
    tomorrow = time.time() + 86_400
    os.utime(install.places.ledger, (tomorrow, tomorrow))  # as if the clock was right before
    found = install.finding("clock")
    assert not found.ok
    assert f"{install.places.ledger} is of " in found.text
    assert "set the clock" in found.text
    install.places.ledger.unlink()
    assert install.finding("clock").ok
    assert not install.finding("clock", now=lambda: 0.0).ok  # a board without a battery, before this version


@linux
def test_a_full_disk(install):
    out = install.output
    fill = f"mount -t tmpfs -o size=1M none '{out}'; head -c 2000000 /dev/zero > '{out}/fill' 2> /dev/null"
    found = install.command(*namespaces(fill))["output"]
    assert not found["ok"]
    assert found["text"] == f"{install.output}: only 0 MB are free: make some space"


@linux
def test_a_lock_held_by_a_stranger(install):
    install.places.state.mkdir()
    install.places.lock.touch()
    hold = f"import fcntl; f = open('{install.places.lock}'); fcntl.flock(f, 2); print('held', flush=True)"
    hold = f"{hold}; input()"
    with subprocess.Popen(
        [sys.executable, "-c", hold], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as stranger:
        assert stranger.stdout.readline() == "held\n"
        found = install.finding("daemon")
        stranger.stdin.close()
    assert not found.ok
    assert f"process {stranger.pid} (" in found.text
    assert "end that process, then start facewatch" in found.text
    assert install.finding("daemon").text == "is not running"


def test_a_file_that_names_a_process_which_is_no_daemon(install):
    install.places.state.mkdir()
    about = {"pid": os.getpid(), "created": psutil.Process().create_time()}
    install.places.pid.write_text(json.dumps(about), "utf-8")
    found = install.finding("daemon")
    assert not found.ok
    assert found.text.endswith("remove that file")
    install.places.pid.write_text(json.dumps({**about, "created": 1.0}), "utf-8")
    assert install.finding("daemon").level == "note"  # a daemon that was killed


def test_an_output_in_the_input_is_noted(install):
    inside = install.inbox / "restored"
    install.configure(folders=[{"input": str(install.inbox), "output": str(inside)}])
    found = install.finding("output in input")
    assert found.level == "note"
    assert f"{inside} lies in the watched {install.inbox}" in found.text
    assert "choose an output beside the input" in found.text


@linux
def test_no_tray_backend(install):
    shown = replace(HEADLESS, named=True, display=True)
    found = install.finding("tray", desktop=lambda: shown)
    assert not found.ok
    assert "install gir1.2-ayatanaappindicator3-0.1" in found.text
    no_panel = replace(shown, libraries=("appindicator", "gtk"))
    found = install.finding("tray", desktop=lambda: no_panel)
    assert not found.ok
    assert "AppIndicator extension" in found.text
    assert install.finding("tray").level == "note"  # a machine without a desktop
    assert install.finding("tray", desktop=lambda: replace(no_panel, watcher=True)).level == "ok"


@linux
@pytest.mark.skipif(CUDA is None, reason="this torch is built without CUDA")
def test_a_cuda_build_without_a_driver(install, tmp_path):
    card = {"cards": lambda: ("NVIDIA",), "dev": tmp_path}
    (tmp_path / "nvidiactl").touch()
    old = install.finding("cuda", **card)
    assert (old.level, "install a newer driver" in old.text) == ("fix", True)
    (tmp_path / "nvidiactl").unlink()
    found = install.finding("cuda", **card)
    assert not found.ok
    assert f"torch is built for CUDA {CUDA} and there is an NVIDIA card, but no driver" in found.text
    assert "install the card's driver" in found.text
    assert install.finding("cuda", cards=tuple).level == "note"  # no card: slow, but sound
    assert install.finding("cuda", probe=lambda _: Ready("cuda", "bfloat16"), **card).level == "ok"


def test_a_card_that_this_torch_is_not_built_for(install, monkeypatch):
    monkeypatch.setattr("facewatch.cli.doctor.computing.torch_build", TorchBuild)
    found = install.finding("graphics", cards=lambda: ("NVIDIA",))
    assert (found.level, "this torch lacks CUDA" in found.text) == ("note", True)


def test_a_card_that_this_torch_has_no_code_for(install):
    too_old = Ready(
        "cpu", "float32", passed_over="The card Some Card is not among those: install another torch."
    )
    assert install.finding("cuda", probe=lambda _: too_old).level == "fix"
    assert "install another torch" in install.finding("cuda", probe=lambda _: too_old).text
    beside = replace(too_old, device="cuda:1")
    assert install.finding("cuda", probe=lambda _: beside).level == "note"


def test_where_onnx_files_are_computed(install):
    ready = Ready("cpu", "float32")
    what = lambda found: found.what == "onnx"  # noqa: E731
    assert not any(
        map(what, examine(install.places, machine=replace(install.machine, probe=lambda _: ready)))
    )
    here = install.finding("onnx", probe=lambda _: replace(ready, onnx="directml"))
    assert (here.level, here.text) == ("ok", "directml, for models that are ONNX files")
    wrong = replace(ready, onnx_problem="The installed onnxruntime cannot compute on cuda")
    assert install.finding("onnx", probe=lambda _: wrong).level == "note"
    install.configure(model="gpen-1024-onnx")
    assert install.finding("onnx", probe=lambda _: wrong).level == "fix"
    missing = install.finding("onnx", probe=lambda _: ready)
    assert (missing.level, "gpen-1024-onnx: onnxruntime is missing: pip" in missing.text) == ("fix", True)


def test_a_desktop_that_does_not_tell_if_it_is_used_is_named(install):
    install.configure(engine={"when": "idle 10"})
    told = install.finding("times", unused_for=lambda: None)
    assert (told.level, "photos are restored at any time" in told.text) == ("note", True)
    assert install.finding("times", unused_for=lambda: 5.0).level == "ok"
    install.configure(engine={"when": "mains"}, work_until=datetime(9999, 1, 2))  # noqa: DTZ001 - as in the file
    assert "until 9999-01-02 00:00, whatever engine.when says (mains)" in install.finding("times").text
