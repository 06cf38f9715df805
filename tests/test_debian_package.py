"""The Debian package: what it holds, and a real installation where one is asked for.

    FACEWATCH_BUILT_APP=FOLDER/dist/facewatch python -m pytest tests/test_debian_package.py

installs, starts and removes a package of that app on this machine. It needs root, and the app that
`packaging/build.py FOLDER` builds.
"""

from __future__ import annotations

import json
import os
import pwd
import runpy
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.portrait import portrait_bytes

BUILT = os.environ.get("FACEWATCH_BUILT_APP")
USER = "facewatch-tester"
pytestmark = pytest.mark.skipif(shutil.which("dpkg-deb") is None, reason="dpkg-deb is not installed")


def make(app: Path, package: Path) -> Path:
    runpy.run_path(str(ROOT / "packaging" / "deb.py"))["make"](app, package)
    return package


@pytest.fixture
def stand_in(tmp_path):
    app = tmp_path / "dist" / "facewatch"
    (app / "_internal").mkdir(parents=True)
    (app / "_internal" / "library.so").write_bytes(b"x" * 5000)
    (app / "_internal" / "link.so").symlink_to("library.so")
    program = app / "facewatch"
    program.write_text("#!/bin/sh\necho completion of $_FACEWATCH_COMPLETE\n", "utf-8")
    program.chmod(0o755)
    return app


def test_the_package_holds_the_app_and_what_a_desktop_shows(stand_in, tmp_path):
    package = make(stand_in, tmp_path / "facewatch.deb")
    inside = tmp_path / "inside"
    subprocess.run(["dpkg-deb", "-R", str(package), str(inside)], check=True)
    assert str((inside / "usr/bin/facewatch").readlink()) == "/opt/facewatch/facewatch"
    assert os.access(inside / "opt/facewatch/facewatch", os.X_OK)
    assert str((inside / "opt/facewatch/_internal/link.so").readlink()) == "library.so"
    assert (inside / "usr/share/applications/facewatch.desktop").is_file()
    assert (inside / "usr/share/icons/hicolor/scalable/apps/facewatch.svg").is_file()
    for shell, place in (
        ("bash", "bash-completion/completions/facewatch"),
        ("zsh", "zsh/vendor-completions/_facewatch"),
    ):
        completion = (inside / "usr/share" / place).read_text("utf-8")
        assert completion.startswith(f"completion of source_{shell}\n")
    fields = subprocess.run(
        ["dpkg-deb", "-f", str(package)], capture_output=True, text=True, check=True
    ).stdout
    assert "Package: facewatch\n" in fields
    assert "~dev" in fields or "dev" not in fields.split("Version:")[1].split("\n")[0]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["dist", "facewatch.deb", "inside"]
    assert [path.name for path in (tmp_path / "dist").iterdir()] == ["facewatch"]


def test_a_folder_without_a_program_makes_no_package(tmp_path):
    with pytest.raises(SystemExit, match=r"holds no program: python packaging/build\.py"):
        make(tmp_path, tmp_path / "a.deb")


@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("prerm", ["upgrade", "0.2.0"]),
        ("postinst", ["configure", ""]),
        ("postinst", ["configure", "0.1.0"]),
        ("postinst", ["abort-upgrade"]),
    ],
)
def test_the_scripts_are_sound_and_leave_a_machine_without_the_app_alone(name, call):
    script = str(ROOT / "packaging" / "linux" / name)
    assert subprocess.run(["sh", "-n", script], check=False).returncode == 0
    run = subprocess.run(["sh", script, *call], capture_output=True, check=False)
    assert (run.returncode, run.stdout, run.stderr) == (0, b"", b"")


@pytest.fixture
def user():
    """Make a user of this machine for a while."""
    subprocess.run(["useradd", "--create-home", "--shell", "/bin/sh", USER], check=True)
    yield pwd.getpwnam(USER)
    subprocess.run(["userdel", "--remove", USER], capture_output=True, check=True)


def as_user() -> list[str]:
    home = pwd.getpwnam(USER).pw_dir
    return ["runuser", "-u", USER, "--", "env", "-i", f"HOME={home}", "PATH=/usr/bin:/bin"]


def run_as_user(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*as_user(), *command],
        capture_output=True, text=True, check=False, timeout=280, cwd="/",
    )  # fmt: skip


def wait_for(file: Path, seconds: float = 240) -> None:
    """Wait until the daemon has made a file, on a machine that may be busy."""
    deadline = time.monotonic() + seconds
    while not file.is_file():
        assert time.monotonic() < deadline, f"{file} was not made within {seconds:g} s"
        time.sleep(0.2)


def drop(photo: Path) -> None:
    photo.write_bytes(portrait_bytes())
    shutil.chown(photo, USER)


def daemon_pid(home: Path) -> int:
    return int(json.loads((home / ".local/state/facewatch/daemon.json").read_text("utf-8"))["pid"])


@pytest.mark.skipif(not BUILT, reason="FACEWATCH_BUILT_APP names no built app")
@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="only root installs packages")
@pytest.mark.timeout(1500)
def test_a_package_is_installed_restores_photos_is_upgraded_and_goes_without_a_trace(tmp_path, user):
    package = make(Path(str(BUILT)), tmp_path / "facewatch.deb")
    install = ["dpkg", "--force-unsafe-io", "-i", str(package)]
    subprocess.run(install, check=True, capture_output=True)
    home = Path(user.pw_dir)
    inbox, restored = (home / "Pictures" / "Facewatch" / name for name in ("Inbox", "Restored"))
    try:
        shown = run_as_user("facewatch", "--version")
        assert (shown.returncode, shown.stdout.split()[0]) == (0, "facewatch"), shown.stderr
        assert run_as_user("facewatch", "config", "init", "--model", "builtin").returncode == 0
        assert run_as_user("facewatch", "set", "engine.priority", "normal").returncode == 0
        drop(inbox / "a.jpg")
        once = run_as_user("facewatch", "run", "--no-tray", "--once")
        assert once.returncode == 0, once.stderr
        assert (restored / "a.jpg").is_file()
        status = json.loads(run_as_user("facewatch", "status", "--json").stdout)
        assert status["counts"]["done"] == 1
        assert run_as_user("facewatch", "autostart", "on").returncode == 0
        entry = home / ".config" / "autostart" / "facewatch.desktop"
        assert "/opt/facewatch/facewatch" in entry.read_text("utf-8")
        daemon = subprocess.Popen(
            [*as_user(), "/usr/bin/facewatch", "run", "--no-tray"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/",
        )  # fmt: skip
        drop(inbox / "b.jpg")
        wait_for(restored / "b.jpg")
        pid = daemon_pid(home)
        subprocess.run(install, check=True, capture_output=True)  # an upgrade, while it runs
        drop(inbox / "c.jpg")
        wait_for(restored / "c.jpg")
        assert daemon_pid(home) == pid
        assert os.readlink(f"/proc/{pid}/exe") == "/opt/facewatch/facewatch"  # noqa: PTH115 - may be "(deleted)"
    finally:
        removed = subprocess.run(["dpkg", "-r", "facewatch"], capture_output=True, text=True, check=False)
    assert removed.returncode == 0, removed.stderr
    daemon.wait(30)
    assert not entry.exists()
    assert (restored / "a.jpg").is_file()
    assert not Path("/opt/facewatch").exists()
    assert not os.path.lexists("/usr/bin/facewatch")
