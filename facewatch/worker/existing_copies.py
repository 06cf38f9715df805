"""Existing copies that a new ledger, begun after the old one was lost, does not list.

The ledger is rebuilt photo by photo, as the scans find them. Each photo's copy is searched for under all
names that it can have, and the copy's tags identify its source. The engine then decodes it: only a copy that
is whole ends its photo (`engine.existing`). A copy without tags (a BMP, or a photo copied unchanged) is
recognised after it was made again: the existing file then has the same bytes (`system.publish.publish`).
"""

from __future__ import annotations

import itertools
import logging
import os
import re
from collections.abc import Iterator
from pathlib import Path

from facewatch.restoration.codecs import formats
from facewatch.restoration.codecs.metadata.provenance import Origin, origin
from facewatch.state.ledger import Job, Ledger
from facewatch.system.opened import has_content, open_regular
from facewatch.system.publish import numbered_names
from facewatch.worker.output import name_for

log = logging.getLogger(__name__)

REPORT = {"summary": "its restored copy existed already"}
"""Without faces: the faces found in the photo are no longer known."""
_REDONE = re.compile(r"(?P<start>.+) \([^()]+ [01](?:\.\d+)?\)(?: \(\d+\))?\.[^.]+", re.DOTALL)
CHECKED_ATTEMPTS = 2  # later ones leave the copies alone, in case one crashes the decoder


class RedoneCopies:
    """The copies named after a model, "Name (codeformer 0.7).jpg", that were there when this ledger was new.

    Each output folder is listed once: later ones are in the ledger.
    """

    def __init__(self) -> None:
        self._names: dict[Path, dict[str, list[str]]] = {}

    def find(self, folder: Path, start: str) -> list[Path]:
        """Return those in a folder whose names begin with a stem and the settings' tail."""
        if folder not in self._names:
            found: dict[str, list[str]] = {}
            for name in sorted(os.listdir(folder)):  # noqa: PTH208 - names only
                if match := _REDONE.fullmatch(name):
                    found.setdefault(match["start"], []).append(name)
            self._names[folder] = found
        return [folder / name for name in self._names[folder].get(start, ())]


def find_existing_copies(
    ledger: Ledger, job: Job, sha256: str, folder: Path, tail: str, *, redone: RedoneCopies
) -> dict[Path, str]:
    """Return the existing copies of a photo that belong to no other photo, each with its recipe.

    Any model and format will do: a lost ledger is no reason to restore everything again, and `redo` always
    makes another copy.

    sha256  of the photo
    folder  where its copy goes
    tail    the settings' text between a copy's stem and its suffix
    """
    if job.wishes is not None or job.attempts > CHECKED_ATTEMPTS:
        return {}
    found = {}
    starts = (f"{job.path.stem}{end}" for end in dict.fromkeys((tail, "")))
    of_redos = (name for start in starts for name in redone.find(folder, start))
    for name in itertools.chain(_existing_files(job.path, folder, tail), of_redos):
        tagged = _origin(name)
        if tagged is not None and tagged.source == sha256 and not ledger.claimed(name, job):
            found[name] = tagged.recipe or ""
    return found


def adopt_existing_copy(
    ledger: Ledger, job: Job, copy: Path, *, output: Path, sha256: str, copy_sha256: str, recipe: str
) -> bool:
    """End a photo with an existing copy; False if the photo or copy has changed, or is another's by now.

    output       the folder below which no link is followed to `copy`
    sha256       of the photo
    copy_sha256  of the copy's bytes, which were decoded to their end
    recipe       of the copy, as its tags name it
    """
    if ledger.claimed(copy, job) or not has_content(copy, copy_sha256, output):
        return False
    ledger.record_hash(job, sha256, recipe)
    if not ledger.committing(job, copy, copy_sha256, None, REPORT):
        return False
    ledger.done(job, REPORT)
    log.info("%s -> %s: %s", job.path, copy, REPORT["summary"])
    return True


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
