"""Model files that the user brought: what lies in the models folder, or is linked, and is in no catalogue."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from facewatch.errors import BadCheckpoint, WrongUse
from facewatch.models.catalogue import MODELS, Checkpoint, Licence, Model
from facewatch.models.records import Entry, Records

SUFFIXES = (".pth", ".safetensors")
RECORDS_NAME = "records.json"
OWN_LICENCE = Licence("your own file", "", "Its terms are known to whoever gave it to you.")


def own_names(folder: Path) -> tuple[str, ...]:
    """The names under which the user's own files in a models folder can be chosen.

    Raises BadCheckpoint when the folder or its records cannot be read.
    """
    return tuple(own_files(folder, MODELS, Records(folder / RECORDS_NAME).all()))


def own_files(folder: Path, rows: Sequence[Model], entries: Mapping[str, Entry]) -> dict[str, Path]:
    """The user's own files by name: the stem, or the whole file name where another model has the stem.

    Raises BadCheckpoint when the folder cannot be read.
    """
    taken = {row.name for row in rows}
    found: dict[str, Path] = {}
    for name, entry in entries.items():
        if entry.link is not None and name not in taken:
            found[name] = Path(entry.link)
    for path in _files(folder, {row.checkpoint.file_name for row in rows if row.checkpoint}):
        free = path.stem not in taken and path.stem not in found
        found[path.stem if free else path.name] = path
    return found


def own_row(name: str, path: Path, entry: Entry) -> Model:
    """A catalogue row for a user's own file."""
    size = entry.seen.stamp.size_bytes if entry.seen else None
    checkpoint = Checkpoint(path.name, "", None, size, OWN_LICENCE)
    return Model(name, entry.kind or "face", f"your own file, {path.name}", checkpoint)


def own_target(folder: Path, name: str, file: Path) -> Path:
    """Where a user's own file goes under a new name.

    Raises WrongUse when the name or the kind of file cannot be.
    """
    if file.suffix.lower() not in SUFFIXES:
        raise WrongUse(f"{file} is no model file: its name has to end in {' or '.join(SUFFIXES)}")
    if (
        not name
        or name.startswith(".")
        or any(sign in name for sign in '/\\:*?"<>|')
        or not name.isprintable()
    ):
        raise WrongUse(f'"{name}" cannot be the name of a model; use letters, digits, - . or _')
    return folder / f"{name}{file.suffix.lower()}"


def _files(folder: Path, catalogued: set[str]) -> Iterator[Path]:
    try:
        paths = [path for path in sorted(folder.iterdir()) if _is_model(path) and path.is_file()]
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError as error:
        raise BadCheckpoint(f"the models folder {folder} cannot be read: {error.strerror}") from error
    for path in paths:
        if path.name not in catalogued:
            yield path


def _is_model(path: Path) -> bool:
    return path.suffix.lower() in SUFFIXES and not path.name.startswith(".")
