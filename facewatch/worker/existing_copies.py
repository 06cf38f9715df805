"""Existing copies that a new ledger, begun after the old one was lost, does not list.

The ledger is rebuilt photo by photo, as the scans find them. Each photo's copy is searched for under all
names that it can have, and the copy's tags identify its source. A copy without tags (a BMP, or a photo copied
unchanged) is recognised after it was made again: the existing file then has the same bytes
(`system.publish.publish`).
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from pathlib import Path

from facewatch.restoration.codecs import formats
from facewatch.restoration.codecs.metadata.provenance import Origin, origin
from facewatch.state.ledger import Job, Ledger
from facewatch.system.opened import open_regular, sha256_of
from facewatch.system.publish import numbered_names
from facewatch.worker.output import name_for

log = logging.getLogger(__name__)

REPORT = {"summary": "its restored copy existed already"}
"""Without faces: the faces found in the photo are no longer known."""


def adopt_existing_copy(ledger: Ledger, job: Job, sha256: str, folder: Path, tail: str) -> Path | None:
    """End a photo with an existing copy that belongs to no other photo; return the copy, or None.

    Any model and format will do: a lost ledger is no reason to restore everything again, and `redo` always
    makes another copy.

    sha256  of the photo
    folder  where its copy goes
    tail    the settings' text between a copy's stem and its suffix
    """
    if job.wishes is not None:
        return None
    for name in _existing_files(job.path, folder, tail):
        found = _origin(name)
        if found is None or found.source != sha256 or ledger.claimed(name, job):
            continue
        ledger.record_hash(job, sha256, found.recipe or "")
        if ledger.committing(job, name, sha256_of(name, follow=False), None, REPORT) and ledger.done(
            job, REPORT
        ):
            log.info("%s -> %s: %s", job.path, name, REPORT["summary"])
            return name
    return None


def _existing_files(source: Path, folder: Path, tail: str) -> Iterator[Path]:
    """Return existing files under the copy's possible names: any format, with or without tail and number."""
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
        with open_regular(file, follow=False) as stream:
            return origin(stream)
    except OSError as error:
        log.warning("cannot read %s, so it does not count as a copy: %s", file, error.strerror)
        return None
