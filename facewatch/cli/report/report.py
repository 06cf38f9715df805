"""One zip for a bug report: the log, the config, versions, figures; never a photo."""

from __future__ import annotations

import io
import json
import os
import platform
import statistics
import sysconfig
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from facewatch import __version__
from facewatch.cli.doctor.checks import PACKAGES, Finding, examine
from facewatch.cli.report.masking import Masks, without_logins
from facewatch.errors import BadSettings, FacewatchError
from facewatch.models.files import own_names
from facewatch.settings.installation import open_store
from facewatch.settings.schema import Settings
from facewatch.state.alerts import parse_incidents
from facewatch.state.ledger import Job, LedgerView
from facewatch.system.atomic import write_temporary
from facewatch.system.logs import files_of
from facewatch.system.paths import Places
from facewatch.system.publish import publish

MOST_PHOTOS = 20_000  # of the ledger, the latest; enough for figures, and soon read
MOST_REASONS = 200
CONTENTS = """This is what `facewatch report` packed, for a bug report. There is no photo in it.

{rows}
{names}
"""
MASKED = """The names of folders and photos are replaced: folder-1 is the first watched folder, output-1 the
folder of its copies, and what lies in them is a number that is another one in each report. Comments in the
config are left out."""
NAMED = "The names of folders and photos are in it, as --with-names asked."


@dataclass(frozen=True)
class Report:
    """A report that was written."""

    file: Path
    contents: tuple[tuple[str, str], ...]  # name in the zip, what it is


def default_name(now: datetime) -> str:
    """What a report is called that nobody gave a name."""
    return f"facewatch-report-{now:%Y%m%d-%H%M%S}.zip"


def write_report(
    places: Places,
    target: Path,
    *,
    with_names: bool = False,
    look: Callable[[Places], Sequence[Finding]] = examine,
) -> Report:
    """Pack a report, whole or not at all; an existing file is left alone and the report gets the next name.

    look  the check-up

    Raises CannotWrite or DiskFull.
    """
    jobs, trouble = _jobs(places)
    settings, config_trouble = _settings(places)
    masks = None if with_names else masks_for(places, settings, jobs)
    view = _Texts(masks)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        rows = [*_figures(places, view, jobs, trouble, look), _config(places, view, settings, config_trouble)]
        for name, _, text in rows:
            archive.writestr(name, text)
        contents = [(name, what) for name, what, _ in rows]
        for log in (places.log, places.logs / "tray.log"):
            contents += [_add_log(archive, part, view) for part in files_of(log)]
        archive.writestr("contents.txt", _contents(contents, with_names=with_names))
    temporary = write_temporary(target.parent, packed.getvalue())
    try:
        file = publish(temporary, target, _unheard)
    finally:
        temporary.unlink(missing_ok=True)
    return Report(file, tuple(contents))


def masks_for(places: Places, settings: Settings, jobs: Sequence[Job]) -> Masks:
    """The masks of one installation: its folders, its own models, and the photos it knows."""
    roots: dict[str, str] = {}
    for number, folder in enumerate(settings.folders, 1):
        roots |= {str(folder.input): f"folder-{number}", str(folder.output): f"output-{number}"}
    for job in jobs:
        if str(job.folder) not in roots:
            roots[str(job.folder)] = f"earlier-folder-{len(roots) + 1}"
    models = settings.models_folder or places.models
    ours = {models: "models", places.logs: "logs", places.state: "state", places.config.parent: "config"}
    roots |= {str(path): name for path, name in ours.items() if str(path) not in roots}
    roots.setdefault(str(Path.home()), "home")
    paths = sysconfig.get_paths()
    program = {paths[key]: f"<{key}>" for key in ("stdlib", "platstdlib", "purelib", "platlib", "scripts")}
    program[str(Path(__file__).parents[2])] = "<facewatch>"
    own = {name: f"own-model-{number}" for number, name in enumerate(sorted(own_names(models)), 1)}
    photos = {str(path) for job in jobs for path in (job.path, job.output, job.temporary) if path is not None}
    return Masks(roots, photos=photos, program=program, names=own)


class _Texts:
    """What goes into the zip, masked or as it is."""

    def __init__(self, masks: Masks | None) -> None:
        self.masks = masks

    def line(self, text: str) -> str:
        return self.masks.line(text) if self.masks else without_logins(text)

    def json(self, value: Any) -> str:
        return json.dumps(self.masks.masked(value) if self.masks else value, indent=2) + "\n"


def _figures(
    places: Places,
    view: _Texts,
    jobs: Sequence[Job],
    trouble: str,
    look: Callable[[Places], Sequence[Finding]],
) -> Iterator[tuple[str, str, str]]:
    findings = [{"what": f.what, "level": f.level, "text": f.text} for f in look(places)]
    yield "versions.json", "facewatch, Python, the system, the packages", view.json(_versions())
    yield "doctor.json", "what `facewatch doctor` found", view.json(findings)
    facts: dict[str, Any] = {}
    with suppress(FacewatchError):  # `trouble` says it
        facts = LedgerView(places.ledger).facts()
    yield (
        "incidents.json",
        "what went wrong and was healed",
        view.json(parse_incidents(facts.pop("incidents", []))),
    )
    figures = {"trouble": trouble, **_statistics(places, jobs), "facts": facts}
    yield "ledger.json", "photos by state, kinds of errors with their reasons, seconds", view.json(figures)


def _versions() -> dict[str, Any]:
    packages = {}

    for name in PACKAGES:
        try:
            packages[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            packages[name] = "not installed"
    return {
        "facewatch": __version__,
        "python": platform.python_version(),
        "system": platform.platform(),
        "machine": platform.machine(),
        "cores": os.cpu_count(),
        "packages": packages,
    }


def _statistics(places: Places, jobs: Sequence[Job]) -> dict[str, Any]:
    reports = [job.report for job in jobs if job.report]
    seconds = [float(report["seconds"]) for report in reports if "seconds" in report]
    failed = [job for job in jobs if job.error]
    counts: dict[str, int] = {}
    with suppress(FacewatchError):  # told already
        counts = {str(state): count for state, count in LedgerView(places.ledger).counts().items()}
    return {
        "photos": counts,
        "errors": Counter(job.error for job in failed),
        "suffixes": Counter(job.path.suffix[1:].lower() for job in jobs),
        "devices": Counter(str(report.get("device")) for report in reports),
        "models": Counter(str(report.get("model")) for report in reports),
        "seconds": _spread(seconds),
        "failed": [
            {"state": job.state, "error": job.error, "attempts": job.attempts, "reason": job.reason}
            for job in failed[:MOST_REASONS]
        ],
    }


def _spread(values: Sequence[float]) -> dict[str, float]:
    if not values:
        return {}
    middle, mean = statistics.median(values), statistics.fmean(values)
    return {"photos": len(values), "median": middle, "mean": round(mean, 3), "most": max(values)}


def _jobs(places: Places) -> tuple[list[Job], str]:
    view = LedgerView(places.ledger)
    try:
        return [*view.failed(MOST_PHOTOS), *view.retrying(MOST_PHOTOS), *view.recent(MOST_PHOTOS)], ""
    except FacewatchError as error:
        return [], str(error)


def _settings(places: Places) -> tuple[Settings, str]:
    try:
        return open_store(places).load(), ""
    except BadSettings as error:
        return Settings(), str(error)


def _config(places: Places, view: _Texts, settings: Settings, trouble: str) -> tuple[str, str, str]:
    if view.masks is None:
        try:
            text = without_logins(places.config.read_text("utf-8", "backslashreplace"))
        except OSError as error:
            text = f"# {error.strerror}\n"
        return "config.toml", "the settings, as they are", text
    if trouble:
        # It may quote any part of the file, whole paths or halves of them.
        trouble = "the config file cannot be read, so it is left out; `facewatch config check` says why"
        return "config.json", "why there are no settings here", view.json({"trouble": trouble})
    chosen = settings.model_dump(mode="json", exclude_unset=True)
    for folder in chosen.get("folders", ()):
        for key in ("include", "exclude"):
            if folder.get(key):
                folder[key] = f"{len(folder[key])} patterns"
    if chosen.get("output", {}).get("suffix"):
        chosen["output"]["suffix"] = "chosen"
    return "config.json", "the settings that differ from the defaults", view.json(chosen)


def _add_log(archive: zipfile.ZipFile, part: Path, view: _Texts) -> tuple[str, str]:
    name = f"logs/{part.name}"
    with (
        part.open(encoding="utf-8", errors="backslashreplace", newline="\n") as lines,
        archive.open(name, "w") as packed,
    ):
        for line in lines:
            packed.write((view.line(line.rstrip("\n")) + "\n").encode("utf-8", "backslashreplace"))
    return name, "the log, rotated part by part"


def _contents(rows: Sequence[tuple[str, str]], *, with_names: bool) -> str:
    table = "\n".join(f"{name:24} {what}" for name, what in rows)
    return CONTENTS.format(rows=table, names=NAMED if with_names else MASKED)


def _unheard(_: Path) -> None:
    """Nobody keeps book of reports."""
