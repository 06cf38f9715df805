"""What is known about the files: digests seen and trusted, links. Small JSON documents."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal, get_args

from facewatch.errors import BadCheckpoint
from facewatch.models.catalogue import Kind
from facewatch.models.digests import Stamp
from facewatch.system.atomic import translate_write_errors, write_atomically
from facewatch.system.locks import hold_lock

Voucher = Literal["first use", "user"]


class Document:
    """One JSON object in a file of its own, changed by one process at a time."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> dict[str, Any]:
        """What it holds; empty when it is not there yet.

        Raises BadCheckpoint when the file is damaged, since it says whom the user trusts, or not to be read.
        """
        try:
            content = json.loads(self._path.read_text("utf-8"))
        except FileNotFoundError:
            return {}
        except NotADirectoryError as error:
            raise BadCheckpoint(
                f"{self._path.parent} is no folder, so no model can be kept there; name a folder "
                "(models_folder, or FACEWATCH_MODELS)"
            ) from error
        except OSError as error:
            raise BadCheckpoint(
                f"{self._path} cannot be read: {error.strerror}; check what is there, and its permissions"
            ) from error
        except ValueError as error:
            raise self._damaged(str(error)) from error
        if not isinstance(content, dict):
            raise self._damaged("it is no JSON object")
        return content

    @contextmanager
    def changing(self) -> Iterator[dict[str, Any]]:
        """Hand out the content and write back what became of it.

        Raises CannotWrite or DiskFull.
        """
        with translate_write_errors(self._path):
            self._path.parent.mkdir(parents=True, exist_ok=True)
        with hold_lock(self._path.with_name(f".{self._path.name}.lock"), lambda: False):
            content = self.read()
            yield content
            write_atomically(self._path, json.dumps(content, indent=1, sort_keys=True).encode())

    def _damaged(self, why: str) -> BadCheckpoint:
        return BadCheckpoint(
            f"{self._path} cannot be read ({why}); delete it, and facewatch looks at every model file anew"
        )


@dataclass(frozen=True)
class Seen:
    """The digest of a file as it was when its stamp was taken."""

    sha256: str
    stamp: Stamp


@dataclass(frozen=True)
class Trusted:
    """A digest that stands in for a published one."""

    sha256: str
    by: Voucher
    since: str  # ISO date


@dataclass(frozen=True)
class Entry:
    """All that is known about the file of one model."""

    seen: Seen | None = None
    trusted: Trusted | None = None
    link: str | None = None  # the file lies here, not in the models folder
    kind: Kind | None = None  # what a user's own file has turned out to be


class Records:
    """The entries, by model name; safe between processes."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._document = Document(path)

    def all(self) -> dict[str, Entry]:
        """Every entry.

        Raises BadCheckpoint when the document is damaged.
        """
        content = self._document.read()
        try:
            return {str(name): _entry(data) for name, data in content.items()}
        except (KeyError, TypeError, ValueError) as error:
            raise BadCheckpoint(
                f"{self._path} is damaged; delete it, and facewatch looks at every model file anew"
            ) from error

    def of(self, name: str) -> Entry:
        """One entry; an empty one for a name never heard."""
        return self.all().get(name, Entry())

    def change(self, name: str, **fields: Any) -> Entry:
        """Replace fields of an entry; the new entry.

        Raises CannotWrite or DiskFull.
        """
        with self._document.changing() as content:
            entry = replace(_entry(content.get(name, {})), **fields)
            content[name] = {key: value for key, value in asdict(entry).items() if value is not None}
        return entry

    def forget(self, name: str) -> None:
        """Drop an entry."""
        with self._document.changing() as content:
            content.pop(name, None)


def _entry(data: dict[str, Any]) -> Entry:
    seen, trusted, kind = data.get("seen"), data.get("trusted"), data.get("kind")
    if kind is not None and kind not in get_args(Kind):
        raise ValueError(f"no kind of model: {kind}")
    return Entry(
        seen=Seen(seen["sha256"], Stamp(**seen["stamp"])) if seen else None,
        trusted=Trusted(**trusted) if trusted else None,
        link=data.get("link"),
        kind=kind,
    )
