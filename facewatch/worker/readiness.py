"""Which watched folders can be worked on now: their models are here, their output can be written."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from facewatch.errors import BadCheckpoint, CheckpointMissing, FacewatchError
from facewatch.models.files import ModelFiles
from facewatch.settings.schema import Folder, Settings
from facewatch.state.alerts import Alerts
from facewatch.system.mounts import Disks
from facewatch.system.paths import nearest_existing
from facewatch.worker.recipe import Probe, Recipe, resolve

PROBE_AGAIN_SECONDS = 60.0


@dataclass(frozen=True)
class Ready:
    """A watched folder, and how its photos are restored."""

    folder: Folder
    recipe: Recipe


class Readiness:
    """Looks each folder's models up; what is missing is asked for, and its photos wait."""

    def __init__(
        self,
        model_files: Callable[[], ModelFiles],
        alerts: Alerts,
        want: Callable[[str], None],
        probe: Probe,
        *,
        clock: Callable[[], float] = time.monotonic,
        disks: Disks | None = None,
    ) -> None:
        self._model_files = model_files
        self._alerts = alerts
        self._want = want
        self._probe = probe
        self._clock = clock
        self._disks = disks or Disks()
        self._recipes: dict[Path, Recipe] = {}  # by root, as `folders` gave them last
        self._resting: dict[Path, tuple[float, Recipe]] = {}  # by root: until when, of which recipe
        self._told: set[str] = set()  # the places of the troubles that `folders` met last
        self._devices: dict[str, str] = {}
        self._failed_probes: dict[str, tuple[float, FacewatchError]] = {}  # when to try again, what it said

    def folders(self, settings: Settings) -> dict[Path, Ready]:
        """The folders that can be worked on, by their watched root."""
        ready = {}
        before, self._told = self._told, set()
        for folder in settings.folders:
            if not self._usable(folder):
                continue
            recipe = self._recipe(folder, settings)
            if recipe is None or self._rests(folder.input, recipe) or not self._all_present(recipe):
                continue
            self._recipes[folder.input] = recipe
            ready[folder.input] = Ready(folder, recipe)
        for place in before - self._told:  # of what is chosen no more, too
            self._alerts.clear_alert(place)
        return ready

    def rest(self, root: Path, seconds: float) -> None:
        """Leave a folder alone for a while, or until something else is chosen for it."""
        if root in self._recipes:
            self._resting[root] = self._clock() + seconds, self._recipes[root]

    def _rests(self, root: Path, recipe: Recipe) -> bool:
        until, resting = self._resting.get(root, (0.0, None))
        return self._clock() < until and resting == recipe

    def redo(self, ready: Ready, wishes: Mapping[str, Any], settings: Settings) -> Ready:
        """The same folder with another model or weight, as a redo asks.

        Raises CheckpointMissing while that model is not here; it is asked for.
        """
        changes = {key: wishes[key] for key in ("model", "weight") if wishes.get(key) is not None}
        if "model" in changes and "weight" not in changes:
            changes["weight"] = settings.weight_of(changes["model"])
        plan = settings.plan(ready.folder).model_copy(update=changes)
        recipe = resolve(plan, settings.engine, self._device)
        told = self._told.copy()
        present = self._all_present(recipe)
        self._told = told  # no folder asks for this model, and its trouble is not over for that
        if not present:
            raise CheckpointMissing(f"{plan.model} is not here yet; the photo is restored when it is")
        return Ready(ready.folder, recipe)

    def _usable(self, folder: Folder) -> bool:
        """Whether both disks are there, and copies can be written; a share may never answer."""
        try:
            return self._there(folder) and self._writable(folder)
        except TimeoutError:
            return False  # at the next look its disk is away

    def _there(self, folder: Folder) -> bool:
        """Whether both disks are: on a bare mount point nothing must be looked for, and nothing written."""
        away = self._disks.unavailable_reason(folder.output)
        self._tell(f"disk of {folder.output}", away)
        if away or self._disks.unavailable_reason(folder.input):  # of the input the watcher tells
            return False
        return self._disks.has_folder(folder.input)

    def _writable(self, folder: Folder) -> bool:
        trouble = self._disks.ask(folder.output, lambda: _unwritable(folder.output))
        self._tell(f"folder {folder.output}", trouble)
        return not trouble

    def _tell(self, place: str, trouble: str) -> None:
        if trouble:
            self._told.add(place)
            self._alerts.raise_alert(place, trouble)
        else:
            self._alerts.clear_alert(place)

    def _recipe(self, folder: Folder, settings: Settings) -> Recipe | None:
        try:
            recipe = resolve(settings.plan(folder), settings.engine, self._device)
        except FacewatchError as error:
            self._tell("device", str(error))
            return None
        self._tell("device", "")
        return recipe

    def _device(self, wish: str) -> str:
        failed = self._failed_probes.get(wish)
        if failed is not None and self._clock() < failed[0]:
            raise failed[1]
        if wish not in self._devices:
            try:
                self._devices[wish] = self._probe(wish)
            except FacewatchError as error:
                self._failed_probes[wish] = (self._clock() + PROBE_AGAIN_SECONDS, error)
                raise
        return self._devices[wish]

    def _all_present(self, recipe: Recipe) -> bool:
        missing = [name for name in recipe.models if not self._present(name)]
        for name in missing:
            self._want(name)
        return not missing

    def _present(self, name: str) -> bool:
        try:
            state = self._model_files().state(name)
        except BadCheckpoint as error:
            self._tell(f"model {name}", str(error))
            return False
        self._tell(f"model {name}", "")
        return state in ("present", "builtin")


def _unwritable(output: Path) -> str:
    there = nearest_existing(output)
    if there.is_dir() and os.access(there, os.W_OK | os.X_OK):
        return ""
    return f"copies cannot be written to {there}; check that it is a folder and its permissions"
