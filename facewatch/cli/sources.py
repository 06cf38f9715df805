"""The photos that a command line names."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from facewatch.errors import WrongUse
from facewatch.restoration.codecs import formats
from facewatch.system.opened import open_regular
from facewatch.system.paths import expand_path
from facewatch.watcher import WatchedFolder, spelled_below
from facewatch.watcher.scan import walk

OUTPUT = "Restored"


@dataclass(frozen=True)
class Source:
    """One photo, and where its copy goes."""

    path: Path
    root: Path  # sub-folders below it are mirrored
    output: Path


def photos_of(
    sources: Sequence[Path], output: Path | None, *, recursive: bool, passed_over: Counter[str]
) -> Iterator[Source]:
    """Yield the photos of the named files and folders.

    output       the folder for the copies; None: OUTPUT beside each photo, or in the named folder
    passed_over  counts the other files of the folders, by kind

    Raises WrongUse for what is not there or cannot be read.
    """
    for named in sources:
        path = expand_path(named)
        if os.path.isdir(path):  # noqa: PTH112 - never raises
            copies = expand_path(output) if output else path / OUTPUT
            watch = WatchedFolder(path, recursive=recursive, outputs=(copies, *spelled_below(path, [copies])))
            found: list[Path] = []
            walked = walk(watch, path, found.append)
            passed_over.update(walked.passed_over)
            if walked.unreadable:
                folder, reason = next(iter(walked.unreadable.items()))
                raise WrongUse(f"{folder} cannot be read: {reason}")
            yield from (Source(photo, path, copies) for photo in sorted(found) if _holds_photo(photo))
        elif os.path.exists(path):  # noqa: PTH110 - never raises
            copies = expand_path(output) if output else path.parent / OUTPUT
            yield Source(path, path.parent, copies)
        else:
            raise WrongUse(f"{named} is not there or cannot be reached; name photos or folders of photos")


def _holds_photo(path: Path) -> bool:
    """Return False for a file whose name says nothing and whose content is no photo."""
    if formats.has_photo_suffix(path.name):
        return True
    try:
        with open_regular(path, follow=True) as stream:
            return formats.is_photo_head(stream.read(formats.HEAD_BYTES))
    except OSError:
        return True  # its own result says why it cannot be read
