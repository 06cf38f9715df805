"""Paths of an installation, and paths that users type."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from facewatch.errors import WrongUse


def expand_path(named: str | Path) -> Path:
    """Return the absolute path of what was typed; `~NAME` stays as typed if there is no such user."""
    return Path(os.path.expanduser(named)).absolute()  # noqa: PTH111 - never raises


def require_photo(path: Path, named: str | Path) -> None:
    """Raise WrongUse, calling the file `named`, unless a file can be reached at `path`."""
    if os.path.isdir(path):  # noqa: PTH112 - never raises
        raise WrongUse(f"{named} is a folder; name a photo in it")
    if not os.path.isfile(path):  # noqa: PTH113 - never raises
        raise WrongUse(f"{named} is not there, or cannot be reached; name a photo")


@dataclass(frozen=True)
class Places:
    """The files and folders of one installation."""

    config: Path  # config.toml
    state: Path  # the ledger, the lock, requests
    models: Path  # checkpoints
    logs: Path
    pictures: Path  # where the default inbox goes

    @classmethod
    def standard(cls) -> Places:
        """Return the system's usual places.

        The variable FACEWATCH_HOME moves all of them under one folder, FACEWATCH_MODELS moves the models.
        """
        home = os.environ.get("FACEWATCH_HOME")
        places = cls.under(expand_path(home)) if home else cls._of_system()
        models = os.environ.get("FACEWATCH_MODELS")
        if not models:
            return places
        return cls(places.config, places.state, expand_path(models), places.logs, places.pictures)

    @classmethod
    def under(cls, home: Path) -> Places:
        """Return places that are all under one folder."""
        return cls(home / "config.toml", home / "state", home / "models", home / "logs", home / "Pictures")

    @classmethod
    def _of_system(cls) -> Places:
        dirs = platformdirs.PlatformDirs("facewatch", appauthor=False)
        return cls(
            Path(dirs.user_config_dir) / "config.toml",
            Path(dirs.user_state_dir),
            Path(dirs.user_data_dir) / "models",
            Path(dirs.user_log_dir),
            Path(platformdirs.user_pictures_dir()),
        )

    @property
    def ledger(self) -> Path:
        return self.state / "ledger.sqlite3"

    @property
    def lock(self) -> Path:
        return self.state / "daemon.lock"

    @property
    def pid(self) -> Path:
        return self.state / "daemon.json"

    @property
    def requests(self) -> Path:
        return self.state / "requests"

    @property
    def previews(self) -> Path:
        return self.state / "previews"

    @property
    def log(self) -> Path:
        return self.logs / "facewatch.log"


def nearest_existing(path: Path) -> Path:
    """Return the path or its nearest visible parent; a folder without permission hides what is inside."""
    return next(place for place in (path, *path.parents) if os.path.exists(place))  # noqa: PTH110 - never raises
