"""A store behind an fsspec address: object stores (s3, gs, az) and servers (sftp, smb)."""

from __future__ import annotations

import contextlib
import logging
import re
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, cast

from fsspec.core import url_to_fs

from facewatch.archive.exclusive import kind_of, put_exclusively
from facewatch.archive.policy import wait_seconds
from facewatch.archive.remote_file import open_remote
from facewatch.archive.store import Attributes, is_photo
from facewatch.archive.types import Listed
from facewatch.errors import CannotWrite, SourceGone, StoreUnavailable, Unreadable, WrongUse
from facewatch.settings.patterns import is_ignored
from facewatch.system.atomic import TEMPORARY_PREFIX
from facewatch.system.publish import fit_name

log = logging.getLogger(__name__)

LISTING_TRIES = 12  # six minutes
_PAGE = 1000  # objects of one answer of S3


class RemoteStore:
    """Files below an fsspec address."""

    def __init__(self, files: Any, root: str, address: str) -> None:
        """Take an fsspec file system and the root below which the names lie."""
        self.local: Path | None = None
        self.address, self.shown = address, without_password(address)
        self._connection = files
        self._own = threading.local()
        self._own.files = files
        self._root = root.rstrip("/")
        protocol = files.protocol
        self._kind = kind_of({protocol} if isinstance(protocol, str) else set(protocol))

    @classmethod
    def connect(cls, address: str) -> RemoteStore:
        """Connect to an address.

        Raises WrongUse for one that nothing installed understands, StoreUnavailable.
        """
        shown = without_password(address)
        if address.startswith("memory://"):
            raise WrongUse(f"{shown} lies in the memory of one process, and no worker sees it")
        try:
            files, root = _connection(address)
        except (ImportError, ValueError) as error:
            raise WrongUse(f"{shown} cannot be opened: {error}") from error
        except Exception as error:
            raise StoreUnavailable(f"{shown} cannot be reached: {error}") from error
        return cls(files, root, address)

    @property
    def _files(self) -> Any:
        """The fsspec file system.

        Over SFTP each thread has its own: of two threads on one connection, one drops the other's answers
        (paramiko), which then waits for ever. A connection that has ended is made again.
        """
        if not _is_sftp(self.address):
            return self._connection
        from facewatch.archive.sftp import is_connected

        files = getattr(self._own, "files", None)
        if files is None or not is_connected(files):
            files, _ = _connection(self.address)
            self._own.files = files
        return files

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
        try:
            with self._read_errors(below or self.shown):
                pages = hasattr(self._files, "call_s3")
                for name, about in self._pages(below) if pages else self._folders(below, hidden=hidden):
                    if hidden or not any(map(is_ignored, name.split("/"))):
                        yield name, about
        except FileNotFoundError as error:
            raise StoreUnavailable(f"{self.shown} is not there: {error}; check the address") from error

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
                log.warning("%s is listed later: %s", self.shown, error)
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

    def fetch(self, name: str, scratch: Path, size_bytes: int = 0) -> Path:
        """Copy a file into `scratch`, under its own last name, or a shorter one."""
        last = PurePosixPath(name)
        target = scratch / fit_name(last.stem, last.suffix)
        try:
            self._files.get_file(self._path(name), str(target))
        except FileNotFoundError as error:
            raise SourceGone("the photo is no longer there") from error
        except PermissionError as error:
            raise Unreadable(f"the photo cannot be read: {error}; check the rights in its store") from error
        except Exception as error:
            raise self._unavailable(name, error) from error
        if (arrived := target.stat().st_size) < size_bytes and arrived < (now := self._size(name)):
            raise StoreUnavailable(f"the store of {self.shown} sent {arrived} of the {now} bytes of {name}")
        return target

    def _size(self, name: str) -> int:
        with self._read_errors(name):
            try:
                return int(self._files.info(self._path(name)).get("size") or 0)
            except FileNotFoundError as error:
                raise SourceGone("the photo is no longer there") from error

    def open(self, name: str, *, own: bool = False) -> BinaryIO:  # noqa: ARG002 - a store has no links
        """Open a file for reading."""
        with self._read_errors(name):
            return open_remote(self._files.open(self._path(name), "rb"), partial(self._read_errors, name))

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
        if self.exists(name):  # saves an upload
            return False
        return self._put(file, self._path(name))

    def _put(self, file: Path, final: str) -> bool:
        try:
            return put_exclusively(self._files, self._kind, file, final)
        except PermissionError as error:
            raise CannotWrite(f"cannot write {final}: {error}; check the rights in the store") from error
        except Exception as error:
            raise self._unavailable(final, error) from error

    def require_exclusive(self, name: str) -> None:
        """Try with a small file of this name that a put never replaces another file.

        Raises WrongUse if it does, CannotWrite or StoreUnavailable.
        """
        if not self._kind:
            raise WrongUse(
                f"{self.shown} cannot be a destination: nothing there keeps two workers from writing over "
                "each other's files; choose a folder, s3, gs, az, sftp or smb"
            )
        final = self._path(name)
        with tempfile.TemporaryDirectory(prefix="facewatch-") as scratch:
            probe = Path(scratch, "probe")
            probe.write_bytes(b"facewatch")
            try:
                self._put(probe, final)
                replaced = self._put(probe, final)
            finally:
                with contextlib.suppress(StoreUnavailable):
                    self.remove(name)
        if replaced:
            raise WrongUse(
                f"{self.shown} cannot be a destination: it replaces a file although it is asked not to, so "
                "two workers could write over each other's; choose another store"
            )

    def remove(self, name: str) -> None:
        """Remove a file of our own."""
        with self._read_errors(name), contextlib.suppress(FileNotFoundError):
            self._files.rm_file(self._path(name))

    def clean(self) -> None:
        """Remove the temporaries of workers that were killed; an atomic put leaves none."""
        if self._kind == "conditional":
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
        return StoreUnavailable(f"the store of {self.shown} failed at {name}: {words}")


def without_password(address: str) -> str:
    """Return an address for people."""
    return re.sub(r"(://[^/@:]*):[^/]*@", r"\1@", address)


def _is_sftp(address: str) -> bool:
    return address.partition("://")[0] in {"sftp", "ssh"}


def _connection(address: str) -> tuple[Any, str]:
    """Return an fsspec file system, and the root that the address names. Raises what its library raises."""
    if not _is_sftp(address):
        files, root = url_to_fs(address)
        if hasattr(files, "dircache"):
            files.dircache.use_listings_cache = False  # millions of names, and others write too
        return files, root
    from facewatch.archive.sftp import KnownHosts, keep_alive

    files, root = url_to_fs(address, host_key_policy=KnownHosts(), skip_instance_cache=True)
    keep_alive(files)
    return files, root


def _time_of(about: Mapping[str, Any]) -> str:
    return str(
        next((about[key] for key in ("LastModified", "mtime", "created", "updated") if key in about), "")
    )
