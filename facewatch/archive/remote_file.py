"""An opened file of a remote store: whatever its library raises becomes StoreUnavailable."""

from __future__ import annotations

import io
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, BinaryIO

from facewatch.errors import StoreUnavailable

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_BUFFER_BYTES = 1 << 20


class _RemoteFile(io.RawIOBase):
    def __init__(self, file: Any, errors: Callable[[], AbstractContextManager[None]]) -> None:
        self._file = file
        self._errors = errors
        self._size = getattr(file, "size", None)  # SFTP has none, and no proxy that could send less

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        view = memoryview(buffer).cast("B")
        with self._errors():
            data: bytes = self._file.read(len(view))
            if not data and len(view) and isinstance(self._size, int) and self._file.tell() < self._size:
                raise StoreUnavailable(f"the store sent {self._file.tell()} of {self._size} bytes")
        view[: len(data)] = data
        return len(data)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        with self._errors():
            self._file.seek(offset, whence)
            return int(self._file.tell())

    def tell(self) -> int:
        return int(self._file.tell())

    def close(self) -> None:
        if not self.closed:
            self._file.close()
        super().close()


def open_remote(file: Any, errors: Callable[[], AbstractContextManager[None]]) -> BinaryIO:
    """Return a file that fsspec has opened, so that reading it raises StoreUnavailable.

    errors  translates what the library raises

    The same is raised where the store sends less than the whole file.
    """
    return io.BufferedReader(_RemoteFile(file, errors), _BUFFER_BYTES)
