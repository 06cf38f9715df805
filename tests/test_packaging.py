"""The templates, the app's module list and the build script of packaging/."""

from __future__ import annotations

import ast
import importlib
import os
import plistlib
import re
import runpy
import shutil
import subprocess
import sys
import types
from pathlib import Path
from types import SimpleNamespace

import pytest

from facewatch.cli.main import COMMANDS
from facewatch.system.autostart import macos, systemd
from tests.conftest import ROOT

PACKAGING = ROOT / "packaging"
PORTRAIT = ROOT / "facewatch" / "cli" / "demo" / "eileen-collins.jpg"
BLOCK = """
import sys
for name in {names!r}:
    sys.modules[name] = None  # its import now fails, as in the app
"""
IMPORTS = """
from facewatch.cli.main import main
from facewatch.engine import main as engine, restorer
from facewatch.restoration import build, pipeline
from facewatch.restoration.detection import retinaface
from facewatch.restoration.masks import parsing
from facewatch.restoration.networks import loader, upscaler
"""


def test_the_templates_equal_what_autostart_writes():
    unit = (PACKAGING / "linux" / "facewatch.service").read_text("utf-8")
    assert unit == systemd.text(["/usr/bin/facewatch", "run"])
    agent = plistlib.loads((PACKAGING / "macos" / f"{macos.LABEL}.plist").read_bytes())
    assert agent == macos.content(["/Applications/Facewatch.app/Contents/MacOS/facewatch", "run"])


def test_the_desktop_file_is_valid():
    validate = shutil.which("desktop-file-validate")
    if validate is None:
        pytest.skip("desktop-file-validate is not installed")
    file = PACKAGING / "linux" / "facewatch.desktop"
    run = subprocess.run([validate, str(file)], capture_output=True, text=True, check=False)
    assert (run.returncode, run.stdout) == (0, "")


def test_the_man_page_says_what_the_help_says():
    page = runpy.run_path(str(PACKAGING / "man.py"))["page"]()
    committed = (PACKAGING / "linux" / "facewatch.1").read_text("utf-8")
    assert committed == page, "write it: python packaging/man.py"


def test_the_man_page_is_valid():
    groff = shutil.which("groff")
    if groff is None:
        pytest.skip("groff is not installed")
    file = PACKAGING / "linux" / "facewatch.1"
    run = subprocess.run(
        [groff, "-man", "-Tutf8", "-P-cbou", "-ww", str(file)],
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert (run.returncode, run.stderr) == (0, "")
    assert "facewatch models pull" in run.stdout


def test_zsh_takes_the_packages_completion():
    source = {**os.environ, "_FACEWATCH_COMPLETE": "source_zsh"}
    script = subprocess.run(
        [sys.executable, "-m", "facewatch"], env=source, capture_output=True, text=True, check=True
    )
    text = runpy.run_path(str(PACKAGING / "deb.py"))["completion_file"]("zsh", script.stdout)
    assert text.startswith("#compdef facewatch\n")
    assert "_facewatch_completion() {" in text
    assert text.endswith('&& _facewatch_completion "$@"\n')


TORCH = [
    "torch/bin/protoc",
    "torch/bin/torch_shm_manager",
    "torch/lib/libtorch_cpu.so",
    "torch/test/test_jit",
]


@pytest.fixture
def spec_calls(monkeypatch):
    """Return a function that runs the spec for a platform, and returns what PyInstaller is asked for."""
    hooks = types.ModuleType("PyInstaller.utils.hooks")
    for name in ("collect_data_files", "collect_dynamic_libs", "collect_submodules", "copy_metadata"):
        setattr(hooks, name, lambda *_, **__: [])
    for module in (types.ModuleType("PyInstaller"), types.ModuleType("PyInstaller.utils"), hooks):
        monkeypatch.setitem(sys.modules, module.__name__, module)
    calls = []

    def noted(kind):
        def note(*parts, **named):
            calls.append((kind, parts, named))
            binaries = [(name, f"/site-packages/{name}", "BINARY") for name in TORCH]
            return SimpleNamespace(pure=[], scripts=[], datas=[], binaries=binaries)

        return note

    def run(platform):
        importlib.import_module("facewatch.cli.doctor.doctor")  # with this system's modules, before the spec
        monkeypatch.setattr(sys, "platform", platform)
        kinds = {kind: noted(kind) for kind in ("Analysis", "PYZ", "EXE", "COLLECT", "BUNDLE")}
        runpy.run_path(str(PACKAGING / "facewatch.spec"), {"SPECPATH": str(PACKAGING), **kinds})
        return calls

    return run


def test_torchs_own_tests_and_tools_are_left_out_and_what_it_looks_for_is_not(spec_calls):
    ((_, parts, _),) = [call for call in spec_calls("linux") if call[0] == "COLLECT"]
    collected = [name for part in parts if isinstance(part, list) for name, _, _ in part]
    assert collected == ["torch/bin/torch_shm_manager", "torch/lib/libtorch_cpu.so"]


def test_windows_gets_a_program_without_a_console_too(spec_calls):
    programs = {named["name"]: named["console"] for kind, _, named in spec_calls("win32") if kind == "EXE"}
    assert programs == {"facewatch": True, "facewatchw": False}


def test_the_app_of_macos_is_signed_as_the_developer_who_is_named(spec_calls, monkeypatch):
    monkeypatch.setenv("FACEWATCH_SIGN_AS", "Developer ID Application: A")
    (program,) = [named for kind, _, named in spec_calls("darwin") if kind == "EXE"]
    assert program["codesign_identity"] == "Developer ID Application: A"
    rights = plistlib.loads(Path(program["entitlements_file"]).read_bytes())
    assert rights
    assert all(value is True for value in rights.values())


def test_the_app_of_macos_may_show_an_icon_and_has_its_version(spec_calls):
    bundle = next(named for kind, _, named in spec_calls("darwin") if kind == "BUNDLE")
    assert bundle["info_plist"]["LSBackgroundOnly"] is False
    assert re.fullmatch(r"\d+\.\d+\.\d+", bundle["version"])
    assert bundle["info_plist"]["CFBundleVersion"] == bundle["version"]
    assert Path(bundle["icon"]).is_file()


def test_the_app_of_macos_asks_for_the_system_that_its_torch_needs(spec_calls, monkeypatch):
    wheels = {"torch": "Tag: cp311-cp311-macosx_14_0_arm64", "numpy": "Tag: cp311-cp311-macosx_11_0_arm64"}
    monkeypatch.setattr(
        "importlib.metadata.distribution",
        lambda name: SimpleNamespace(read_text=lambda _: wheels.get(name, "Tag: py3-none-any")),
    )
    bundle = next(named for kind, _, named in spec_calls("darwin") if kind == "BUNDLE")
    assert bundle["info_plist"]["LSMinimumSystemVersion"] == "14.0"


def test_the_app_of_macos_has_no_dock_icon_and_says_why_it_reads_folders():
    content = plistlib.loads((PACKAGING / "macos" / "Info.plist").read_bytes())
    assert content["LSUIElement"] is True
    folders = ("Desktop", "Documents", "Downloads")
    keys = [f"NS{folder}FolderUsageDescription" for folder in folders]
    keys += ["NSRemovableVolumesUsageDescription", "NSNetworkVolumesUsageDescription"]
    assert all("photos" in content[key] for key in keys)


def test_the_installer_of_windows_starts_commands_that_exist():
    text = (PACKAGING / "windows" / "facewatch.iss").read_text("utf-8")
    started = re.findall(r'Filename: "\{app\}\\(\w+)\.exe"; Parameters: "(\w+)', text)
    assert {program for program, _ in started} == {"facewatch", "facewatchw"}
    assert {command for _, command in started} <= set(COMMANDS)
    assert "PrivilegesRequired=lowest" in text
    assert "CloseApplications=force" in text  # a program without a window cannot be asked
    removal = text.partition("[UninstallRun]")[2]
    assert (
        0 < removal.index('Parameters: "uninstall"') < removal.index("/IM facewatch.exe /IM facewatchw.exe")
    )


def _spec_list(name):
    """Return a literal list that is assigned in the spec."""
    spec = ast.parse((PACKAGING / "facewatch.spec").read_text("utf-8"))
    for statement in spec.body:
        if isinstance(statement, ast.Assign) and ast.unparse(statement.targets[0]) == name:
            return ast.literal_eval(statement.value)
    raise AssertionError(f"the spec has no list {name}")


@pytest.fixture
def app_environment(tmp_path):
    """Return an environment in which Python finds no module that the app leaves out."""
    blocked = tmp_path / "blocked"
    blocked.mkdir()
    (blocked / "sitecustomize.py").write_text(BLOCK.format(names=_spec_list("NEVER_USED")), "utf-8")
    path = os.pathsep.join([str(blocked), str(ROOT)])
    return {**os.environ, "PYTHONPATH": path, "FACEWATCH_HOME": str(tmp_path / "home")}


@pytest.mark.parametrize(
    "arguments",
    [
        ("-c", IMPORTS),
        ("-m", "facewatch", "restore", "--model", "builtin", "--output", "restored", str(PORTRAIT)),
    ],
    ids=["loading", "restoring"],
)
def test_no_module_that_the_app_leaves_out_is_needed(app_environment, tmp_path, arguments):
    run = subprocess.run(
        [sys.executable, *arguments],
        cwd=tmp_path, env=app_environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    assert "-c" in arguments or (tmp_path / "restored" / PORTRAIT.name).is_file()


def test_the_build_does_not_start_without_enough_disk_space(tmp_path, monkeypatch):
    build = runpy.run_path(str(PACKAGING / "build.py"))["build"]
    monkeypatch.setitem(build.__globals__, "NEEDED_BYTES", 1 << 62)
    monkeypatch.setattr("importlib.util.find_spec", lambda _: True)
    with pytest.raises(SystemExit, match="GB free, and the build needs"):
        build(tmp_path / "app")


def test_the_build_on_wine_starts_no_process(tmp_path, monkeypatch):
    build = runpy.run_path(str(PACKAGING / "build.py"))["build"]
    module = types.ModuleType("PyInstaller.__main__")
    module.run = lambda arguments: calls.append((arguments[-1], sys._pyi_isolated_subprocess))
    calls = []
    for name, stand_in in {"PyInstaller": types.ModuleType("PyInstaller"), module.__name__: module}.items():
        monkeypatch.setitem(sys.modules, name, stand_in)
    monkeypatch.setattr("importlib.util.find_spec", lambda _: True)
    monkeypatch.setattr(sys, "_pyi_isolated_subprocess", False, raising=False)
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: pytest.fail("a process is started"))
    monkeypatch.setitem(build.__globals__, "_is_wine", lambda: True)
    monkeypatch.setitem(build.__globals__, "NEEDED_BYTES", 0)
    build(tmp_path)
    assert calls == [(str(PACKAGING / "facewatch.spec"), True)]


@pytest.mark.skipif(sys.platform == "win32", reason="the stand-in for the program is a shell script")
def test_a_program_that_restores_nothing_fails_the_try_out(tmp_path):
    program = tmp_path / "facewatch"
    program.write_text("#!/bin/sh\n", "utf-8")
    program.chmod(0o755)
    try_out = runpy.run_path(str(PACKAGING / "build.py"))["try_out"]
    with pytest.raises(SystemExit, match="restored nothing into"):
        try_out(program)
