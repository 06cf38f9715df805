"""The words for faces whose identity cannot be checked."""

from __future__ import annotations

from facewatch.errors import BadCheckpoint
from facewatch.models import catalogue
from facewatch.models.files import ModelFiles
from facewatch.settings.schema import Settings
from facewatch.system.disk_space import format_size

WAITING = 'photos wait, since no face is shown before it is compared (identity = "warn" shows them)'


def unchecked_note(files: ModelFiles, settings: Settings) -> str:
    """Return why faces cannot be compared with the originals; empty if they can, or need not be.

    Photos of a folder whose faces must be compared first wait; other faces are shown as they are.
    """
    plans = [settings.plan(folder) for folder in settings.folders] or [settings.plan(None)]
    if all(plan.restoration.identity == "off" for plan in plans):
        return ""
    for name in catalogue.names("identity"):
        if problem := _problem(files, name):
            waits = any(plan.must_compare() for plan in plans)
            return f"{WAITING}: {problem}" if waits else f"identity is not checked: {problem}"
    return ""


def _problem(files: ModelFiles, name: str) -> str:
    """Return what is wrong with the file of a model; empty if it can be used."""
    try:
        state, problem = files.state(name), files.problem(name)
    except BadCheckpoint as error:
        return str(error)
    if state == "present":
        return ""
    if problem:
        return problem
    checkpoint = files.row(name).checkpoint
    size = f" ({format_size(checkpoint.size_bytes)})" if checkpoint and checkpoint.size_bytes else ""
    return f"the model {name} is not downloaded; `facewatch models pull {name}` downloads it{size}"
