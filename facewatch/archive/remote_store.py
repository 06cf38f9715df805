"""A store behind an fsspec address: object stores (s3, gs, az) and servers (sftp, smb)."""

from __future__ import annotations

import contextlib
import logging
import secrets
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO, cast

from fsspec.core import url_to_fs

from facewatch.archive.policy import wait_seconds
from facewatch.archive.store import Attributes, is_photo
from facewatch.archive.types import Listed
from facewatch.errors import CannotWrite, SourceGone, StoreUnavailable, Unreadable, WrongUse
from facewatch.settings.patterns import is_ignored
from facewatch.system.atomic import TEMPORARY_PREFIX

log = logging.getLogger(__name__)

LISTING_TRIES = 12  # six minutes
_ATOMIC = {"s3", "s3a", "gs", "gcs", "abfs", "abfss", "az"}
"""Stores whose put makes an object appear whole, and can refuse to replace one (`If-None-Match: *`)."""
_PAGE = 1000  # objects of one answer of S3


class RemoteStore:
    """Files below an fsspec address."""

    def __init__(self, files: Any, root: str, address: str) -> None:
        """Take an fsspec file system and the root below which the names lie."""
        self.local: Path | None = None
        self.address = address
        self._files = files
        self._root = root.rstrip("/")
        protocol = files.protocol
        self._protocols = {protocol} if isinstance(protocol, str) else set(protocol)

    @classmethod
    def connect(cls, address: str) -> RemoteStore:
        """Connect to an address."""
        try:
            files, root = url_to_fs(address)
        except (ImportError, ValueError) as error:
            raise WrongUse(f"{address} cannot be opened: {error}") from error
        except OSError as error:
            raise StoreUnavailable(f"{address} cannot be reached: {error}") from error
        if hasattr(files, "dircache"):
            files.dircache.use_listings_cache = False  # millions of names, and others write too
        return cls(files, root, address)

    def photos(self) -> Iterator[Listed]:
        """Yield the photos; a bucket of S3 page by page, others folder by folder."""
        for name, about in self._walk("", hidden=False):
            if is_photo(name):
                size = int(about.get("size") or 0)
                version = about.get("ETag") or about.get("etag") or f"{size}-{_time_of(about)}"
                yield Listed(name, str(version).strip('"'), size)

    def files(self, below: str = "") -> Iterator[str]:
        """Yield the names of all files, hidden ones too."""
        for name, _ in self._walk(below, hidden=True):
            yield name

    def _walk(self, below: str, *, hidden: bool) -> Iterator[tuple[str, Mapping[str, Any]]]:
        with self._read_errors(below or self.address):
            listed = (
                self._pages(below) if hasattr(self._files, "call_s3") else self._folders(below, hidden=hidden)
            )
            for name, about in listed:
                if hidden or not any(map(is_ignored, name.split("/"))):
                    yield name, about

    def _pages(self, below: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
        bucket, _, prefix = self._path(below).partition("/")
        prefix = f"{prefix.rstrip('/')}/" if prefix else ""
        start = len(self._root.partition("/")[2])
        more: dict[str, str] = {}
        while True:
            page = self._page(Bucket=bucket, Prefix=prefix, MaxKeys=_PAGE, **more)
            for about in page.get("Contents", ()):
                if not about["Key"].endswith("/"):
                    yield (
                        about["Key"][start:].removeprefix("/"),
                        {"size": about["Size"], "ETag": about["ETag"]},
                    )
            if not page.get("IsTruncated"):
                return
            more = {"ContinuationToken": page["NextContinuationToken"]}

    def _page(self, **wanted: Any) -> Mapping[str, Any]:
        """Return one page of a listing, which goes on for days: a store that fails is asked again."""
        for count in range(1, LISTING_TRIES):
            try:
                return cast("Mapping[str, Any]", self._files.call_s3("list_objects_v2", **wanted))
            except (FileNotFoundError, PermissionError):
                raise
            except Exception as error:  # noqa: BLE001 - of several libraries; the last try raises it
                log.warning("%s is listed later: %s", self.address, error)
                time.sleep(wait_seconds(count))
        return cast("Mapping[str, Any]", self._files.call_s3("list_objects_v2", **wanted))

    def _folders(self, below: str, *, hidden: bool) -> Iterator[tuple[str, Mapping[str, Any]]]:
        folders = [self._path(below)]
        while folders:
            folder = folders.pop()
            try:
                entries = self._files.ls(folder, detail=True)
            except FileNotFoundError:
                if below or folder != self._root:
                    continue
                raise
            for about in entries:
                path = about["name"].rstrip("/")
                if path == folder.rstrip("/"):
                    continue
                if about["type"] != "directory":
                    yield path.removeprefix(self._root).removeprefix("/"), about
                elif hidden or not is_ignored(path.rpartition("/")[2]):
                    folders.append(path)

    def _path(self, name: str) -> str:
        return f"{self._root}/{name}" if name else self._root

    def fetch(self, name: str, scratch: Path) -> Path:
        """Copy a file into `scratch`, under its own last name."""
        target = scratch / name.rpartition("/")[2]
        try:
            self._files.get_file(self._path(name), str(target))
        except FileNotFoundError as error:
            raise SourceGone("the photo is no longer there") from error
        except PermissionError as error:
            raise Unreadable(f"the photo cannot be read: {error}; check the rights in its store") from error
        except Exception as error:
            raise self._unavailable(name, error) from error
        return target

    def open(self, name: str, *, own: bool = False) -> BinaryIO:  # noqa: ARG002 - a store has no links
        """Open a file for reading."""
        with self._read_errors(name):
            return cast("BinaryIO", self._files.open(self._path(name), "rb"))

    def exists(self, name: str) -> bool:
        """Return whether there is a file of this name."""
        with self._read_errors(name):
            try:
                self._files.info(self._path(name))
            except FileNotFoundError:
                return False
            return True

    def put_new(
        self,
        file: Path,
        name: str,
        sha256: str,  # noqa: ARG002 - the file lies in a private folder
        attributes: Attributes | None = None,  # noqa: ARG002 - a store has none
    ) -> bool:
        """Upload a file under a new name: by the store's atomic put, or under another name, then moved."""
        if self.exists(name):  # also for stores that do not know the condition
            return False
        final = self._path(name)
        try:
            if self._protocols & _ATOMIC:
                self._files.put_file(str(file), final, mode="create")
                return True
            return self._put_and_move(file, final)
        except FileExistsError:
            return False
        except PermissionError as error:
            raise CannotWrite(f"cannot write {final}: {error}; check the rights in the store") from error
        except Exception as error:
            if _is_taken(error):
                return False
            raise self._unavailable(final, error) from error

    def _put_and_move(self, file: Path, final: str) -> bool:
        folder, _, _ = final.rpartition("/")
        self._files.makedirs(folder, exist_ok=True)
        temporary = f"{folder}/{TEMPORARY_PREFIX}{secrets.token_hex(8)}.tmp"
        try:
            self._files.put_file(str(file), temporary)
            if self._files.exists(final):
                return False
            self._files.mv(temporary, final)
        finally:
            with contextlib.suppress(OSError):
                if self._files.exists(temporary):
                    self._files.rm_file(temporary)
        return True

    def remove(self, name: str) -> None:
        """Remove a file of our own."""
        with self._read_errors(name), contextlib.suppress(FileNotFoundError):
            self._files.rm_file(self._path(name))

    def clean(self) -> None:
        """Remove the temporaries of workers that were killed; an atomic put leaves none."""
        if self._protocols & _ATOMIC:
            return
        for name in list(self.files()):
            if name.rpartition("/")[2].startswith(TEMPORARY_PREFIX):
                self.remove(name)

    @contextlib.contextmanager
    def _read_errors(self, name: str) -> Iterator[None]:
        try:
            yield
        except (FileNotFoundError, StoreUnavailable):
            raise
        except Exception as error:
            raise self._unavailable(name, error) from error

    def _unavailable(self, name: str, error: Exception) -> StoreUnavailable:
        words = f"{type(error).__name__}: {error}"
        return StoreUnavailable(f"the store of {self.address} failed at {name}: {words}")


def _is_taken(error: Exception) -> bool:
    """Return whether a conditional put was refused because the name is taken; the libraries word it so."""
    text = f"{type(error).__name__} {error}"
    return "PreconditionFailed" in text or "pre-conditions" in text or "ResourceExists" in text


def _time_of(about: Mapping[str, Any]) -> str:
    return str(
        next((about[key] for key in ("LastModified", "mtime", "created", "updated") if key in about), "")
    )
