"""The terminal view of an archive's run, on 80 columns and without a terminal."""

from __future__ import annotations

import pytest

pytest.importorskip("pyarrow", reason="pip install 'facewatch[test]' for the tests of archives")

from facewatch.archive.driver import Stop
from facewatch.archive.progress import Progress
from facewatch.archive.verification import Verification
from facewatch.cli.archive_view import (
    WORDS_WIDTH,
    ProgressView,
    print_totals,
    print_verification,
    words_of,
)


def progress_of(**changes):
    return Progress(**{"began": 0.0, "listed": 1, "workers": 2, "seconds": 1.0} | changes)


def test_the_figures_of_a_long_run_fit_beside_the_bar():
    long = progress_of(total=250_000, done_before=99_999, finished=90_000, seconds=9e3, workers=16)
    long.outcomes["failed"] = 12
    assert len(words_of(long)) < WORDS_WIDTH


def test_a_run_without_a_terminal_writes_a_line_a_minute_and_why_it_waits_or_stops(capsys):
    now, stop = [0.0], Stop()
    view = ProgressView("builtin on this machine", stop, quiet=False, clock=lambda: now[0])
    with view.shown():
        for second in range(0, 130, 10):
            now[0] = float(second)
            stop.asked = second >= 100
            waiting = "503 for [b]/\n.jpg" if 30 <= second < 60 else ""
            view.show(progress_of(finished=second, total=130, waiting=waiting))
    assert capsys.readouterr().err.splitlines() == [
        "builtin on this machine",
        "waiting: 503 for [b]/\\n.jpg",
        "60 of 130, 60.0 a second, 1 s left, 2 workers",
        "stopping: the photos in work are finished first; another Ctrl-C ends at once",
        "120 of 130, 120.0 a second, 0 s left, 2 workers",
    ]


def test_nothing_is_shown_beside_json(capsys):
    with ProgressView("builtin", Stop(asked=True), quiet=True).shown():
        pass
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("changes", "stopped", "said"),
    [
        ({"listed": 0}, False, "no photos found there"),
        ({"done_before": 36}, False, "nothing to do, 36 done before"),
        (
            {"done_before": 36},
            True,
            "36 done before\nstopped before the end; the same command continues the run",
        ),
        ({"unlisted": "a\nb cannot be listed"}, False, "not all photos were found: a\\nb cannot be listed"),
    ],
)
def test_the_totals_say_what_was_not_done(capsys, changes, stopped, said):
    print_totals(progress_of(**changes), stopped=stopped)
    assert said in capsys.readouterr().err


def test_a_name_with_a_line_end_takes_one_line_and_only_the_first_problems_are_shown(capsys):
    found = Verification(photos=30)
    for number in range(30):
        found.add("has no row in the manifest", f"{number}\n.jpg")
    print_verification(found)
    said = capsys.readouterr().err.splitlines()
    assert said[0] == "30 photos, 0 copies: nothing was restored into this destination yet"
    assert said[1] == "  has no row in the manifest: 0\\n.jpg"
    assert said[21:] == ["  and 10 more; --json names the first 100", "30 x has no row in the manifest"]
