"""The watched folders that are ready for work: models downloaded, disks mounted, output writable."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from facewatch.errors import BadCheckpoint, CheckpointMissing, FacewatchError
from facewatch.models import catalogue
from facewatch.models.files import ModelFiles
from facewatch.settings.schema import Folder, Settings
from facewatch.state.alerts import Alerts
from facewatch.state.requests import parse_faces
from facewatch.system.mounts import Disks
from facewatch.system.write_access import write_problem
from facewatch.worker.recipe import Probe, Recipe, resolve

PROBE_AGAIN_SECONDS = 60.0


@dataclass(frozen=True)
class Ready:
    """A watched folder, and the recipe for its photos."""

    folder: Folder
    recipe: Recipe


class Readiness:
    """Checks each folder's models and disks; requests missing models, whose photos wait."""

    def __init__(
        self,
        model_files: Callable[[], ModelFiles],
        alerts: Alerts,
        want: Callable[[str], None],
        probe: Probe,
        *,
        want_for_settings: Callable[[Collection[str]], object] | None = None,
        clock: Callable[[], float] = time.monotonic,
        disks: Disks | None = None,
    ) -> None:
        """Store the arguments.

        want               requests a model for a redo
        want_for_settings  requests the models that the settings need, and no others; None: `want` for each
        """
        self._model_files = model_files
        self._want_for_settings = want_for_settings or (lambda names: list(map(want, names)))
        self._alerts = alerts
        self._want = want
        self._probe = probe
        self._clock = clock
        self._disks = disks or Disks()
        self._recipes: dict[Path, Recipe] = {}  # by root, as `folders` last returned them
        self._resting: dict[Path, tuple[float, Recipe]] = {}  # by root: until when, with which recipe
        self._shown: set[str] = set()  # the places of the alerts that `folders` last raised
        self._devices: dict[str, str] = {}
        self._failed_probes: dict[str, tuple[float, FacewatchError]] = {}  # when to try again, the error

    def folders(self, settings: Settings) -> dict[Path, Ready]:
        """Return the folders that are ready for work, by watched root."""
        ready = {}
        wanted: list[str] = []
        before, self._shown = self._shown, set()
        for folder in settings.folders:
            if not self._is_usable(folder):
                continue
            recipe = self._recipe(folder, settings)
            if recipe is None or self._is_resting(folder.input, recipe):
                continue
            missing = self._missing(recipe)
            wanted += [*self._missing_checks(recipe), *missing]
            if missing:
                continue
            self._recipes[folder.input] = recipe
            ready[folder.input] = Ready(folder, recipe)
        for place in before - self._shown:  # also of folders and models no longer in the settings
            self._alerts.clear_alert(place)
        self._want_for_settings(dict.fromkeys(wanted))
        return ready

    def rest(self, root: Path, seconds: float) -> None:
        """Leave a folder alone for a while, or until its recipe changes."""
        if root in self._recipes:
            self._resting[root] = self._clock() + seconds, self._recipes[root]

    def _is_resting(self, root: Path, recipe: Recipe) -> bool:
        until, resting = self._resting.get(root, (0.0, None))
        return self._clock() < until and resting == recipe

    def known_device(self, requested: str) -> str:
        """Return the device that a setting means, or the setting itself where that was not needed yet."""
        return self._devices.get(requested, requested)

    def redo(self, ready: Ready, options: Mapping[str, Any], settings: Settings) -> Ready:
        """Return the folder with the model, the weight and the choices for single faces of a redo.

        Raises CheckpointMissing, and requests the model, if it is not downloaded.
        """
        changes = {key: options[key] for key in ("model", "weight") if options.get(key) is not None}
        if "model" in changes and "weight" not in changes:
            changes["weight"] = settings.weight_of(changes["model"])
        plan = settings.plan(ready.folder).model_copy(update=changes)
        faces = parse_faces(options.get("faces") or [])
        faces = tuple(replace(face, model=None) if face.model == plan.model else face for face in faces)
        recipe = replace(resolve(plan, settings.engine, self._device), faces=faces)
        shown = self._shown.copy()
        missing = self._missing(recipe)
        self._shown = shown  # no folder uses this model, which must not clear its alert
        for name in missing:
            self._want(name)
        if missing:
            names = " and ".join(missing)
            raise CheckpointMissing(f"{names} is not downloaded yet; the photo is restored once it is")
        return Ready(ready.folder, recipe)

    def _is_usable(self, folder: Folder) -> bool:
        """True if both folders are available and copies can be written; a share may never answer."""
        try:
            return self._is_available(folder) and self._is_writable(folder)
        except TimeoutError:
            return False  # the next check reports its disk

    def _is_available(self, folder: Folder) -> bool:
        """True if both disks are mounted: a bare mount point must be neither read nor written."""
        reason = self._disks.unavailable_reason(folder.output)
        self._set_alert(f"disk of {folder.output}", reason)
        if reason or self._disks.unavailable_reason(folder.input):  # the watcher reports the input's
            return False
        return self._disks.has_folder(folder.input)

    def _is_writable(self, folder: Folder) -> bool:
        problem = self._disks.ask(folder.output, lambda: write_problem(folder.output))
        self._set_alert(f"folder {folder.output}", problem)
        return not problem

    def _set_alert(self, place: str, problem: str) -> None:
        if problem:
            self._shown.add(place)
            self._alerts.raise_alert(place, problem)
        else:
            self._alerts.clear_alert(place)

    def _recipe(self, folder: Folder, settings: Settings) -> Recipe | None:
        try:
            recipe = resolve(settings.plan(folder), settings.engine, self._device)
        except FacewatchError as error:
            self._set_alert("device", str(error))
            return None
        self._set_alert("device", "")
        return recipe

    def _device(self, requested: str) -> str:
        failed = self._failed_probes.get(requested)
        if failed is not None and self._clock() < failed[0]:
            raise failed[1]
        if requested not in self._devices:
            try:
                self._devices[requested] = self._probe(requested)
            except FacewatchError as error:
                self._failed_probes[requested] = (self._clock() + PROBE_AGAIN_SECONDS, error)
                raise
        return self._devices[requested]

    def _missing(self, recipe: Recipe) -> list[str]:
        return [name for name in recipe.models if not self._is_present(name)]

    def _missing_checks(self, recipe: Recipe) -> list[str]:
        """Return the optional models to download; none for a recipe of which nothing is downloaded."""
        missing = [name for name in recipe.optional_models if not self._is_present(name)]
        return missing if any(name in catalogue.BY_NAME for name in recipe.models) else []

    def _is_present(self, name: str) -> bool:
        try:
            files = self._model_files()
            state = files.state(name)
            problem = files.problem(name) if state == "corrupt" else ""
        except BadCheckpoint as error:
            self._set_alert(f"model {name}", str(error))
            return False
        self._set_alert(f"model {name}", problem)
        return state in ("present", "builtin")
