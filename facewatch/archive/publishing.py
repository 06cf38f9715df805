"""Publishing: a finished copy gets a name in the destination, once, and never replaces another file."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from facewatch.archive.local_store import LocalStore
from facewatch.archive.store import Attributes, Store
from facewatch.archive.types import OWN_FOLDER
from facewatch.engine.messages import RestoreResult
from facewatch.errors import CannotWrite, StoreUnavailable
from facewatch.restoration.codecs.metadata.provenance import origin
from facewatch.system.atomic import remove_file
from facewatch.system.opened import NotRegular, digest_opened, set_permissions
from facewatch.system.publish import copy_attributes, fit_name, numbered_names
from facewatch.worker.output import FinishedCopy, publish_sidecars, stat_source

_READABLE = 0o644  # of a copy whose original has no permissions of this system


@dataclass(frozen=True)
class Published:
    """A copy that is in the destination."""

    name: str
    sha256: str
    lost: tuple[str, ...] = ()  # in words, the sidecars that could not be copied


@dataclass(frozen=True)
class Identity:
    """What tells a photo's own copy, made before its worker died, from another file of that name."""

    source_sha256: str
    recipe: str


def publish(
    copy: FinishedCopy,
    wanted: str,
    identity: Identity,
    destination: Store,
    original: Path | None,
) -> Published:
    """Put a copy into the destination under the first name that is free, or already its own.

    wanted    the name that it should have
    original  gives the copy its permissions and times, and sidecars; None: the source has none

    Raises CannotWrite, DiskFull or StoreUnavailable; the temporary still exists then.
    """
    if wanted.partition("/")[0] == OWN_FOLDER:
        raise CannotWrite(f"{wanted} would lie among facewatch's own files; rename the folder in the source")
    attributes = _attributes(original)
    for name in _names(wanted):
        if destination.put_new(copy.temporary, name, copy.sha256, attributes):
            published = Published(name, copy.sha256)
            break
        existing = _own_copy(destination, name, copy.sha256, identity)
        if existing is not None:
            published = Published(name, existing)
            break
    remove_file(copy.temporary)
    if original is not None and isinstance(destination, LocalStore):
        _, failed = publish_sidecars(original, destination.path(published.name), destination.local)
        published = replace(published, lost=tuple(failed))
    return published


def publish_side_files(answer: RestoreResult, copy: str, destination: Store) -> None:
    """Put the side files of a copy (comparisons, crops) beside it; one that is there already is kept."""
    path = PurePosixPath(copy)
    for extra in answer.extras:
        temporary = Path(extra["temporary"])
        name = str(path.with_name(fit_name(path.stem, extra["tail"])))
        destination.put_new(temporary, name, extra["sha256"], _attributes(None))
        remove_file(temporary)


def name_of_copy(source: str, tail: str, suffix: str) -> str:
    """Return the name of the copy of a photo: the source's folder and stem, the user's tail, the suffix."""
    path = PurePosixPath(source)
    return str(path.with_name(fit_name(path.stem, f"{tail}{suffix}")))


def _names(wanted: str) -> Iterator[str]:
    folder, slash, last = wanted.rpartition("/")
    for name in numbered_names(Path(last)):
        yield f"{folder}{slash}{name}"


def _attributes(original: Path | None) -> Attributes:
    """Return the step that gives a copy the permissions and times of its original."""
    if original is not None:
        status = stat_source(original)
        return lambda file, path: copy_attributes(file, path, status)
    return lambda file, path: set_permissions(file, path, _READABLE) if os.name == "posix" else None


def _own_copy(destination: Store, name: str, sha256: str, identity: Identity) -> str | None:
    """Return the SHA-256 of an existing file if it is this photo's copy, else None.

    It has the same bytes, or its tags name this photo and this recipe: a GPU may compute other last bits.

    Raises StoreUnavailable where that cannot be seen now.
    """
    try:
        with destination.open(name, own=True) as file:
            found = digest_opened(file)
            file.seek(0)
            tags = None if found == sha256 else origin(file)
    except (NotRegular, FileNotFoundError, IsADirectoryError, PermissionError):
        return None  # a folder, a link or a pipe, gone again, or another user's: not a copy of ours
    except OSError as error:  # it may be ours: a disk or a share fails
        raise StoreUnavailable(f"{name} in {destination.shown} cannot be read: {error}") from error
    if found == sha256:
        return found
    own = tags is not None and (tags.source, tags.recipe) == (identity.source_sha256, identity.recipe)
    return found if own else None
