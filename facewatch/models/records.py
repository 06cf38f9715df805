"""JSON documents beside the model files: digests seen and trusted, links, accepted licences."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal, get_args

from facewatch.errors import BadCheckpoint, LicenceNotAccepted
from facewatch.models.catalogue import Kind, Licence, Model
from facewatch.models.digests import Stamp
from facewatch.system.atomic import PRIVATE_FOLDER, translate_write_errors, write_atomically
from facewatch.system.locks import hold_lock
from facewatch.system.opened import read_small

TrustedBy = Literal["first use", "user"]
LARGEST_BYTES = 50_000_000  # of a document; a model takes some 300


class Document:
    """One JSON object in a file, changed by one process at a time."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> dict[str, Any]:
        """Return the content; empty if the file does not exist.

        Raises BadCheckpoint when the file cannot be read or is damaged: it is not replaced, since it records
        which digests the user trusts.
        """
        try:
            content = json.loads(read_small(self._path, LARGEST_BYTES))
        except FileNotFoundError:
            return {}
        except NotADirectoryError as error:
            raise BadCheckpoint(
                f"{self._path.parent} is no folder, so no model can be kept there; name a folder "
                "(models_folder, or FACEWATCH_MODELS)"
            ) from error
        except OSError as error:
            raise BadCheckpoint(
                f"{self._path} cannot be read: {error.strerror}; check the file and its permissions"
            ) from error
        except ValueError as error:
            raise self.damaged(str(error)) from error
        if not isinstance(content, dict):
            raise self.damaged("it is not a JSON object")
        return content

    @contextmanager
    def editing(self) -> Iterator[dict[str, Any]]:
        """Yield the content for changes, and write it back.

        Raises CannotWrite or DiskFull.
        """
        with translate_write_errors(self._path):
            self._path.parent.mkdir(PRIVATE_FOLDER, parents=True, exist_ok=True)
        with hold_lock(self._path.with_name(f".{self._path.name}.lock"), lambda: False):
            content = self.read()
            yield content
            write_atomically(self._path, json.dumps(content, indent=1, sort_keys=True).encode())

    def damaged(self, reason: str) -> BadCheckpoint:
        """Return the error for a file whose content is wrong."""
        return BadCheckpoint(
            f"{self._path} is damaged ({reason}). Delete it; facewatch will check all model files again."
        )


@dataclass(frozen=True)
class Seen:
    """The digest that a file had at the time of its stamp."""

    sha256: str
    stamp: Stamp


@dataclass(frozen=True)
class Trusted:
    """A digest accepted in place of a published one."""

    sha256: str
    by: TrustedBy
    since: str  # ISO date


@dataclass(frozen=True)
class Entry:
    """The record of one model's file."""

    seen: Seen | None = None
    trusted: Trusted | None = None
    link: str | None = None  # path of the file if it is outside the models folder
    kind: Kind | None = None  # of network in a user's own file, once it has been loaded


class Records:
    """The entries by model name; safe between processes."""

    def __init__(self, path: Path) -> None:
        self._document = Document(path)

    def entries(self) -> dict[str, Entry]:
        """Return every entry.

        Raises BadCheckpoint when the document is damaged.
        """
        content = self._document.read()
        try:
            return {str(name): _parse_entry(data) for name, data in content.items()}
        except (KeyError, TypeError, ValueError) as error:
            raise self._document.damaged("an entry is malformed") from error

    def entry(self, name: str) -> Entry:
        """Return one entry; an empty one for an unknown name."""
        return self.entries().get(name, Entry())

    def update(self, name: str, **fields: Any) -> Entry:
        """Replace fields of an entry, and return the new entry.

        Raises CannotWrite or DiskFull.
        """
        with self._document.editing() as content:
            entry = replace(_parse_entry(content.get(name, {})), **fields)
            content[name] = {key: value for key, value in asdict(entry).items() if value is not None}
        return entry

    def remove(self, name: str) -> None:
        """Remove an entry."""
        with self._document.editing() as content:
            content.pop(name, None)


def _parse_entry(data: dict[str, Any]) -> Entry:
    seen, trusted, kind = data.get("seen"), data.get("trusted"), data.get("kind")
    if kind is not None and kind not in get_args(Kind):
        raise ValueError(f"unknown kind of model: {kind}")
    return Entry(
        seen=Seen(seen["sha256"], Stamp(**seen["stamp"])) if seen else None,
        trusted=Trusted(**trusted) if trusted else None,
        link=data.get("link"),
        kind=kind,
    )


class Licences:
    """The licences that the user has accepted; models that share a licence share the answer."""

    def __init__(self, path: Path, today: Callable[[], str]) -> None:
        self._document = Document(path)
        self._today = today

    def question(self, row: Model) -> Licence | None:
        """Return the licence to accept before the model's file is downloaded; None if there is none.

        Raises BadCheckpoint when the answers cannot be read.
        """
        licence = row.checkpoint.licence if row.checkpoint else None
        if licence is None or not licence.non_commercial or licence.name in self._document.read():
            return None
        return licence

    def require_accepted(self, row: Model) -> None:
        """Raise LicenceNotAccepted if the model's licence has to be accepted first."""
        licence = self.question(row)
        if licence is not None:
            raise LicenceNotAccepted(
                f"{row.name} comes under {licence.name} ({licence.terms_url}). {licence.sentence} "
                f"To download it, accept the licence: `facewatch models accept {row.name}`"
            )

    def accept(self, row: Model) -> None:
        """Record that the model's licence is accepted.

        Raises CannotWrite or DiskFull.
        """
        licence = self.question(row)
        if licence is None:
            return
        with self._document.editing() as content:
            content[licence.name] = {
                "accepted": self._today(),
                "terms": licence.terms_url,
                "asked_for": row.name,
            }
