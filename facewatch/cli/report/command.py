"""`facewatch report`: one file for a bug report."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from facewatch.cli.options import ConfigOption, places
from facewatch.system.paths import expand_path


def report(
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE.zip", help="Where it goes; here, if not said."),
    ] = None,
    with_names: Annotated[
        bool, typer.Option("--with-names", help="Leave the names of folders and photos in it.")
    ] = False,
    config: ConfigOption = None,
) -> None:
    """Pack log, settings, versions and figures into one zip for a bug report, without names and photos."""
    from facewatch.cli.report.report import default_name, write_report

    name = default_name(datetime.now().astimezone())
    target = expand_path(output) if output else Path.cwd()
    target = target / name if os.path.isdir(target) else target  # noqa: PTH112 - never raises
    written = write_report(places(config), target, with_names=with_names)
    print(written.file)
    for entry, what in written.contents:
        print(f"  {entry}: {what}")
    print(f"  names of folders and photos: {'in it' if with_names else 'masked'}; photos: none")
