"""A finished copy gets its name: the last step of every photo, in the daemon and without it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from facewatch.engine.messages import Answer
from facewatch.errors import CannotWrite, SourceGone
from facewatch.files import (
    TEMPORARY_PREFIX,
    copy_to_temporary,
    deliver,
    like_original,
    maker_of,
    sha256_of,
    writing,
)
from facewatch.lock import process_runs


def output_folder(source: Path, root: Path, output: Path) -> Path:
    """Where the copy of `source` goes: its place below `root`, below `output`; made if missing.

    Raises CannotWrite or DiskFull.
    """
    folder = output / source.parent.relative_to(root)
    try:
        with writing(folder):
            folder.mkdir(parents=True, exist_ok=True)
    except FileExistsError as error:
        raise CannotWrite(f"{folder} is in the way: it is a file, not a folder; move it elsewhere") from error
    return folder


def name_for(source: Path, folder: Path, tail: str, suffix: str) -> Path:
    """What the copy of `source` is to be called: its stem, the user's `tail`, and the format's `suffix`."""
    return folder / f"{source.stem}{tail}{suffix}"


def take(answer: Answer, source: Path, folder: Path) -> tuple[Path, str, str]:
    """The temporary that becomes the copy, its SHA-256 and its suffix.

    What was restored, or else the original's bytes, unchanged.
    """
    if answer.temporary is not None and answer.sha256 is not None:
        return Path(answer.temporary), answer.sha256, answer.suffix
    temporary = copy_to_temporary(source, folder)
    return temporary, sha256_of(temporary), source.suffix


def commit(
    temporary: Path,
    source: Path,
    wanted: Path,
    announce: Callable[[Path], None],
    extras: Sequence[dict[str, str]] = (),
) -> Path:
    """Give the temporary its name, with its original's permissions and times; returns the name it got.

    announce  hears each name before it is tried
    extras    the files beside it, as engine.messages.Extra

    Raises CannotWrite or DiskFull.
    """
    try:
        original = source.stat()
    except OSError as error:
        raise SourceGone("the photo is no longer there") from error
    for file in (temporary, *(Path(extra["temporary"]) for extra in extras)):
        like_original(file, original)
    final = deliver(temporary, wanted, announce)
    for extra in extras:
        deliver(Path(extra["temporary"]), final.with_name(final.stem + extra["tail"]), _unheard)
    return final


def drop(answer: Answer) -> None:
    """Remove what an answer left that will not be used."""
    for name in (answer.temporary, *(extra["temporary"] for extra in answer.extras)):
        if name is not None:
            Path(name).unlink(missing_ok=True)


def remove_strays(output: Path) -> int:
    """Remove the temporaries under `output` whose maker is no longer running; how many."""
    found = output.rglob(f"{TEMPORARY_PREFIX}*.tmp")
    strays = [stray for stray in found if not process_runs(maker_of(stray))]
    for stray in strays:
        stray.unlink(missing_ok=True)
    return len(strays)


def _unheard(_: Path) -> None:
    """The ledger keeps the copy itself; what stands beside it is found by its name."""
