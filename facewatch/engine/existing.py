"""Existing copies: a copy found beside a lost ledger counts only if it decodes to its end, without a hole."""

from __future__ import annotations

import hashlib
import os
import traceback
from pathlib import Path

from facewatch.engine import memory
from facewatch.engine.messages import RestoreRequest, RestoreResult
from facewatch.errors import FacewatchError
from facewatch.restoration.codecs.byte_limit import check_bytes
from facewatch.restoration.codecs.decoder import decode
from facewatch.restoration.codecs.filling import lost_a_block
from facewatch.restoration.codecs.size_limit import SizeLimit
from facewatch.system.opened import open_regular


def whole_copy(job: RestoreRequest) -> RestoreResult | None:
    """Return the first of the request's existing copies that is whole, as its result; None without one."""
    for name in job.existing:
        sha256 = _digest_if_whole(Path(name))
        if sha256 is not None:
            return RestoreResult(job.number, None, sha256, Path(name).suffix, [], 0.0, adopted=name)
    return None


def _digest_if_whole(copy: Path) -> str | None:
    """Return the SHA-256 of a copy that is whole; else None, whatever is wrong with it."""
    limit = SizeLimit(memory_bytes=memory.usable_bytes())
    try:
        with open_regular(copy, follow=False) as file:
            check_bytes(file, limit)
            data = file.read(os.fstat(file.fileno()).st_size)
        if lost_a_block(data, decode(data, limit)):
            return None
    except (OSError, FacewatchError, MemoryError):
        return None
    except Exception:  # noqa: BLE001 - a broken copy must not stop its photo
        traceback.print_exc()
        return None
    return hashlib.sha256(data).hexdigest()
