"""Copies that stand already although the ledger knows nothing of them: it was lost, and begun anew.

A ledger is rebuilt photo by photo, as the scans bring them in. Each photo's copy is looked for under the
names that it can have, and the copy's own tags say what it was made from. What has no tags (a BMP, and a
photo copied unchanged) is recognised once it has been made again, by the same bytes standing there
(`delivery.commit`).
"""

from __future__ import annotations

import logging
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from facewatch.restoration.codecs import formats
from facewatch.restoration.codecs.metadata.provenance import Origin, origin
from facewatch.state.ledger import Job, Ledger
from facewatch.system.atomic import sha256_of
from facewatch.system.publish import numbered_names
from facewatch.worker.output import name_for

log = logging.getLogger(__name__)

REPORT = {"summary": "its restored copy was there already"}
"""Without a word on faces: what was found in the photo is not known any more."""


def adopt_existing_copy(ledger: Ledger, job: Job, sha256: str, folder: Path, tail: str) -> Path | None:
    """End a photo whose restored copy stands already and belongs to no other photo; the copy, or None.

    Whatever model or format made it: a lost ledger is no reason to make everything anew, and `redo`, which
    always makes another copy, is there for those who wish it.

    sha256  of the photo
    folder  where its copy goes
    tail    what the settings put between a copy's stem and its suffix
    """
    if job.wishes is not None:
        return None
    for name in _standing(job.path, folder, tail):
        found = _origin(name)
        if found is None or found.source != sha256 or ledger.claimed(name, job):
            continue
        ledger.record_hash(job, sha256, found.recipe or "")
        if ledger.committing(job, name, sha256_of(name), None, REPORT) and ledger.done(job, REPORT):
            log.info("%s -> %s: %s", job.path, name, REPORT["summary"])
            return name
    return None


def _standing(source: Path, folder: Path, tail: str) -> Iterator[Path]:
    """The files with a name that the copy can have: any format's, with or without the tail and a number."""
    suffixes = dict.fromkeys((source.suffix, *(row.suffixes[0] for row in formats.FORMATS)))
    for end in dict.fromkeys((tail, "")):
        for suffix in suffixes:
            for count, name in enumerate(numbered_names(name_for(source, folder, end, suffix))):
                if os.path.lexists(name):
                    yield name
                elif count:  # the first name may be missing and the second not
                    break


def _origin(file: Path) -> Origin | None:
    try:
        if not stat.S_ISREG(file.lstat().st_mode):
            return None
        with file.open("rb") as stream:
            return origin(stream)
    except OSError as error:
        log.warning("%s cannot be read, and is not taken for a copy: %s", file, error.strerror)
        return None
