"""Put a file into a remote store under a new name: whole or not at all, and never over another file."""

from __future__ import annotations

import contextlib
import secrets
from pathlib import Path
from typing import Any

from facewatch.system.atomic import TEMPORARY_PREFIX

_CONDITIONAL = {"s3", "s3a", "gs", "gcs", "abfs", "abfss", "az"}
"""Stores whose put makes an object appear whole, and can refuse to replace one (`If-None-Match: *`)."""
_RENAMING = {"sftp", "ssh", "smb"}
"""Servers whose protocol has a rename that refuses to replace a file."""


def kind_of(protocols: set[str]) -> str:
    """Return how a store makes a new file appear: "conditional", "renaming", or "" if it promises nothing."""
    if protocols & _CONDITIONAL:
        return "conditional"
    return "renaming" if protocols & _RENAMING else ""


def put_exclusively(files: Any, kind: str, file: Path, final: str) -> bool:
    """Upload a file under a new name; False if the name is taken.

    files  an fsspec file system of this kind

    Raises what the store's library raises.
    """
    try:
        if kind == "conditional":
            files.put_file(str(file), final, mode="create")
            return True
        return _put_and_rename(files, file, final)
    except FileExistsError:
        return False
    except Exception as error:
        if _is_taken(error):
            return False
        raise


def _put_and_rename(files: Any, file: Path, final: str) -> bool:
    folder, _, _ = final.rpartition("/")
    files.makedirs(folder, exist_ok=True)
    temporary = f"{folder}/{TEMPORARY_PREFIX}{secrets.token_hex(8)}.tmp"
    try:
        files.put_file(str(file), temporary)
        _rename(files, temporary, final)
    except OSError:
        if not files.exists(final):
            raise
        return False
    finally:
        with contextlib.suppress(OSError):
            if files.exists(temporary):
                files.rm_file(temporary)
    return True


def _rename(files: Any, temporary: str, final: str) -> None:
    """Rename a file. Raises OSError if the name is taken.

    fsspec's `mv` over SFTP is OpenSSH's `posix-rename`, which replaces; the protocol's own rename refuses.
    """
    if hasattr(files, "ftp"):
        files.ftp.rename(temporary, final)
    else:
        files.mv(temporary, final)


def _is_taken(error: Exception) -> bool:
    """Return whether a conditional put was refused because the name is taken; the libraries word it so."""
    text = f"{type(error).__name__} {error}"
    return "PreconditionFailed" in text or "pre-conditions" in text or "ResourceExists" in text
