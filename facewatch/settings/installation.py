"""The settings and model files of one installation, opened in one way by the daemon and all commands."""

from __future__ import annotations

from facewatch.errors import BadSettings
from facewatch.models.files import ModelFiles, own_names
from facewatch.settings.schema import Settings
from facewatch.settings.store import Store
from facewatch.system.paths import Places


def open_store(places: Places) -> Store:
    """Return the settings' store, not loaded yet; it finds the user's own models by their files."""
    return Store(places.config, lambda folder: own_names(folder or places.models))


def open_model_files(places: Places, settings: Settings) -> ModelFiles:
    """Return the model files in the folder that the settings name."""
    return ModelFiles(settings.models_folder or places.models, mirror=settings.model_mirror)


def no_folder_error(places: Places) -> BadSettings:
    """Return the error for a config that names no folder, or does not exist."""
    named = "" if places.config == Places.standard().config else f" --config {places.config}"
    return BadSettings(
        f"{places.config} names no folder to watch; `facewatch config init{named}` adds the usual one"
    )
