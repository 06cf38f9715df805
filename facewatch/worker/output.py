"""A finished copy gets its name: the last step of every photo, in the daemon and without it."""

from __future__ import annotations

import errno
import fnmatch
import logging
import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from facewatch.engine.messages import RestoreResult
from facewatch.errors import CannotWrite, FacewatchError, SourceGone
from facewatch.system.atomic import (
    TEMPORARY_PREFIX,
    copy_to_temporary,
    creator_of,
    remove_file,
    sha256_of,
    sync_folder,
    translate_write_errors,
)
from facewatch.system.disk_space import require_space
from facewatch.system.processes import is_still_running
from facewatch.system.publish import fit_name, publish

log = logging.getLogger(__name__)


def output_folder(source: Path, root: Path, output: Path) -> Path:
    """Where the copy of `source` goes: its place below `root`, below `output`; made if missing.

    `output` may be a link that the user made; below it none is followed.

    Raises CannotWrite, DiskFull where a copy as large as `source` would nearly fill the disk, SourceGone.
    """
    below = source.parent.relative_to(root).parts
    if ".." in below:
        raise CannotWrite(
            f"{source} has a .. in it, which leads out of {root}: nothing is written outside of {output}; "
            "name the photo without it"
        )
    with translate_write_errors(output):
        output.mkdir(parents=True, exist_ok=True)
    folder = output
    for part in below:
        folder /= part
        with translate_write_errors(folder):
            new = not folder.exists()
            folder.mkdir(exist_ok=True)
            if new:  # what is synced in a folder is lost with the folder
                sync_folder(folder.parent)
        stay_inside(folder, output)
    try:
        need_bytes = source.stat().st_size
    except OSError as error:
        raise SourceGone("the photo is no longer there") from error
    with translate_write_errors(folder):
        require_space(folder, need_bytes)
    return folder


def stay_inside(folder: Path, output: Path) -> None:
    """Raise CannotWrite unless `folder` is what its name says, with no link between it and `output`."""
    with translate_write_errors(folder):
        there = os.path.realpath(folder)
        meant = os.path.join(os.path.realpath(output), folder.relative_to(output))  # noqa: PTH118 - as text
    if os.path.normcase(there) != os.path.normcase(os.path.normpath(meant)):
        raise CannotWrite(
            f"{folder} is a link to {there}, or lies behind one: nothing is written through links; "
            "put a folder in its place, or watch it as a folder of its own"
        )


def name_for(source: Path, folder: Path, tail: str, suffix: str) -> Path:
    """What the copy of `source` is to be called: its stem, the user's `tail`, and the format's `suffix`."""
    return folder / fit_name(source.stem, f"{tail}{suffix}")


def take_result(answer: RestoreResult, source: Path, folder: Path) -> tuple[Path, str, str]:
    """The temporary that becomes the copy, its SHA-256 and its suffix.

    What was restored, or else the original's bytes, unchanged.
    """
    if answer.temporary is not None and answer.sha256 is not None:
        return Path(answer.temporary), answer.sha256, answer.suffix
    temporary = copy_to_temporary(source, folder)
    return temporary, sha256_of(temporary), source.suffix


def publish_copy(
    temporary: Path,
    source: Path,
    wanted: Path,
    announce: Callable[[Path], None],
    extras: Sequence[dict[str, str]] = (),
    *,
    output: Path | None = None,
    adopt: Callable[[Path], bool] | None = None,
) -> Path:
    """Give the temporary its name, with its original's permissions and times; returns the name it got.

    announce  hears each name before it is tried
    extras    the files beside it, as engine.messages.Extra
    output    the folder below which no link is followed, looked at once more at the last moment
    adopt     as `files.deliver` asks it: where it agrees, the file that stands already is the copy

    Raises CannotWrite, DiskFull or SourceGone.
    """
    try:
        original = source.stat()
    except OSError as error:
        raise SourceGone("the photo is no longer there") from error

    def heard(name: Path) -> None:
        announce(name)
        if output is not None:
            stay_inside(name.parent, output)

    for file in (temporary, *(Path(extra["temporary"]) for extra in extras)):
        copy_attributes(file, original)
    final = publish(temporary, wanted, heard, adopt)
    publish_side_files(extras, final, anew=adopt is None)
    return final


def copy_attributes(copy: Path, original: os.stat_result) -> None:
    """Give a finished copy the permissions and times of its original, as far as its disk keeps such.

    Raises CannotWrite or DiskFull.
    """
    acts: tuple[Callable[[], object], ...] = (
        lambda: copy.chmod(original.st_mode & 0o777),
        lambda: os.utime(copy, ns=(original.st_atime_ns, original.st_mtime_ns)),
    )
    for act in acts:
        with translate_write_errors(copy):
            try:
                act()
            except OSError as error:  # of a vfat with a umask, say, or a share in gvfs: they keep neither
                if error.errno not in {errno.EPERM, errno.ENOTSUP}:
                    raise
                log.debug("%s is not made like its original: %s", copy, error)


def publish_side_files(extras: Sequence[dict[str, str]], copy: Path, *, anew: bool = False) -> None:
    """Give what stands beside a copy the copy's name and its own tail.

    What cannot be put there is logged: the copy itself is there, and is not to be made again for it.

    extras  as engine.messages.Extra
    anew    number it, even if the same stands there already
    """
    for extra in extras:
        wanted, temporary = copy.with_name(fit_name(copy.stem, extra["tail"])), Path(extra["temporary"])
        try:
            publish(temporary, wanted, _unheard, None if anew else _agreed)
        except FacewatchError as error:
            log.warning("%s could not be put beside its copy: %s", wanted, error)
            remove_file(temporary)


def discard_result(answer: RestoreResult) -> None:
    """Remove what an answer left that will not be used."""
    for name in (answer.temporary, *(extra["temporary"] for extra in answer.extras)):
        if name is not None:
            remove_file(Path(name))


def remove_stray_temporaries(output: Path, *, below: bool = True) -> int:
    """Remove the temporaries in `output`, and in all folders `below` it, whose maker is gone; how many."""
    count = 0
    for folder, folders, names in os.walk(output):  # passes over what it cannot enter
        if not below:
            folders.clear()
        for name in fnmatch.filter(names, f"{TEMPORARY_PREFIX}*.tmp"):
            stray = Path(folder, name)
            with suppress(OSError):  # its maker has just ended, and taken it along
                if not is_still_running(*creator_of(stray), stray.lstat().st_ctime):
                    count += remove_file(stray)
    return count


def _unheard(_: Path) -> None:
    """The ledger keeps the copy itself; what stands beside it is found by its name."""


def _agreed(_: Path) -> bool:
    """What stands beside a copy under the copy's own name belongs to it."""
    return True
