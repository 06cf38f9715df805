"""Verification of an archive: source, manifest and destination are compared, every byte of them read."""

from __future__ import annotations

import hashlib
from array import array
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import numpy as np
import numpy.typing as npt

from facewatch.archive.manifest import Keys, Manifest, hash_of
from facewatch.archive.store import Store
from facewatch.archive.types import OWN_FOLDER, name_of, text_of
from facewatch.errors import FacewatchError
from facewatch.system.atomic import TEMPORARY_PREFIX

READERS = 8
BATCH = 256  # photos whose bytes are read side by side
CHUNK_BYTES = 1 << 20
MOST_EXAMPLES = 100
_COLUMNS = ["source", "version", "source_sha256", "outcome", "output", "output_sha256"]


@dataclass
class Verification:
    """Result of a verification."""

    photos: int = 0  # in the source
    copies: int = 0  # that the manifest names
    outcomes: Counter[str] = field(default_factory=Counter)
    others: int = 0  # files in the destination that the manifest does not name, such as side files
    problems: Counter[str] = field(default_factory=Counter)  # by kind
    examples: list[str] = field(default_factory=list)  # the first ones, with names

    def add(self, kind: str, name: str) -> None:
        """Count a problem."""
        self.problems[kind] += 1
        if len(self.examples) < MOST_EXAMPLES:
            self.examples.append(f"{kind}: {name}")


def verify(
    source: Store, destination: Store, on_progress: Callable[[int], None] = lambda _: None
) -> Verification:
    """Compare source, manifest and destination; 8 bytes a photo and column are held in memory.

    on_progress  takes the number of photos whose bytes were compared

    Raises StoreUnavailable, or FacewatchError for a part of the manifest that is damaged.
    """
    manifest, found = Manifest(destination, ""), Verification()
    latest, outputs = _latest_rows(manifest)
    names, versions = array("Q"), array("Q")
    for row in _rows(manifest, latest):
        found.outcomes[row["outcome"]] += 1
        names.append(hash_of(row["source"]))
        versions.append(hash_of(row["source"], row["version"]))
    _compare_source(source, found, np.array(names, np.uint64), np.array(versions, np.uint64))
    _compare_destination(destination, found, outputs)
    compared = 0
    with ThreadPoolExecutor(READERS) as readers:
        left = _rows(manifest, latest)
        while batch := list(islice(left, BATCH)):
            for problems in readers.map(lambda row: _compare_bytes(row, source, destination), batch):
                for kind, name in problems:
                    found.add(kind, name)
            found.copies += sum(bool(row["output"]) for row in batch)
            compared += len(batch)
            on_progress(compared)
    return found


def _latest_rows(manifest: Manifest) -> tuple[npt.NDArray[np.bool_], Keys]:
    """Return which rows are the last ones of their photos, and the hashes of these rows' outputs, sorted."""
    sources, outputs = [np.empty(0, np.uint64)], [np.empty(0, np.uint64)]
    for table in manifest.tables(["source", "output"]):
        sources.append(np.array([hash_of(text) for text in table["source"].to_pylist()], np.uint64))
        outputs.append(
            np.array([hash_of(text) if text else 0 for text in table["output"].to_pylist()], np.uint64)
        )
    joined = np.concatenate(sources)
    _, last = np.unique(joined[::-1], return_index=True)
    latest = np.zeros(len(joined), np.bool_)
    latest[len(joined) - 1 - last] = True
    copies = np.concatenate(outputs)[latest]
    return latest, np.sort(copies[copies != 0])


def _rows(manifest: Manifest, latest: npt.NDArray[np.bool_]) -> Iterator[dict[str, Any]]:
    at = 0
    for table in manifest.tables(_COLUMNS):
        for row in table.to_pylist():
            if latest[at]:
                yield row
            at += 1


def _compare_source(source: Store, found: Verification, names: Keys, versions: Keys) -> None:
    names, versions = np.sort(names), np.sort(versions)
    listed = np.zeros(len(names), np.bool_)
    for photo in source.photos():
        found.photos += 1
        text = text_of(photo.name)
        at = _find(names, hash_of(text))
        if at is None:
            found.add("has no row in the manifest", text)
            continue
        listed[at] = True
        if _find(versions, hash_of(text, photo.version)) is None:
            found.add("changed after its row was written", text)
    if missing := int((~listed).sum()):
        found.problems["has a row, and is no longer in the source"] += missing


def _compare_destination(destination: Store, found: Verification, outputs: Keys) -> None:
    twice = outputs[1:][outputs[1:] == outputs[:-1]]
    if len(twice):
        found.problems["is the copy of two photos"] += len(twice)
    for name in destination.files():
        if name.rpartition("/")[2].startswith(TEMPORARY_PREFIX) or name.startswith(f"{OWN_FOLDER}/work/"):
            found.add("is an unfinished file", text_of(name))
        elif not name.startswith(f"{OWN_FOLDER}/") and _find(outputs, hash_of(text_of(name))) is None:
            found.others += 1


def _compare_bytes(row: dict[str, Any], source: Store, destination: Store) -> list[tuple[str, str]]:
    problems = []
    if row["source_sha256"]:
        now = _digest(source, name_of(row["source"]))
        if now is not None and now != row["source_sha256"]:
            problems.append(("does not have the bytes that were restored", row["source"]))
    if row["output"]:
        now = _digest(destination, name_of(row["output"]), own=True)
        if now is None:
            problems.append(("is in the manifest and not in the destination", row["output"]))
        elif now != row["output_sha256"]:
            problems.append(("is another file than the one that was written", row["output"]))
    return problems


def _digest(store: Store, name: str, *, own: bool = False) -> str | None:
    digest = hashlib.sha256()
    try:
        with store.open(name, own=own) as file:
            while chunk := file.read(CHUNK_BYTES):
                digest.update(chunk)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise FacewatchError(f"{name} in {store.shown} cannot be read: {error}") from error
    return digest.hexdigest()


def _find(keys: Keys, wanted: int) -> int | None:
    at = int(np.searchsorted(keys, np.uint64(wanted)))
    return at if at < len(keys) and int(keys[at]) == wanted else None
