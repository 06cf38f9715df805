"""Photos, opened for reading only; their kind and size are looked at before they are read."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from facewatch.errors import SourceChanged, SourceGone
from facewatch.restoration.codecs.byte_limit import check_bytes
from facewatch.restoration.codecs.size_limit import SizeLimit
from facewatch.system.atomic import unreadable_photo
from facewatch.system.fingerprint import Fingerprint
from facewatch.system.opened import digest_opened, open_regular

CHANGED = "the photo changed; it is restored once it has been quiet for a while"


@contextmanager
def open_source(source: Path, expected: Fingerprint | None = None) -> Iterator[BinaryIO]:
    """Provide an opened photo; it may be a link, never a pipe or a device.

    Raises SourceGone, SourceChanged unless it is the `expected` file, BadPhoto or Unreadable.
    """
    try:
        file = open_regular(source, follow=True)
    except FileNotFoundError as error:
        raise SourceGone("the photo is no longer there") from error
    except OSError as error:
        raise unreadable_photo(error) from error
    with file:
        if expected is not None and Fingerprint.of(os.fstat(file.fileno())) != expected:
            raise SourceChanged(CHANGED)
        yield file


def read_source(source: Path, limit: SizeLimit) -> bytes:
    """Return a photo's bytes, unless they are far more than its picture needs.

    Raises as `open_source`, and BadPhoto or a subclass for a file that is too large.
    """
    with open_source(source) as file:
        check_bytes(file, limit)
        try:
            return file.read(os.fstat(file.fileno()).st_size)  # no more, even if it grows
        except OSError as error:
            raise unreadable_photo(error) from error


def hash_source(source: Path, limit: SizeLimit, expected: Fingerprint | None = None) -> str:
    """Return the SHA-256 of a photo, in hexadecimal.

    Raises as `open_source` and `read_source`.
    """
    with open_source(source, expected) as file:
        check_bytes(file, limit)
        try:
            return digest_opened(file)
        except OSError as error:
            raise unreadable_photo(error) from error
