"""The one current Settings: load, change, tell subscribers."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Collection, Mapping
from importlib import resources
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.items import AbstractTable

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

from facewatch.errors import BadCheckpoint, BadSettings
from facewatch.settings import schema
from facewatch.settings.schema import Settings
from facewatch.system.atomic import write_atomically
from facewatch.system.paths import expand_path

Subscriber = Callable[[Settings], None]
OwnModels = Callable[[Path | None], Collection[str]]
"""The names of the user's own model files, given the `models_folder` of the settings."""

EXAMPLE = "config.example.toml"
EXAMPLE_HOME = "~/Pictures/Facewatch"


class Store:
    """Holds the settings of one config file; every change goes through the file."""

    def __init__(self, path: Path, own_models: OwnModels = lambda _: ()) -> None:
        self.path = path
        self._own_models = own_models
        self._lock = threading.RLock()
        self._current: Settings | None = None
        self._was_there = False
        self._stamp: tuple[int, ...] | None = None
        self._subscribers: list[Subscriber] = []
        self.problem: BadSettings | None = None  # why the newest edit was not taken

    @property
    def current(self) -> Settings:
        """The settings as last read well; frozen."""
        if self._current is None:
            raise BadSettings(f"{self.path} has not been read yet")
        return self._current

    def subscribe(self, subscriber: Subscriber) -> None:
        """Call `subscriber` with every new Settings, in the thread that changed them."""
        self._subscribers.append(subscriber)

    def load(self) -> Settings:
        """Read the file; a missing one means the defaults, but not if it was there before.

        Raises BadSettings, and keeps the last good settings then.
        """
        with self._lock:
            self._stamp = self._stamp_of_file()
            try:
                loaded = self.parse(self._read(), str(self.path))
            except BadSettings as error:
                self.problem = error
                if isinstance(error.__cause__, BadCheckpoint):
                    self._stamp = None  # mended elsewhere, and this file with it
                raise
            self.problem = None
            changed = loaded != self._current
            self._current = loaded
        if changed:
            for subscriber in list(self._subscribers):
                subscriber(loaded)
        return loaded

    def reload_if_changed(self) -> bool:
        """Read the file again when it is another one than last time; True when it was.

        Raises BadSettings once for each bad edit, or until the records of the user's own models, if they are
        what is bad, can be read; the last good settings stay.
        """
        if self._stamp_of_file() == self._stamp:
            return False
        self.load()
        return True

    def update(self, changes: Mapping[str, Any]) -> Settings:
        """Write `changes` (dotted key -> value; None removes the key) into the file, comments and order kept.

        Raises BadSettings, with the file untouched, when the result would not be right; CannotWrite.
        """
        with self._lock:
            document = _parse_text(self._text(), self.path)
            for key, value in changes.items():
                _put(document, schema.full_key(key).split(".", 1), value)
            self.parse(document.unwrap(), f"{self.path.name} would be wrong")
            write_atomically(self.path, tomlkit.dumps(document).encode())
            return self.load()

    def parse(self, raw: Mapping[str, Any], source: str) -> Settings:
        """Check plain data as this file's own would be; `source` is named in errors.

        Raises BadSettings.
        """
        folder = raw.get("models_folder")
        try:
            own = self._own_models(expand_path(folder) if isinstance(folder, str | Path) else None)
        except BadCheckpoint as error:
            return self._parse_without_own(raw, source, error)
        return schema.parse(raw, source, own)

    @staticmethod
    def _parse_without_own(raw: Mapping[str, Any], source: str, unread: BadCheckpoint) -> Settings:
        """As good as can be without the user's own models: most settings name none."""
        try:
            return schema.parse(raw, source)
        except BadSettings as error:
            raise BadSettings(f"{error}\n{unread}") from unread

    def _read(self) -> dict[str, Any]:
        try:
            return tomllib.loads(self._text())
        except tomllib.TOMLDecodeError as error:
            raise BadSettings(f"{self.path} is not valid TOML: {error}") from error

    def _text(self) -> str:
        """The file as it stands; empty where there has been none yet."""
        try:
            text = self.path.read_text("utf-8")
        except FileNotFoundError:
            # The defaults, which watch nothing, are for whoever has no file yet, not for whoever has lost it.
            if self._was_there:
                raise self._gone() from None
            return ""
        except UnicodeDecodeError as error:
            raise BadSettings(f"{self.path} is not valid TOML: {error}") from error
        except OSError as error:
            raise BadSettings(f"{self.path} cannot be read: {error.strerror}") from error
        self._was_there = True
        return text

    def _gone(self) -> BadSettings:
        return BadSettings(f"{self.path} is gone; put it back, or begin anew with `facewatch config init`")

    def _stamp_of_file(self) -> tuple[int, ...] | None:
        try:
            stat = os.stat(self.path)  # noqa: PTH116 - follows a link as open() will
        except OSError:
            return None
        return stat.st_ino, stat.st_size, stat.st_mtime_ns


def _parse_text(text: str, path: Path) -> tomlkit.TOMLDocument:
    try:
        return tomlkit.parse(text)
    except tomlkit.exceptions.TOMLKitError as error:
        raise BadSettings(f"{path} is not valid TOML: {error}; mend it before changing settings") from error


def _put(table: Any, keys: list[str], value: Any) -> None:
    *parents, last = keys
    for key in parents:
        if key not in table:
            if value is None:
                return
            table[key] = tomlkit.table()
        table = table[key]
        if not isinstance(table, AbstractTable | tomlkit.items.InlineTable):
            raise BadSettings(f'"{key}" is not a table in the config file')
    if value is not None:
        table[last] = value
    elif last in table:
        del table[last]


def example(home: Path) -> str:
    """The text of a first config file, with its inbox and its output below `home`."""
    text = resources.files("facewatch.settings").joinpath(EXAMPLE).read_text("utf-8")
    quoted = tomlkit.string(str(home)).as_string()[1:-1]
    return text.replace(EXAMPLE_HOME, quoted)
