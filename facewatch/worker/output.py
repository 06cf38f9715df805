"""Output folders, and the publishing of finished copies, in the daemon and without it."""

from __future__ import annotations

import logging
import os
import stat
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from facewatch.engine.messages import RestoreResult
from facewatch.engine.source import CHANGED, open_source
from facewatch.errors import CannotWrite, FacewatchError, SourceChanged, SourceGone
from facewatch.restoration.codecs import sidecars
from facewatch.state.ledger import Job
from facewatch.system.atomic import copy_to_temporary, remove_file, sync_folder, translate_write_errors
from facewatch.system.disk_space import require_space
from facewatch.system.fingerprint import Fingerprint
from facewatch.system.opened import open_regular
from facewatch.system.publish import fit_name, publish

log = logging.getLogger(__name__)

LARGEST_SIDECAR_BYTES = 100_000_000  # masks and depth maps take a few MB
TOO_LARGE = "it is larger than 100 MB, more than a sidecar needs"
SideFileNote = dict[str, str]
"""Name and SHA-256 of a file beside a copy, as the ledger keeps them."""


class FinishedCopy(NamedTuple):
    """A copy that is ready to be published."""

    temporary: Path
    sha256: str
    suffix: str  # of the copy's name, with its dot


def output_folder(source: Path, root: Path, output: Path) -> Path:
    """Return the folder for the copy of `source`: its folder below `root`, mirrored below `output`.

    A missing folder is created. `output` may be a link made by the user; below it no link is followed.

    Raises CannotWrite, DiskFull if a copy as large as `source` would nearly fill the disk, SourceGone.
    """
    below = source.parent.relative_to(root).parts
    if ".." in below:
        raise CannotWrite(
            f"{source} contains .., which leads out of {root}: nothing is written outside of {output}; "
            "give the path without .."
        )
    folder = output.joinpath(*below)
    make_folders(folder, output)
    size_bytes = stat_source(source).st_size
    with translate_write_errors(folder):
        require_space(folder, size_bytes)
    return folder


def make_folders(folder: Path, output: Path) -> None:
    """Make a folder in `output`, with those between; `output` may be a link made by the user, no other may.

    Raises CannotWrite, DiskFull.
    """
    with translate_write_errors(output):
        output.mkdir(parents=True, exist_ok=True)
    place = output
    for part in folder.relative_to(output).parts:
        place /= part
        with translate_write_errors(place):
            new = not place.exists()
            place.mkdir(exist_ok=True)
            if new:  # an unsynced folder is lost with all that is synced in it
                sync_folder(place.parent)
        stay_inside(place, output)


def stay_inside(folder: Path, output: Path) -> None:
    """Raise CannotWrite if a link lies between `output` and `folder`, or `folder` is one."""
    with translate_write_errors(folder):
        actual = os.path.realpath(folder)
        expected = os.path.join(os.path.realpath(output), folder.relative_to(output))  # noqa: PTH118 - as text
    if os.path.normcase(actual) != os.path.normcase(os.path.normpath(expected)):
        raise CannotWrite(
            f"{folder} is a link to {actual}, or lies behind one: nothing is written through links; "
            "replace it by a folder, or watch it as a folder of its own"
        )


def output_of(job: Job, copy: Path) -> Path:
    """Return the output folder of a copy: its folder, without the photo's place in its watched folder."""
    below = job.path.parent.relative_to(job.folder).parts if job.path.is_relative_to(job.folder) else ()
    mirrored = len(below) > 0 and copy.parent.parts[-len(below) :] == below
    return copy.parents[len(below)] if mirrored else copy.parent


def name_for(source: Path, folder: Path, tail: str, suffix: str) -> Path:
    """Return the path of the copy of `source`: its stem, the user's `tail` and the format's `suffix`."""
    return folder / fit_name(source.stem, f"{tail}{suffix}")


def redo_tail(model: str, weight: float) -> str:
    """Return what the name of a copy that the user asked for tells of it: " (codeformer 0.7)"."""
    return f" ({model} {weight:g})"


def take_result(
    answer: RestoreResult, source: Path, folder: Path, output: Path | None = None
) -> FinishedCopy:
    """Return the restored copy, or else an unchanged copy of the original.

    output  the folder below which no link is followed to `folder`

    Raises SourceGone, BadPhoto, CannotWrite or DiskFull.
    """
    if answer.temporary is not None and answer.sha256 is not None:
        return FinishedCopy(Path(answer.temporary), answer.sha256, answer.suffix)
    with open_source(source) as original:
        return FinishedCopy(*copy_to_temporary(original, folder, output), source.suffix)


def stat_source(source: Path, expected: Fingerprint | None = None) -> os.stat_result:
    """Return the status of a photo.

    Raises SourceGone, or SourceChanged unless it still is the `expected` file.
    """
    try:
        status = source.stat()
    except OSError as error:
        raise SourceGone("the photo is no longer there") from error
    if expected is not None and Fingerprint.of(status) != expected:
        raise SourceChanged(CHANGED)
    return status


def publish_copy(
    copy: FinishedCopy,
    source: Path,
    wanted: Path,
    announce: Callable[[Path], None],
    extras: Sequence[dict[str, str]] = (),
    *,
    output: Path | None = None,
    adopt: Callable[[Path], bool] | None = None,
    expected: Fingerprint | None = None,
    beside: list[SideFileNote] | None = None,
    lost: list[str] | None = None,
) -> Path:
    """Give a copy its name, and its original's permissions and times; return the path it got.

    announce  takes each name before it is tried
    extras    its side files, the fields of engine.messages.SideFile for each
    output    the folder below which no link is followed, checked again at the last moment
    adopt     as in `system.publish.publish`: True makes an existing file with the same bytes the copy
    expected  the fingerprint that `source` must still have
    beside    gets a note of each side file that has its name now
    lost      gets in words each sidecar that could not be copied

    Raises CannotWrite, DiskFull, SourceGone or SourceChanged.
    """
    original = stat_source(source, expected)

    def check_and_announce(name: Path) -> None:
        announce(name)
        if output is not None:
            stay_inside(name.parent, output)

    if output is not None:
        stay_inside(wanted.parent, output)
    final = publish(
        copy.temporary,
        wanted,
        check_and_announce,
        adopt,
        sha256=copy.sha256,
        original=original,
        output=output,
    )
    notes = publish_side_files(extras, final, original, always_new=adopt is None, output=output)
    found, failed = publish_sidecars(source, final, output)
    if beside is not None:
        beside += [*notes, *found]
    if lost is not None:
        lost += failed
    return final


def publish_side_files(
    extras: Sequence[dict[str, str]],
    copy: Path,
    original: os.stat_result | None = None,
    *,
    always_new: bool = False,
    output: Path | None = None,
) -> list[SideFileNote]:
    """Give the side files of a copy its name and their own tail, and return a note of each.

    A failure is only logged: the copy itself exists and must not be made again.

    extras      the fields of engine.messages.SideFile, for each
    original    gives them its permissions and times
    always_new  False: an existing file with the same name and bytes serves as the side file
    output      the folder below which no link is followed
    """
    notes: list[SideFileNote] = []
    for extra in extras:
        try:
            notes.append(_publish_side_file(extra, copy, original, always_new=always_new, output=output))
        except FacewatchError as error:
            log.warning("cannot write a side file of %s: %s", copy, error)
    return notes


def _publish_side_file(
    extra: dict[str, str],
    copy: Path,
    original: os.stat_result | None = None,
    *,
    always_new: bool = False,
    output: Path | None,
) -> SideFileNote:
    """Do the same as `publish_side_files` for one.  Raises CannotWrite or DiskFull; nothing is left then."""
    wanted, temporary = copy.with_name(fit_name(copy.stem, extra["tail"])), Path(extra["temporary"])
    adopt, sha256 = None if always_new else _adopt_any, extra["sha256"]
    try:
        file = publish(
            temporary, wanted, _announce_nothing, adopt, sha256=sha256, original=original, output=output
        )
    except FacewatchError:
        remove_file(temporary)
        raise
    return {"name": file.name, "sha256": sha256}


def publish_sidecars(
    source: Path, copy: Path, output: Path | None = None
) -> tuple[list[SideFileNote], list[str]]:
    """Put copies of a photo's sidecars (.xmp, .json) beside its copy, with their permissions and times.

    output  the folder below which no link is followed

    Return a note of each, and in words, which follow "not kept: ", those that could not be copied: the copy
    itself exists and must not be made again. A file that is there already is never replaced.
    """
    notes: list[SideFileNote] = []
    failed: list[str] = []
    for name, end in _sidecars(source, copy.suffix):
        try:
            with open_regular(source.with_name(name), follow=True) as sidecar:
                original = os.fstat(sidecar.fileno())
                if original.st_size > LARGEST_SIDECAR_BYTES:
                    raise CannotWrite(TOO_LARGE)
                temporary, sha256 = copy_to_temporary(sidecar, copy.parent, output)
            extra = {"temporary": str(temporary), "sha256": sha256, "tail": end}
            notes.append(_publish_side_file(extra, copy, original, output=output))
        except (OSError, FacewatchError) as error:
            log.warning("cannot copy the sidecar %s of %s: %s", name, source, error)
            reason = getattr(error, "strerror", None) or error
            failed.append(f"the sidecar {name}, which cannot be copied ({reason}); copy it by hand")
    return notes, failed


def _sidecars(source: Path, suffix: str) -> Iterator[tuple[str, str]]:
    """Yield each sidecar of a photo: its name, and what follows the stem in the name of its copy.

    suffix  of the photo's copy
    """
    files: set[tuple[int, int]] = set()  # where case does not matter, two names are one file
    ends: set[str] = set()
    for name, whole, ending in sidecars.names_of(source.name):
        end = f"{suffix}{ending}" if whole else ending
        try:
            status = source.with_name(name).stat()
        except OSError:
            continue
        file = (status.st_dev, status.st_ino)
        if stat.S_ISREG(status.st_mode) and file not in files and end not in ends:
            files.add(file)
            ends.add(end)
            yield name, end


def discard_result(answer: RestoreResult) -> None:
    """Remove the files of a result that is not used."""
    for name in (answer.temporary, *(extra["temporary"] for extra in answer.extras)):
        if name is not None:
            remove_file(Path(name))


def _announce_nothing(_: Path) -> None:
    """Announce nothing: the ledger lists only the copy itself."""


def _adopt_any(_: Path) -> bool:
    """Agree: a side file that matches the copy's name belongs to it."""
    return True
