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

DOORS = {  # third party -> the only rooms that may import it
    "torch": {"faces.device", "faces.detector", "faces.network", "faces.background", "faces.masks",
              "faces.weights", "faces.failures", "faces.fast", "faces.precision", "faces.lean",
              "faces.blank", "bench"},
    "torchvision": {"faces.lean", "bench"},
    "spandrel": {"faces.network", "faces.background", "bench"},
    "spandrel_extra_arches": {"faces.network", "bench"},
    "facexlib": {"faces.detector", "faces.masks", "faces.fast", "bench"},
    "gfpgan": {"bench"},
    "basicsr": {"bench"},
    "PIL": {"faces.photo", "faces.compare", "tray", "bench"},
    "pillow_heif": {"faces.photo"},
    "watchdog": {"watcher"},
    "pystray": {"tray"},
    "sqlite3": {"ledger"},
    "tomlkit": {"store", "cli"},
    "tomllib": {"store"},
    "tomli": {"store"},
    "httpx": {"checkpoints"},
    "safetensors": {"faces.weights"},
    "platformdirs": {"files"},
    "pydantic": {"settings"},
    "typer": {"cli"},
    "rich": {"cli"},
    "filelock": {"lock", "checkpoints", "tray.process"},
    "psutil": {"lock", "mounts", "bench"},
}  # fmt: skip
CORE_MAY_USE = {"errors", "catalogue"}
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


@pytest.mark.parametrize("module", sorted(name for name in FILES if name.startswith("faces")))
def test_the_core_knows_no_shell(module):
    ours = {
        name.removeprefix("facewatch.") for name in imports(FILES[module]) if name.startswith("facewatch.")
    }
    assert all(name.startswith("faces") or name.split(".")[0] in CORE_MAY_USE for name in ours), ours
    assert not imports(FILES[module]) & {"threading", "logging"}


@pytest.mark.parametrize(
    ("room", "others"),
    [("watcher", {"worker", "tray"}), ("worker", {"watcher", "tray"}), ("tray", {"watcher", "worker"})],
)
def test_tray_watcher_and_worker_do_not_know_each_other(room, others):
    for module in (name for name in FILES if in_room(name, {room})):
        for name in imports(FILES[module]):
            assert not in_room(name.removeprefix("facewatch."), others), f"{module} imports {name}"


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


@pytest.mark.parametrize("module", sorted(FILES))
def test_no_file_and_no_function_outgrows_the_plan(module):
    text = FILES[module].read_text("utf-8")
    assert text.count("\n") <= 300
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef):
            assert node.end_lineno - node.lineno < 50, f"{node.name} in {module}"


def test_help_loads_nothing_heavy():
    code = "import sys, facewatch.cli\nprint(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert HEAVY.isdisjoint(run.stdout.split())


def test_the_daemon_loads_neither_torch_nor_pystray():
    code = "import sys, facewatch.daemon\nprint(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert {"torch", "pystray", "numpy", "cv2", "PIL"}.isdisjoint(run.stdout.split())
