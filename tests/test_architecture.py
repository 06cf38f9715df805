"""The house plan, read from the source itself."""

from __future__ import annotations

import ast
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from tests.conftest import ROOT

PACKAGE = ROOT / "facewatch"

DOORS = {  # third party -> the only modules that may import it
    "torch": {"restoration.detection.retinaface", "restoration.masks.parsing", "restoration.networks",
              "cli.bench.machine"},
    "torchvision": {"restoration.networks.torch_imports"},
    "spandrel": {"restoration.networks.loader", "restoration.networks.restoreformer_plus",
                 "restoration.networks.upscaler"},
    "spandrel_extra_arches": {"restoration.networks.loader"},
    "onnxruntime": {"restoration.networks.onnx_network"},
    "facexlib": {"restoration.detection.retinaface", "restoration.masks.parsing",
                 "restoration.networks.fast"},
    "gfpgan": set(),
    "basicsr": set(),
    "PIL": {"restoration.codecs", "restoration.comparison", "tray"},
    "pillow_heif": {"restoration.codecs"},
    "watchdog": {"watcher"},
    "pystray": {"tray"},
    "sqlite3": {"state.ledger"},
    "starlette": {"gallery"},
    "uvicorn": {"gallery"},
    "jinja2": {"gallery", "archive.report"},
    "send2trash": {"system.trash"},
    "tomlkit": {"settings.store", "cli"},
    "tomllib": {"settings.store", "settings.toml_hints"},
    "tomli": {"settings.store", "settings.toml_hints"},
    "httpx": {"models"},
    "safetensors": {"restoration.networks.state_dict"},
    "platformdirs": {"system.paths"},
    "pydantic": {"settings"},
    "ray": {"archive.cluster"},
    "pyarrow": {"archive.manifest"},
    "fsspec": {"archive.remote_store"},
    "paramiko": {"archive.sftp"},
    "c2pa": {"restoration.codecs.credentials"},
    "cryptography": {"restoration.codecs.credentials"},
    "typer": {"cli"},
    "rich": {"cli"},
    "filelock": {"system.locks"},
    "jeepney": {"system.bus"},
    "Xlib": {"system.full_screen", "system.x11", "tray"},
    "psutil": {"state.instance", "system.mounts", "system.power", "system.processes", "cli.bench"},
}  # fmt: skip
BASE = {"errors", "restoration", "system"}
ROOMS = {  # room -> the rooms that it may import
    "errors": set(),
    "restoration": {"errors"},
    "system": {"errors"},
    "models": BASE,
    "settings": BASE | {"models"},
    "state": BASE | {"models", "settings"},
    "watcher": BASE | {"models", "settings"},
    "engine": BASE | {"models", "settings", "state"},
    "tray": BASE | {"models", "settings", "state"},
    "gallery": BASE | {"models", "settings", "state"},
    "worker": BASE | {"models", "settings", "state", "engine"},
    "daemon": BASE | {"models", "settings", "state", "engine", "tray", "watcher", "worker"},
    "archive": BASE | {"models", "settings", "state", "engine", "gallery", "worker"},
    "cli": BASE
    | {"models", "settings", "state", "engine", "tray", "watcher", "gallery", "worker", "daemon", "archive"},
}
HEAVY = {"torch", "numpy", "cv2", "PIL", "watchdog", "pystray", "spandrel", "facexlib", "httpx", "pydantic"}


def imports(path: Path, *, at_import: bool = False) -> set[str]:
    """The modules a file imports; `at_import`: only those it imports while it is being imported itself."""
    tree = ast.parse(path.read_text("utf-8"))
    nodes = list(ast.walk(tree))
    if at_import:
        late = {
            inner
            for node in nodes
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) or _for_types_only(node)
            for inner in ast.walk(node)
        }
        nodes = [node for node in nodes if node not in late]
    found = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def _for_types_only(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__")


def room_of(name: str) -> str:
    """The module that `import name` or `from ... import` of it loads."""
    return name if name in FILES else name.rpartition(".")[0]


FILES = {name_of(path): path for path in PACKAGE.rglob("*.py")}


def in_room(module: str, rooms: set[str]) -> bool:
    return any(module == room or module.startswith(room + ".") for room in rooms)


@pytest.mark.parametrize("module", sorted(FILES))
def test_each_library_has_its_doors(module):
    for library in {name.split(".")[0] for name in imports(FILES[module])} & DOORS.keys():
        assert in_room(module, DOORS[library]), f"{module} imports {library}"


@pytest.mark.parametrize("module", sorted(name for name in FILES if in_room(name, set(ROOMS))))
def test_a_room_imports_only_the_rooms_below_it(module):
    room = module.split(".")[0]
    for name in imports(FILES[module]):
        if name.startswith("facewatch."):
            other = name.split(".")[1]
            assert other == "__version__" or other in ROOMS[room] | {room}, f"{module} imports {name}"


def test_the_house_has_fourteen_rooms():
    entries = {path.name.removesuffix(".py") for path in PACKAGE.iterdir() if path.name != "__pycache__"}
    assert entries == {*ROOMS, "__init__", "__main__", "py.typed"}


@pytest.mark.parametrize("module", sorted(name for name in FILES if in_room(name, {"restoration"})))
def test_the_core_knows_neither_threads_nor_logs(module):
    assert not imports(FILES[module]) & {"threading", "logging"}


def test_imports_run_in_no_circle():
    graph: dict[str, set[str]] = {}
    for module, path in FILES.items():
        ours = {
            name.removeprefix("facewatch.")
            for name in imports(path, at_import=True)
            if name.startswith("facewatch.")
        }
        graph[module] = {room for name in ours if (room := room_of(name)) != module}
    TopologicalSorter(graph).prepare()  # raises CycleError, which names the circle


def test_the_gallery_decodes_no_picture_and_loads_no_network_library():
    code = "import sys, facewatch.gallery.main\nprint(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert {"torch", "numpy", "cv2", "PIL", "httpx", "pystray"}.isdisjoint(run.stdout.split())


@pytest.mark.parametrize("module", sorted(FILES))
def test_no_file_and_no_function_outgrows_the_plan(module):
    text = FILES[module].read_text("utf-8")
    assert text.count("\n") <= 300
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef):
            assert node.end_lineno - node.lineno < 50, f"{node.name} in {module}"


def test_help_loads_nothing_heavy():
    code = "import sys, facewatch.cli.main\nprint(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert HEAVY.isdisjoint(run.stdout.split())


def test_the_daemon_loads_neither_torch_nor_pystray():
    code = "import sys, facewatch.daemon.daemon\nprint(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert {"torch", "pystray", "numpy", "cv2", "PIL"}.isdisjoint(run.stdout.split())
