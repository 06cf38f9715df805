"""`facewatch report`: one zip for a bug report with log, config, versions and figures; never a photo."""

from __future__ import annotations

import hashlib
import io
import json
import mimetypes
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
from typing import Annotated, Any
from urllib.parse import urlsplit

import typer

from facewatch import __version__
from facewatch.cli.doctor.doctor import PACKAGES, examine
from facewatch.cli.doctor.types import Finding
from facewatch.cli.markup import say, say_path
from facewatch.cli.options import ConfigOption, places
from facewatch.cli.report.masks import Masks, without_logins
from facewatch.errors import BadSettings, FacewatchError
from facewatch.models import catalogue
from facewatch.models.files import own_names
from facewatch.restoration.codecs import formats
from facewatch.settings.installation import open_store
from facewatch.settings.schema import Settings
from facewatch.state.alerts import parse_incidents
from facewatch.state.ledger import Job, LedgerView
from facewatch.system.atomic import write_temporary
from facewatch.system.logs import files_of
from facewatch.system.paths import Places, expand_path
from facewatch.system.publish import publish
from facewatch.system.text import printable

MOST_PHOTOS = 20_000  # the latest of the ledger; enough for figures, and read quickly
MOST_REASONS = 200
CONTENTS = """This is what `facewatch report` packed, for a bug report. There is no photo in it.

{rows}
{names}
"""
MASKED = """The names of folders and photos are replaced: folder-1 is the first watched folder, output-1 the
folder of its copies, and each name in them is a number that differs from report to report. Comments in the
config are left out."""
NAMED = "The names of folders and photos are in it, because of --with-names."


@dataclass(frozen=True)
class Report:
    """A written report."""

    file: Path
    contents: tuple[tuple[str, str], ...]  # name in the zip, what it is


def report(
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="FILE.zip", help="File or folder for the report.", show_default="here"
        ),
    ] = None,
    with_names: Annotated[
        bool, typer.Option("--with-names", help="Keep the names of folders and photos.")
    ] = False,
    config: ConfigOption = None,
) -> None:
    """Pack a zip for a bug report, without names and photos."""
    name = default_name(datetime.now().astimezone())
    target = expand_path(output) if output else Path.cwd()
    target = target / name if os.path.isdir(target) else target  # noqa: PTH112 - never raises
    written = write_report(places(config), target, with_names=with_names)
    say_path(written.file)
    for entry, what in written.contents:
        say(f"  {entry}: {what}")
    print(f"  names of folders and photos: {'in it' if with_names else 'masked'}; photos: none")


def default_name(now: datetime) -> str:
    """Return the file name of a report for which the user chose none."""
    return f"facewatch-report-{now:%Y%m%d-%H%M%S}.zip"


def write_report(
    where: Places,
    target: Path,
    *,
    with_names: bool = False,
    look: Callable[[Places], Sequence[Finding]] = examine,
) -> Report:
    """Pack a report completely or not at all; if the file exists, the report gets the next free name.

    look  the check-up

    Raises CannotWrite or DiskFull.
    """
    jobs, trouble = _jobs(where)
    settings, config_trouble = _settings(where)
    masks = None if with_names else masks_for(where, settings, jobs)
    view = _Texts(masks)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        rows = [*_figures(where, view, jobs, trouble, look), _config(where, view, settings, config_trouble)]
        for name, _, text in rows:
            archive.writestr(name, printable(text))
        contents = [(name, what) for name, what, _ in rows]
        for log in (where.log, where.logs / "tray.log"):
            contents += [_add_log(archive, part, view) for part in files_of(log)]
        archive.writestr("contents.txt", _contents(contents, with_names=with_names))
    temporary = write_temporary(target.parent, packed.getvalue())
    try:
        digest = hashlib.sha256(packed.getvalue()).hexdigest()
        file = publish(temporary, target, lambda _: None, sha256=digest)
    finally:
        temporary.unlink(missing_ok=True)
    return Report(file, tuple(contents))


def masks_for(where: Places, settings: Settings, jobs: Sequence[Job]) -> Masks:
    """Return the masks of one installation: its folders, its own models and the photos in its ledger."""
    roots: dict[str, str] = {}
    for number, folder in enumerate(settings.folders, 1):
        roots |= {str(folder.input): f"folder-{number}", str(folder.output): f"output-{number}"}
    for job in jobs:
        if str(job.folder) not in roots:
            roots[str(job.folder)] = f"earlier-folder-{len(roots) + 1}"
    models = settings.models_folder or where.models
    ours = {models: "models", where.logs: "logs", where.state: "state", where.config.parent: "config"}
    roots |= {str(path): name for path, name in ours.items() if str(path) not in roots}
    roots.setdefault(str(Path.home()), "home")
    paths = sysconfig.get_paths()
    program = {paths[key]: f"<{key}>" for key in ("stdlib", "platstdlib", "purelib", "platlib", "scripts")}
    program[str(Path(__file__).parents[2])] = "<facewatch>"
    own = {name: f"own-model-{number}" for number, name in enumerate(sorted(own_names(models)), 1)}
    photos = {str(path) for job in jobs for path in (job.path, job.output, job.temporary) if path is not None}
    public = _public_hosts() - {urlsplit(settings.model_mirror or "").hostname or ""}
    return Masks(roots, photos=photos, program=program, names=own, public_hosts=public)


def _public_hosts() -> set[str]:
    """Return the hosts of the published models and their licences."""
    files = [model.checkpoint for model in catalogue.MODELS if model.checkpoint is not None]
    addresses = (
        address for file in files for address in (file.url, file.page, *file.mirrors, file.licence.terms_url)
    )
    return {host for address in addresses if (host := urlsplit(address).hostname)}


class _Texts:
    """Text for the zip, masked if there are masks."""

    def __init__(self, masks: Masks | None) -> None:
        self.masks = masks

    def line(self, text: str) -> str:
        return self.masks.line(text) if self.masks else without_logins(text)

    def json(self, value: Any) -> str:
        return json.dumps(self.masks.masked(value) if self.masks else value, indent=2) + "\n"


def _figures(
    where: Places,
    view: _Texts,
    jobs: Sequence[Job],
    trouble: str,
    look: Callable[[Places], Sequence[Finding]],
) -> Iterator[tuple[str, str, str]]:
    findings = [{"what": f.what, "level": f.level, "text": f.text} for f in look(where)]
    yield "versions.json", "facewatch, Python, the system, the packages", view.json(_versions())
    yield "doctor.json", "what `facewatch doctor` found", view.json(findings)
    facts: dict[str, Any] = {}
    with suppress(FacewatchError):  # `trouble` names the error
        facts = LedgerView(where.ledger).facts()
    yield (
        "incidents.json",
        "what went wrong and was resolved",
        view.json(parse_incidents(facts.pop("incidents", []))),
    )
    if watching := facts.get("watching"):
        kinds: Counter[str] = Counter()
        for kind, count in watching.get("passed_over", {}).items():
            kinds[_known_kind(kind)] += count
        facts["watching"] = {**watching, "passed_over": kinds}
    figures = {"trouble": trouble, **_statistics(where, jobs), "facts": facts}
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


def _statistics(where: Places, jobs: Sequence[Job]) -> dict[str, Any]:
    reports = [job.report for job in jobs if job.report]
    seconds = [float(report["seconds"]) for report in reports if "seconds" in report]
    failed = [job for job in jobs if job.error]
    counts: dict[str, int] = {}
    with suppress(FacewatchError):  # `trouble` names the error
        counts = {str(state): count for state, count in LedgerView(where.ledger).counts().items()}
    return {
        "photos": counts,
        "errors": Counter(job.error for job in failed),
        "suffixes": Counter(_known_kind(job.path.suffix.lower()) for job in jobs),
        "devices": Counter(str(report.get("device")) for report in reports),
        "models": Counter(str(report.get("model")) for report in reports),
        "seconds": _spread(seconds),
        "failed": [
            {"state": job.state, "error": job.error, "attempts": job.attempts, "reason": job.reason}
            for job in failed[:MOST_REASONS]
        ],
    }


def _known_kind(suffix: str) -> str:
    """Return a suffix that is common; "other" for one that may be a part of somebody's name."""
    return suffix if suffix in formats.BY_SUFFIX or suffix in mimetypes.types_map else "other"


def _spread(values: Sequence[float]) -> dict[str, float]:
    if not values:
        return {}
    middle, mean = statistics.median(values), statistics.fmean(values)
    return {"photos": len(values), "median": middle, "mean": round(mean, 3), "most": max(values)}


def _jobs(where: Places) -> tuple[list[Job], str]:
    view = LedgerView(where.ledger)
    try:
        return [*view.failed(MOST_PHOTOS), *view.retrying(MOST_PHOTOS), *view.recent(MOST_PHOTOS)], ""
    except FacewatchError as error:
        return [], str(error)


def _settings(where: Places) -> tuple[Settings, str]:
    try:
        return open_store(where).load(), ""
    except BadSettings as error:
        return Settings(), str(error)


def _config(where: Places, view: _Texts, settings: Settings, trouble: str) -> tuple[str, str, str]:
    if view.masks is None:
        try:
            text = without_logins(where.config.read_text("utf-8", "backslashreplace"))
        except OSError as error:
            text = f"# {error.strerror}\n"
        return "config.toml", "the settings, unchanged", text
    if trouble:
        # It may quote any part of the file, whole paths or halves of them.
        trouble = "the config file cannot be read, so it is left out; `facewatch config check` says why"
        return "config.json", "why the settings are missing", view.json({"trouble": trouble})
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
            packed.write((printable(view.line(line.rstrip("\n"))) + "\n").encode("utf-8", "backslashreplace"))
    return name, "the log, rotated part by part"


def _contents(rows: Sequence[tuple[str, str]], *, with_names: bool) -> str:
    table = "\n".join(f"{name:24} {what}" for name, what in rows)
    return CONTENTS.format(rows=table, names=NAMED if with_names else MASKED)
