"""The command line: one small function a command."""

from __future__ import annotations

import io
import os
import sys
import traceback

import typer

from facewatch.cli import autostart, compare, config, daemon, models, restore, tray
from facewatch.cli.bench.command import bench
from facewatch.cli.demo.command import demo
from facewatch.cli.doctor.command import doctor
from facewatch.cli.report.command import report
from facewatch.errors import FacewatchError, WrongUse

app = typer.Typer(
    no_args_is_help=True,
    help="Watches folders, restores the faces in new photos, and leaves the originals alone.",
    pretty_exceptions_enable=False,
)
app.command("run")(daemon.run)
app.command("restore")(restore.command)
app.command("compare")(compare.compare)
app.command("demo")(demo)
app.command("status")(daemon.status)
app.command("pause")(daemon.pause)
app.command("resume")(daemon.resume)
app.command("set", context_settings={"ignore_unknown_options": True})(
    config.set_value
)  # set suffix -restored
app.add_typer(models.app, name="models")
app.add_typer(config.app, name="config")
app.command("redo")(daemon.redo)
app.command("retry")(daemon.retry)
app.command("tray")(tray.tray)
app.add_typer(autostart.app, name="autostart")
app.command("doctor")(doctor)
app.command("report")(report)
app.command("bench")(bench)
app.command("engine", hidden=True)(daemon.engine)


def main() -> None:
    """Run one command; ends the process with 0 done, 1 something failed, 2 wrong use."""
    _show_any_name()
    try:
        app()
    except WrongUse as error:
        sys.exit(_said(error, 2))
    except FacewatchError as error:
        sys.exit(_said(error, 1))
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # the reader has left: nothing more to say
        sys.exit(1)
    except Exception:  # noqa: BLE001 - the last door: say that it is our mistake, and how to report it
        traceback.print_exc()
        print(
            "facewatch: this is a mistake in facewatch; please report it with the lines above",
            file=sys.stderr,
        )
        sys.exit(1)


def _show_any_name() -> None:
    """Write out what a terminal cannot show: a photo may have a name that its encoding lacks."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a windowed program has none
            stream.reconfigure(errors="backslashreplace")


def _said(error: FacewatchError, code: int) -> int:
    print(f"facewatch: {error}", file=sys.stderr)
    return code
