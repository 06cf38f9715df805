"""The config file: loading, changing and following it."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from importlib import resources
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.items import AbstractTable, AoT

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

from facewatch.errors import BadCheckpoint, BadSettings, CannotWrite
from facewatch.settings import schema
from facewatch.settings.schedule import WORK_TIMES
from facewatch.settings.schema import Settings
from facewatch.settings.toml_hints import not_toml
from facewatch.system.atomic import PRIVATE_FOLDER, translate_write_errors, write_atomically
from facewatch.system.locks import LockHeld, acquire_lock
from facewatch.system.opened import read_small
from facewatch.system.paths import expand_path

Subscriber = Callable[[Settings], None]
OwnModels = Callable[[Path | None], Collection[str]]
"""The names of the user's own model files, given the `models_folder` of the settings."""

QUIET_SECONDS = 1.0  # without an edit, before a changed file is read
FIRST_SECONDS = 10.0  # an edit that does not end delays a start no longer
LOCK_SECONDS = 10.0  # a change takes a moment
LARGEST_BYTES = 10_000_000  # of a config file; some KB are usual
EXAMPLE = "config.example.toml"
EXAMPLE_HOME = "~/Pictures/Facewatch"


class Store:
    """Holds the settings of one config file; every change is made in the file."""

    def __init__(
        self,
        path: Path,
        own_models: OwnModels = lambda _: (),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.path = path
        self._own_models = own_models
        self._clock = clock
        self._mark = path.with_name(f".{path.name}.written")  # holds the stamp of the newest `update`
        self._edited: tuple[tuple[int, ...] | None, float] | None = None  # the newest stamp, first seen when
        self._lock = threading.RLock()
        self._current: Settings | None = None
        self._existed = False
        self._stamp: tuple[int, ...] | None = None
        self._subscribers: list[Subscriber] = []
        self.problem: BadSettings | None = None  # why the newest edit was rejected

    @property
    def current(self) -> Settings:
        """The last valid settings; frozen."""
        if self._current is None:
            raise BadSettings(f"{self.path} has not been read yet")
        return self._current

    def subscribe(self, subscriber: Subscriber) -> None:
        """Call `subscriber` with every new Settings, in the thread that changed them."""
        self._subscribers.append(subscriber)

    def load(self) -> Settings:
        """Read the file; a missing one means the defaults, unless it existed before.

        Raises BadSettings; the last valid settings are kept then.
        """
        with self._lock:
            self._stamp = self._stamp_of_file()
            try:
                loaded = self.parse(self._read(), str(self.path))
            except BadSettings as error:
                self.problem = error
                if isinstance(error.__cause__, BadCheckpoint):
                    self._stamp = None  # to try again: the fix is made in another file
                raise
            self.problem = None
            changed = loaded != self._current
            self._current = loaded
        if changed:
            for subscriber in list(self._subscribers):
                subscriber(loaded)
        return loaded

    def load_when_quiet(self, pause: Callable[[float], object] = time.sleep) -> Settings:
        """Read the file as `load`, once it was not edited for a moment: no earlier settings hold at a start.

        pause  waits some seconds, and returns True to wait no longer

        After FIRST_SECONDS the file is read as it is. Raises as `load`.
        """
        ends = self._clock() + FIRST_SECONDS
        while self._edited_just_now() and self._clock() < ends and not pause(QUIET_SECONDS / 10):
            pass
        return self.load()

    def _edited_just_now(self) -> bool:
        stamp = self._stamp_of_file()
        return (
            stamp is not None
            and 0 <= time.time() - stamp[2] / 1e9 < QUIET_SECONDS
            and not self._is_own(stamp)
        )

    def reload_if_changed(self) -> bool:
        """Read the file again if it has changed and been quiet since; return True if it was read.

        An editor may write it in pieces, each of which can be valid alone: it is whole only when its stamp
        has been the same for QUIET_SECONDS of calls. What `update` wrote, in any process, is whole at once.

        Raises BadSettings once per bad edit; for unreadable records of the user's own models, at each call
        until they can be read. The last valid settings are kept.
        """
        stamp, now = self._stamp_of_file(), self._clock()
        if stamp == self._stamp:
            return False
        if self._edited is None or self._edited[0] != stamp:
            self._edited = stamp, now
        if now - self._edited[1] < QUIET_SECONDS and not self._is_own(stamp):
            return False
        self.load()
        return True

    def update(self, changes: Mapping[str, Any]) -> Settings:
        """Write `changes` (dotted key -> value; None removes it) into the file, keeping comments and order.

        New times to work end "work now", which set the earlier ones aside.

        Raises BadSettings, with the file unchanged, when the result would be invalid; CannotWrite.
        """

        def change(document: tomlkit.TOMLDocument) -> None:
            for key, value in changes.items():
                _set_key(document, schema.full_key(key).split(".", 1), value)
            if WORK_TIMES & {schema.full_key(key) for key in changes}:
                document.pop("work_until", None)

        return self._write(change)

    def update_folder(self, number: int | None, changes: Mapping[str, Any] | None) -> Settings:
        """Change the watched folder with this number, counted from 0; comments and other keys stay.

        number   None: a new one
        changes  key -> value, None removes the key; None in place of all removes the folder

        Raises as `update`, and BadSettings if there is no such folder.
        """

        def change(document: tomlkit.TOMLDocument) -> None:
            folders = document.get("folders")
            if not folders:
                document.pop("folders", None)  # an empty list
                folders = tomlkit.aot()
            if number is not None and number >= len(folders):
                raise BadSettings(f"{self.path} has no folder {number + 1} any more")
            if number is None:
                folders.append(tomlkit.table() if isinstance(folders, AoT) else tomlkit.inline_table())
            at = len(folders) - 1 if number is None else number
            if changes is None:
                del folders[at]
            else:
                for key, value in changes.items():
                    _set_key(folders[at], [key], value)
            if folders:
                document["folders"] = folders
            else:
                document.pop("folders", None)

        return self._write(change)

    def _write(self, change: Callable[[tomlkit.TOMLDocument], None]) -> Settings:
        with self._lock, self._alone():
            document = _parse_text(self._text(), self.path)
            change(document)
            self.parse(document.unwrap(), f"{self.path.name} would be wrong")
            write_atomically(self.path, tomlkit.dumps(document).encode())
            with suppress(OSError):  # without the mark, others wait QUIET_SECONDS before they read the change
                self._mark.write_text(repr(self._stamp_of_file()), "utf-8")
            return self.load()

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Keep other processes from changing the file between its reading and its writing.

        Raises CannotWrite or DiskFull.
        """
        with translate_write_errors(self.path):
            self.path.parent.mkdir(PRIVATE_FOLDER, parents=True, exist_ok=True)
        try:
            held = acquire_lock(self.path.with_name(f".{self.path.name}.lock"), LOCK_SECONDS)
        except LockHeld as error:
            raise CannotWrite(f"another program is changing {self.path}; try again") from error
        with held:
            yield

    def parse(self, raw: Mapping[str, Any], source: str) -> Settings:
        """Check plain data as if it came from this file; `source` is named in errors.

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
        """Check data without knowing the user's own models: most settings name none of them."""
        try:
            return schema.parse(raw, source)
        except BadSettings as error:
            raise BadSettings(f"{error}\n{unread}") from unread

    def _read(self) -> dict[str, Any]:
        try:
            return tomllib.loads(self._text())
        except tomllib.TOMLDecodeError as error:
            raise not_toml(self.path, self._text(), error) from error

    def _text(self) -> str:
        """Return the text of the file; empty if it never existed."""
        try:
            data = read_small(self.path, LARGEST_BYTES)
            text = data.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")  # Notepad's mark
        except FileNotFoundError:
            # The defaults watch no folder: they suit a user without a file, not one whose file was deleted.
            if self._existed:
                raise self._deleted_error() from None
            return ""
        except UnicodeDecodeError as error:
            raise BadSettings(
                f"{self.path} is not valid TOML: it is not UTF-8; save it as UTF-8 in your editor"
            ) from error
        except OSError as error:
            raise BadSettings(f"{self.path} cannot be read: {error.strerror}") from error
        self._existed = True
        return text

    def _deleted_error(self) -> BadSettings:
        return BadSettings(f"{self.path} is gone; put it back, or run `facewatch config init` for a new one")

    def _is_own(self, stamp: tuple[int, ...] | None) -> bool:
        try:
            return self._mark.read_text("utf-8") == repr(stamp)
        except (OSError, UnicodeDecodeError):
            return False

    def _stamp_of_file(self) -> tuple[int, ...] | None:
        try:
            stat = os.stat(self.path)  # noqa: PTH116 - follows a link as open() will
        except OSError:
            return None
        return stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns


def _parse_text(text: str, path: Path) -> tomlkit.TOMLDocument:
    try:
        return tomlkit.parse(text)
    except tomlkit.exceptions.TOMLKitError as error:
        raise not_toml(path, text, error) from error


def _set_key(table: Any, keys: list[str], value: Any) -> None:
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


def example(home: Path, model: str) -> str:
    """Return the text of a first config file, with its inbox and output below `home`."""
    text = resources.files("facewatch.settings").joinpath(EXAMPLE).read_text("utf-8")
    quoted = tomlkit.string(str(home)).as_string()[1:-1]
    text = text.replace(EXAMPLE_HOME, quoted)
    return text.replace(f'model = "{Settings().model}"', f"model = {tomlkit.string(model).as_string()}", 1)
