"""Entries in the file managers of each platform."""

from __future__ import annotations

import os
import plistlib
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from facewatch.errors import CannotWrite, WrongUse
from facewatch.system.autostart.quoting import parsed_desktop_exec
from facewatch.system.filemanager import TITLE, linux
from facewatch.system.filemanager.macos import QuickAction, workflow
from facewatch.system.filemanager.windows import SHELLS, SendTo, Verb
from tests.recording_program import ODD_NAMES, program_at, recorded

shell = pytest.mark.skipif(sys.platform == "win32", reason="runs a shell's script")
PHOTOS = ["a b.jpg", "-dash.jpg", "$HOME `x` 'y'.jpg"]


class FakeRegistry:
    def __init__(self) -> None:
        self.values: dict[tuple[str, str], str] = {}

    def read(self, key, name, /):
        return self.values.get((key, name))

    def write(self, key, name, text, /):
        self.values[key, name] = text

    def remove_key(self, key, /):
        self.values = {place: text for place, text in self.values.items() if place[0] != key}


@pytest.fixture(autouse=True)
def data_home(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("APPDATA", str(tmp_path / "data"))
    return tmp_path / "data"


ENTRIES = {
    "nautilus": lambda command, _: linux.nautilus(command),
    "dolphin": lambda command, _: linux.dolphin(command),
    "macos": QuickAction,
    "verb": lambda command, _: Verb(command, REGISTRY),
    "send to": lambda command, _: SendTo.standard(command, lambda file, _: file.touch()),
}
REGISTRY = FakeRegistry()


@pytest.mark.parametrize("kind", ENTRIES)
def test_an_entry_is_switched_on_and_off_again_and_again(kind, tmp_path):
    entry = ENTRIES[kind](["/opt/face watch/facewatch", "restore"], tmp_path / "services")
    assert not entry.is_on()
    for _ in range(2):
        entry.enable()
        assert entry.is_on()
    for _ in range(2):
        entry.disable()
        assert not entry.is_on()
    assert REGISTRY.values == {}
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


@pytest.mark.parametrize("kind", ENTRIES)
def test_a_path_that_no_entry_can_hold_is_refused(kind, tmp_path):
    with pytest.raises(WrongUse):
        ENTRIES[kind](["/opt/face\nwatch", "restore"], tmp_path).enable()
    assert REGISTRY.values == {}


@shell
@pytest.mark.parametrize("name", ODD_NAMES)
def test_the_script_of_nautilus_starts_the_program_with_the_names(tmp_path, name):
    program = program_at(tmp_path / name)
    entry = linux.nautilus([str(program), "restore"])
    entry.enable()
    assert (entry.file.name, os.access(entry.file, os.X_OK)) == (TITLE, True)
    environment = {**os.environ, "RECORD": str(tmp_path / "record")}
    subprocess.run([str(entry.file), *PHOTOS], env=environment, check=True)
    assert recorded(tmp_path / "record") == [str(program), "restore", "--", *PHOTOS]


@pytest.mark.parametrize("name", ODD_NAMES)
def test_the_service_menu_of_dolphin_has_an_action_for_photos(name):
    command = [f"/opt/{name}/facewatch", "restore"]
    entry = linux.dolphin(command)
    entry.enable()
    lines = entry.file.read_text("utf-8").splitlines()
    assert "[Desktop Action restore]" in lines
    assert any(line.startswith("MimeType=") and "image/jpeg;" in line for line in lines)
    (value,) = [line.partition("=")[2] for line in lines if line.startswith("Exec=")]
    assert value.endswith(" %F")
    parsed = parsed_desktop_exec(value.removesuffix(" %F"))
    assert parsed[-2:] == command


@shell
@pytest.mark.parametrize("name", ODD_NAMES)
def test_the_service_menu_of_dolphin_is_a_valid_entry_but_for_kdes_own_type(tmp_path, name):
    validate = shutil.which("desktop-file-validate")
    if validate is None:
        pytest.skip("desktop-file-validate is not installed")
    entry = linux.dolphin([f"/opt/{name}/facewatch", "restore"])
    entry.enable()
    text = entry.file.read_text("utf-8")
    assert text.startswith("[Desktop Entry]\nType=Service\n")  # the validator knows no services
    file = tmp_path / "facewatch.desktop"
    file.write_text(text.replace("Type=Service", "Type=Application\nName=Facewatch\nExec=true"), "utf-8")
    run = subprocess.run([validate, str(file)], capture_output=True, text=True, check=False)
    assert (run.returncode, run.stdout) == (0, "")


@shell
@pytest.mark.parametrize("name", ODD_NAMES)
def test_the_quick_action_of_finder_starts_the_program_with_the_names(tmp_path, name):
    program = program_at(tmp_path / name)
    action = QuickAction([str(program), "restore"], tmp_path / "Services")
    action.enable()
    contents = action.folder / "Contents"
    (service,) = plistlib.loads((contents / "Info.plist").read_bytes())["NSServices"]
    assert service["NSMenuItem"] == {"default": TITLE}
    assert "public.image" in service["NSSendFileTypes"]
    document = plistlib.loads((contents / "document.wflow").read_bytes())
    assert document == workflow([str(program), "restore"])
    script = document["actions"][0]["action"]["ActionParameters"]["COMMAND_STRING"]
    environment = {**os.environ, "RECORD": str(tmp_path / "record")}
    subprocess.run(["/bin/sh", "-c", script, "sh", *PHOTOS], env=environment, check=True)
    assert recorded(tmp_path / "record") == [str(program), "restore", "--", *PHOTOS]


def test_the_verb_of_windows_is_for_pictures_and_folders_and_names_the_photo_last():
    registry = FakeRegistry()
    verb = Verb([r"C:\face watch\facewatch.exe", "restore"], registry)
    verb.enable()
    for key in SHELLS:
        assert registry.read(rf"{key}\Facewatch", "") == TITLE
        line = registry.read(rf"{key}\Facewatch\command", "")
        assert line == r'"C:\face watch\facewatch.exe" restore "%1"'


@pytest.mark.skipif(sys.platform != "win32", reason="shortcuts are Windows'")
def test_send_to_is_a_shortcut_which_takes_any_names_and_many():
    from facewatch.system.filemanager.shortcut import write_shortcut

    program = str(Path(sys.executable).with_name("100% facewatch & co.exe"))
    entry = SendTo.standard([program, "restore", "a b"], write_shortcut)
    entry.enable()
    written = entry.file.read_bytes()
    assert written.startswith(b"L\0\0\0\x01\x14\x02\0")  # MS-SHLLINK 2.1
    assert 'restore "a b"'.encode("utf-16-le") in written
    assert Path(program).name.encode("utf-16-le") in written
    with pytest.raises(CannotWrite):
        SendTo([program], entry.file / "x.lnk", write_shortcut).enable()
