"""The rules that decide which files are photos to restore."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from facewatch.restoration.codecs.formats import has_photo_suffix, may_hold_photo
from facewatch.settings.patterns import is_ignored, matches
from facewatch.settings.schema import Settings
from facewatch.system.canonical import as_walked
from facewatch.system.timeouts import TimedCalls


@dataclass(frozen=True)
class WatchedFolder:
    """One watched folder and its rules."""

    root: Path  # absolute
    recursive: bool = True
    include: tuple[str, ...] = ()  # patterns of `facewatch.settings.patterns`; none: everything
    exclude: tuple[str, ...] = ()
    outputs: tuple[Path, ...] = ()  # absolute, as a scan of the root meets them; their files are ours

    def owns(self, folder: str) -> bool:
        """True if a folder holds our own copies.

        An output folder that holds the watched folder itself does not count: nothing would be left to watch.
        """
        return any(
            _lies_in(folder, os.fspath(output)) and not _lies_in(os.fspath(self.root), os.fspath(output))
            for output in self.outputs
        )

    def takes(self, relative: str) -> bool:
        """True if name and patterns accept a file; `relative` to the root, with forward slashes."""
        name = relative.rpartition("/")[2]
        return (has_photo_suffix(name) or may_hold_photo(name)) and self.lets_through(relative)

    def lets_through(self, relative: str) -> bool:
        """True if the patterns accept a file; `relative` to the root, with forward slashes."""
        if self.include and not matches(self.include, relative):
            return False
        return not (self.exclude and matches(self.exclude, relative))


def watched_folders(settings: Settings, ask: TimedCalls) -> tuple[WatchedFolder, ...]:
    """Return the watched folders of the settings, each with the output folders to leave out."""
    places = {place for folder in settings.folders for place in (folder.input, folder.output)}
    answering = {place for place in places if _answers(place, ask)}
    outputs = tuple(folder.output for folder in settings.folders)
    reachable = [output for output in outputs if output in answering]
    return tuple(
        WatchedFolder(
            folder.input,
            folder.recursive,
            folder.include,
            folder.exclude,
            (*outputs, *(spelled_below(folder.input, reachable) if folder.input in answering else ())),
        )
        for folder in settings.folders
    )


def spelled_below(root: Path, outputs: Iterable[Path]) -> tuple[Path, ...]:
    """Return the output folders inside `root`, spelled as a scan of `root` meets them.

    A copy found under another spelling would be taken for a photo, and so would the copy of it.
    """
    found = (as_walked(output, root) for output in outputs)
    return tuple(place for place in found if place is not None)


def is_photo(watch: WatchedFolder, path: Path) -> bool:
    """True if suffix, name, depth, patterns and folder let a file through."""
    if path == watch.root or not _lies_in(os.fspath(path), os.fspath(watch.root)):
        return False
    below = path.parts[len(watch.root.parts) :]
    return not is_ignored(below[-1]) and watch.takes("/".join(below)) and enters_folder(watch, path.parent)


def enters_folder(watch: WatchedFolder, folder: Path) -> bool:
    """True if a folder at or below the root may hold photos: no ignored name, no output folder."""
    below = folder.parts[len(watch.root.parts) :]
    if not below:
        return True
    return watch.recursive and not any(map(is_ignored, below)) and not watch.owns(os.fspath(folder))


def root_of(watches: Sequence[WatchedFolder], path: Path) -> WatchedFolder | None:
    """Return the watched folder that a path belongs to: of nested ones, the innermost."""
    name = os.fspath(path)
    inside = [watch for watch in watches if _lies_in(name, os.fspath(watch.root))]
    return max(inside, key=lambda watch: len(os.fspath(watch.root)), default=None)


def _answers(place: Path, ask: TimedCalls) -> bool:
    try:
        ask(place, lambda: os.path.lexists(place))
    except TimeoutError:
        return False
    return True


def _lies_in(name: str, folder: str) -> bool:
    return name == folder or name.startswith(_with_separator(folder))


def _with_separator(folder: str) -> str:
    return folder if folder.endswith(os.sep) else folder + os.sep
