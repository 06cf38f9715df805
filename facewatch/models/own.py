"""The user's own model files: in the models folder or linked, and not in the catalogue."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from facewatch.errors import BadCheckpoint, WrongUse
from facewatch.models.catalogue import MODELS, Checkpoint, Licence, Model
from facewatch.models.records import Entry, Records

SUFFIXES = (".pth", ".safetensors", ".onnx")
RECORDS_NAME = "records.json"
OWN_LICENCE = Licence("your own file", "", "Its terms are those under which you received it.")


def own_names(folder: Path) -> tuple[str, ...]:
    """Return the names of the user's own models in a models folder.

    Raises BadCheckpoint when the folder or its records cannot be read.
    """
    return tuple(own_files(folder, MODELS, Records(folder / RECORDS_NAME).entries()))


def own_files(folder: Path, rows: Sequence[Model], entries: Mapping[str, Entry]) -> dict[str, Path]:
    """Return the user's own files by name: the stem, or the file name if another model has that stem.

    Raises BadCheckpoint when the folder cannot be read.
    """
    taken = {row.name for row in rows}
    found: dict[str, Path] = {}
    for name, entry in entries.items():
        if entry.link is not None and name not in taken:
            found[name] = Path(entry.link)
    for path in _uncatalogued(folder, {row.checkpoint.file_name for row in rows if row.checkpoint}):
        unique = path.stem not in taken and path.stem not in found
        found[path.stem if unique else path.name] = path
    return found


def own_row(name: str, path: Path, entry: Entry) -> Model:
    """Return a catalogue row for a user's own file."""
    size = entry.seen.stamp.size_bytes if entry.seen else None
    checkpoint = Checkpoint(path.name, "", None, size, OWN_LICENCE)
    return Model(name, entry.kind or "face", f"your own file, {path.name}", checkpoint)


def own_target(folder: Path, name: str, file: Path) -> Path:
    """Return the path at which a user's own file is kept under a new name.

    Raises WrongUse when the name or the type of file is impossible.
    """
    if file.suffix.lower() not in SUFFIXES:
        raise WrongUse(f"{file} is no model file: its name must end in {' or '.join(SUFFIXES)}")
    if (
        not name
        or name.startswith(".")
        or any(character in name for character in '/\\:*?"<>|')
        or not name.isprintable()
    ):
        raise WrongUse(f'"{name}" cannot be the name of a model; use letters, digits, - . or _')
    return folder / f"{name}{file.suffix.lower()}"


def _uncatalogued(folder: Path, catalogued: set[str]) -> Iterator[Path]:
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
