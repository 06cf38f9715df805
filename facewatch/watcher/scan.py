"""The scan of a watched folder."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from facewatch.restoration.codecs import sidecars
from facewatch.restoration.codecs.formats import has_photo_suffix, kind_of_name
from facewatch.settings.patterns import is_ignored
from facewatch.watcher.filters import WatchedFolder

WINDOWS = sys.platform == "win32"
JUNCTION_TAG = 0xA0000003  # stat.IO_REPARSE_TAG_MOUNT_POINT, which the module has on Windows only
SYMLINK_TAG = 0xA000000C


@dataclass
class ScanResult:
    """The result of a scan."""

    folders: int = 0  # read
    offered: int = 0
    unreadable: dict[str, str] = field(default_factory=dict)  # folder -> why
    passed_over: Counter[str] = field(default_factory=Counter)  # files that are no photos, by kind


def leads_elsewhere(folder: Path | os.DirEntry[str]) -> bool:
    """True if a folder is a symlink or a Windows junction, which `is_symlink` does not report."""
    if not WINDOWS:
        return folder.is_symlink()
    try:
        tag = getattr(folder.stat(follow_symlinks=False), "st_reparse_tag", 0)
    except OSError:  # it has vanished
        return False
    return tag in (SYMLINK_TAG, JUNCTION_TAG)


def list_folder(folder: str) -> list[os.DirEntry[str]]:
    """Return the entries of a folder, without ignored names. Raises OSError."""
    with os.scandir(folder) as entries:
        return [entry for entry in entries if not is_ignored(entry.name)]


def walk(
    watch: WatchedFolder,
    start: Path,
    offer: Callable[[Path], None],
    others: Collection[str] = (),
    stopped: Callable[[], bool] = lambda: False,
) -> ScanResult:
    """Offer every photo below `start`, a folder at or below the root, by the same rules as `is_photo`.

    others   roots of other watched folders, which are skipped
    stopped  checked at each folder

    Symlinked folders and junctions are not followed. A folder that vanishes meanwhile is skipped; one that
    cannot be read is reported.
    """
    return walk_names(watch, start, lambda name: offer(Path(name)), others, stopped)


def walk_names(
    watch: WatchedFolder,
    start: Path,
    offer: Callable[[str], None],
    others: Collection[str] = (),
    stopped: Callable[[], bool] = lambda: False,
    *,
    read: Callable[[str], list[os.DirEntry[str]]] = list_folder,
) -> ScanResult:
    """Do the same as `walk` without creating Path objects, which take a quarter of the time.

    read  like `list_folder`; after a TimeoutError the scan ends
    """
    result = ScanResult()
    cut = len(os.fspath(watch.root).rstrip(os.sep)) + 1
    folders = [os.fspath(start)]
    while folders and not stopped():
        folder = folders.pop()
        try:
            inside = read(folder)
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            result.unreadable[folder] = error.strerror or str(error)
            if isinstance(error, TimeoutError):
                break
            continue
        result.folders += 1
        passed_over: list[str] = []
        for entry in inside:
            relative = entry.path[cut:].replace(os.sep, "/")
            if entry.is_dir(follow_symlinks=False):
                wanted = watch.recursive and entry.path not in others and not watch.owns(entry.path)
                if wanted and not leads_elsewhere(entry):
                    folders.append(entry.path)
            elif _may_be_taken(entry) and watch.takes(relative):
                result.offered += 1
                offer(entry.path)
            elif watch.lets_through(relative):
                passed_over.append(entry.name)
        result.passed_over.update(_kinds(passed_over, [entry.name for entry in inside]))
    return result


def _may_be_taken(entry: os.DirEntry[str]) -> bool:
    """Return False for a link to a folder, which is not followed: its name has no suffix."""
    return has_photo_suffix(entry.name) or entry.is_file()


def _kinds(names: list[str], all_names: list[str]) -> Iterator[str]:
    """Yield the kind of each file that is passed over, without the sidecars of photos beside them."""
    if not names:
        return
    photos = {name.lower() for name in all_names if has_photo_suffix(name)}
    stems = photos | {name.rpartition(".")[0] for name in photos}
    for name in names:
        if stems.isdisjoint(sidecars.photos_of(name.lower())):
            yield kind_of_name(name)
