"""Stores of photos: folders, and whatever fsspec reaches; a file appears whole or not at all."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, Protocol

from facewatch.archive.types import Listed
from facewatch.errors import WrongUse
from facewatch.restoration.codecs import formats
from facewatch.settings.patterns import is_ignored
from facewatch.system.canonical import path_within
from facewatch.system.paths import expand_path

Attributes = Callable[[BinaryIO, Path], object]
"""Takes an opened file and its path."""


class Store(Protocol):
    """Files below one address; names are relative to it, with forward slashes.

    Every method raises StoreUnavailable for what may pass, such as a store that answers 503.
    """

    address: str  # opens it again; may hold a password
    shown: str  # the address for people
    local: Path | None  # its folder, where it is one of this machine

    def photos(self) -> Iterator[Listed]:
        """Yield the photos as they are listed; hidden names and unfinished downloads are left out."""
        ...

    def files(self, below: str = "") -> Iterator[str]:
        """Yield the names of all files below a folder; nothing if there is no such folder."""
        ...

    def fetch(self, name: str, scratch: Path, size_bytes: int = 0) -> Path:
        """Return the path of a file on this machine: its own, or that of a copy in `scratch`.

        size_bytes  as it was listed; 0: unknown

        Raises SourceGone, BadPhoto or Unreadable.
        """
        ...

    def open(self, name: str, *, own: bool = False) -> BinaryIO:
        """Open a file for reading.

        own  it was written here: a link in its place is refused

        Raises FileNotFoundError, or OSError for a pipe or a device. Reading it raises OSError in a folder,
        and StoreUnavailable elsewhere, also where the store sends less than the whole file.
        """
        ...

    def exists(self, name: str) -> bool:
        """Return whether there is a file of this name."""
        ...

    def put_new(self, file: Path, name: str, sha256: str, attributes: Attributes | None = None) -> bool:
        """Give a finished file of this machine a name in the store; False if the name is taken.

        A local store takes the file away, others copy it.

        sha256      of what was written into the file: one that others put in its place is refused
        attributes  sets permissions and times of the opened file, in a local store only

        Raises CannotWrite or DiskFull.
        """
        ...

    def remove(self, name: str) -> None:
        """Remove a file of our own, if it is there."""
        ...

    def clean(self) -> None:
        """Remove the unfinished files of workers that have ended; no worker may run meanwhile."""
        ...


def open_store(address: str) -> Store:
    """Return the store at a folder or an fsspec address, such as `s3://bucket/folder`.

    Raises WrongUse for an address that nothing installed understands.
    """
    scheme, separator, rest = address.partition("://")
    if not separator or scheme in {"file", "local"}:
        from facewatch.archive.local_store import LocalStore

        return LocalStore(expand_path(rest if separator else address))
    from facewatch.archive.remote_store import RemoteStore

    return RemoteStore.connect(address)


def require_apart(source: Store, destination: Store) -> None:
    """Raise WrongUse if the source is no folder, or one of the two lies in the other.

    Copies would be listed as photos, or photos be taken for copies.
    """
    if source.local is not None and not source.local.is_dir():
        raise WrongUse(f"{source.shown} is not a folder, or cannot be reached; name a folder or an address")
    if destination.local is not None and destination.local.exists() and not destination.local.is_dir():
        raise WrongUse(f"{destination.shown} is not a folder; choose another destination")
    if _lies_in(source, destination):
        raise WrongUse(
            f"the source {source.shown} lies in the destination {destination.shown}; "
            "choose a destination outside of it"
        )
    if _lies_in(destination, source):
        raise WrongUse(
            f"the destination {destination.shown} lies in the source {source.shown}; "
            "choose a destination outside of it"
        )


def _lies_in(store: Store, outer: Store) -> bool:
    if store.local is not None and outer.local is not None:
        return path_within(store.local, outer.local) is not None
    left, right = store.address.rstrip("/"), outer.address.rstrip("/")
    return left == right or left.startswith(f"{right}/")


def is_photo(name: str) -> bool:
    """Return whether a file is taken for a photo by its name; its folders were looked at before."""
    last = name.rpartition("/")[2]
    return not is_ignored(last) and formats.has_photo_suffix(last)
