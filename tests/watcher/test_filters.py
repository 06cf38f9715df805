"""The rules for photos, applied to paths and by the scan."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from facewatch.settings.schema import parse
from facewatch.system.timeouts import TimedCalls
from facewatch.watcher import WatchedFolder, is_photo, root_of, watched_folders
from facewatch.watcher import scan as scan_module
from facewatch.watcher.filters import enters_folder
from facewatch.watcher.scan import walk

ROOT = Path("/photos").absolute()


@pytest.mark.parametrize("name", ["a.jpg", "A.JPEG", "x/y/b.heic", "Ünï/c d.TIF"])
def test_photos_are_offered(name):
    assert is_photo(WatchedFolder(ROOT), ROOT / name)


@pytest.mark.parametrize(
    "name",
    [
        "a.txt",
        "a.jpg/b.txt",
        ".a.jpg",
        "._a.jpg",
        "x/.hidden/a.jpg",
        "@eaDir/a.jpg",
        "a.jpg.part",
    ],
)
def test_other_files_and_ignored_names_are_not(name):
    assert not is_photo(WatchedFolder(ROOT), ROOT / name)


def test_a_sibling_with_a_similar_name_is_not_inside():
    assert not is_photo(WatchedFolder(ROOT), ROOT.with_name("photos2") / "a.jpg")
    assert not is_photo(WatchedFolder(ROOT), ROOT)


def test_only_the_folder_itself_counts_when_not_recursive():
    watch = WatchedFolder(ROOT, recursive=False)
    assert is_photo(watch, ROOT / "a.jpg")
    assert not is_photo(watch, ROOT / "x" / "a.jpg")


def test_patterns_select_photos():
    watch = WatchedFolder(ROOT, include=("*.jpg", "scans/**"), exclude=("private/", "*_small.*"))
    assert is_photo(watch, ROOT / "x" / "a.jpg")
    assert is_photo(watch, ROOT / "scans" / "a.tif")
    assert not is_photo(watch, ROOT / "a.tif")
    assert not is_photo(watch, ROOT / "private" / "x" / "a.jpg")
    assert not is_photo(watch, ROOT / "a_small.jpg")


def test_our_output_folder_is_left_out():
    watch = WatchedFolder(ROOT, outputs=(ROOT / "Restored",))
    assert not is_photo(watch, ROOT / "Restored" / "x" / "a.jpg")
    assert not enters_folder(watch, ROOT / "Restored")
    assert is_photo(watch, ROOT / "Restored too" / "a.jpg")


def test_an_output_folder_that_holds_the_watched_one_leaves_it_watched():
    assert is_photo(WatchedFolder(ROOT, outputs=(ROOT,)), ROOT / "a.jpg")
    assert is_photo(WatchedFolder(ROOT / "in", outputs=(ROOT,)), ROOT / "in" / "a.jpg")


def test_a_path_belongs_to_the_innermost_root():
    outer, inner = WatchedFolder(ROOT), WatchedFolder(ROOT / "raw")
    assert root_of([outer, inner], ROOT / "raw" / "x" / "a.jpg") == inner
    assert root_of([inner, outer], ROOT / "rawer" / "a.jpg") == outer
    assert root_of([outer, inner], Path("/elsewhere/a.jpg").absolute()) is None


def watches(*folders) -> tuple[WatchedFolder, ...]:
    entries = [{"input": str(root), "output": str(output)} for root, output in folders]
    return watched_folders(parse({"folders": entries}, "test"), TimedCalls())


@pytest.mark.skipif(sys.platform == "win32", reason="needs the right to make symlinks")
@pytest.mark.parametrize(
    ("root", "output"),
    [("data/in", "link/in/Restored"), ("link/in", "data/in/Restored"), ("data/in", "data/x/../in/Restored")],
)
def test_an_output_is_left_out_however_it_is_spelled(tmp_path, root, output):
    (tmp_path / "data" / "in" / "Restored").mkdir(parents=True)
    (tmp_path / "data" / "x").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "data")
    (watch,) = watches((tmp_path / root, tmp_path / output))
    assert not enters_folder(watch, tmp_path / root / "Restored")
    assert enters_folder(watch, tmp_path / root / "Other")


def test_the_output_of_another_folder_is_left_out_too(tmp_path):
    (tmp_path / "a").mkdir()
    first, _ = watches(
        (tmp_path / "a", tmp_path / "out"), (tmp_path / "b", tmp_path / "c" / ".." / "a" / "R")
    )
    assert not enters_folder(first, tmp_path / "a" / "R")


@pytest.fixture
def tree(tmp_path) -> Path:
    for name in (
        "a.jpg", "b.txt", ".c.jpg", "x/d.png", "x/y/e.JPG", "x/y/e.jpg.part", ".stversions/f.jpg", "noext",
        "Restored/g.jpg", "private/h.jpg", "raw/i.tif", "x.jpg/j.webp",
    ):  # fmt: skip
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    return tmp_path


@pytest.mark.parametrize("recursive", [True, False])
@pytest.mark.parametrize("exclude", [(), ("private/",), ("x/**/*.jpg",)])
def test_a_scan_offers_exactly_what_the_rules_offer(tree, recursive, exclude):
    watch = WatchedFolder(tree, recursive=recursive, exclude=exclude, outputs=(tree / "Restored",))
    found: list[Path] = []
    result = walk(watch, tree, found.append)
    files = [path for path in tree.rglob("*") if path.is_file()]
    assert sorted(found) == sorted(path for path in files if is_photo(watch, path))
    assert result.offered == len(found)
    assert found


def test_a_scan_skips_the_root_of_another_folder(tree):
    found: list[Path] = []
    walk(WatchedFolder(tree), tree, found.append, others={str(tree / "x"), str(tree)})
    assert tree / "a.jpg" in found
    assert tree / "x" / "d.png" not in found


@pytest.mark.skipif(sys.platform == "win32", reason="needs the right to make symlinks")
def test_symlinked_folders_are_not_followed(tree):
    (tree / "loop").symlink_to(tree, target_is_directory=True)
    found: list[Path] = []
    walk(WatchedFolder(tree), tree, found.append)
    assert len(found) == len(set(found))
    assert not any("loop" in path.parts for path in found)


class Entry:
    """A folder entry on Windows."""

    def __init__(self, path: str, tag: int) -> None:
        self.path, self.name, self._tag = path, Path(path).name, tag

    def is_symlink(self) -> bool:
        return False

    def is_dir(self, *, follow_symlinks: bool = True) -> bool:
        return True

    def stat(self, *, follow_symlinks: bool = True) -> SimpleNamespace:
        return SimpleNamespace(st_reparse_tag=self._tag)


def test_windows_junctions_are_not_followed(tmp_path, monkeypatch):
    monkeypatch.setattr(scan_module, "WINDOWS", True)
    junction, cloud, plain = (str(tmp_path / name) for name in ("junction", "cloud", "plain"))
    lists = {
        str(tmp_path): [Entry(junction, 0xA0000003), Entry(cloud, 0x9000001A), Entry(plain, 0)],
        cloud: [],
        plain: [],
    }
    result = scan_module.walk_names(WatchedFolder(tmp_path), tmp_path, print, read=lists.__getitem__)
    assert result.folders == 3


def test_a_folder_that_cannot_be_read_is_reported_and_the_rest_scanned(tree, monkeypatch):
    read = os.scandir

    def refuse(folder):
        if folder == str(tree / "x"):
            raise PermissionError(13, "Permission denied")
        return read(folder)

    monkeypatch.setattr("os.scandir", refuse)
    found: list[Path] = []
    result = walk(WatchedFolder(tree), tree, found.append)
    assert result.unreadable == {str(tree / "x"): "Permission denied"}
    assert tree / "a.jpg" in found


def test_a_folder_that_vanishes_meanwhile_is_skipped(tree):
    assert walk(WatchedFolder(tree), tree / "never", lambda path: None).unreadable == {}


def test_a_scan_stops_on_request(tree):
    assert walk(WatchedFolder(tree), tree, lambda path: None, stopped=lambda: True).folders == 0


def test_a_large_folder_is_offered_whole(tmp_path):
    for number in range(5000):
        os.close(os.open(tmp_path / f"{number}.jpg", os.O_CREAT | os.O_WRONLY))
    assert walk(WatchedFolder(tmp_path), tmp_path, lambda path: None).offered == 5000


@pytest.mark.parametrize(
    "name",
    [
        "a.mpo",
        "a.jfif",
        "a.JPE",
        "scan.jpg_large",
        "a.jpeg!d",
        "a.png-small",
        "noext",
        "a.jpg2",
        "x.JPG:large",
    ],
)
def test_photos_under_odd_suffixes_are_taken(name):
    assert WatchedFolder(Path("/photos")).takes(name)


@pytest.mark.parametrize("name", ["a.gif", "a.cr2", "a.jpg_original", "a.jpg~", "a.jpg.bak", "a.jpgs"])
def test_other_kinds_are_not_taken(name):
    assert not WatchedFolder(Path("/photos")).takes(name)


def test_a_scan_counts_what_it_passes_over_without_sidecars_and_patterns(tmp_path):
    names = (
        "a.jpg",
        "a.jpg.xmp",
        "a.json",
        "a.jpg.supplemental-metadata.json",
        "b.xmp",
        "c.gif",
        "d.GIF",
        "e.nef",
        "Thumbs.db",
        "left.out",
        "f",
    )
    for name in names:
        (tmp_path / name).touch()
    found = []
    result = walk(WatchedFolder(tmp_path, exclude=("*.out",)), tmp_path, found.append)
    assert sorted(path.name for path in found) == ["a.jpg", "f"]
    assert result.passed_over == {".gif": 2, ".nef": 1, ".xmp": 1}
