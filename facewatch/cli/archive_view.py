"""Terminal view of an archive's run: progress with rate and time left, then totals and failures by cause."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, TextColumn
from rich.progress import Progress as Bar

from facewatch.archive.driver import Stop
from facewatch.archive.progress import Progress
from facewatch.archive.verification import MOST_EXAMPLES, Verification
from facewatch.cli.markup import escape, escape_path

SHOWN_CAUSES = 20
SHOWN_EXAMPLES = 20
WORDS_WIDTH = 72  # columns of the longest figures
LINE_SECONDS = 60.0  # between two lines of a run without a terminal


class ProgressView:
    """A bar on standard error while the run goes on; a line a minute where that is no terminal."""

    def __init__(
        self, title: str, stop: Stop, *, quiet: bool, clock: Callable[[], float] = monotonic
    ) -> None:
        """Take the words before the bar, and the stop that Ctrl-C asks for; `quiet` shows nothing."""
        self._title = title
        self._stop = stop
        self._clock = clock
        self._console = Console(stderr=True, highlight=False, quiet=quiet)
        self._bar = Bar(
            BarColumn(max(8, min(40, self._console.width - WORDS_WIDTH))),
            TextColumn("{task.description}"),
            console=self._console,
            transient=True,
            disable=quiet or not self._console.is_terminal,
        )
        self._task = self._bar.add_task("starting workers", total=None)
        self._line_after = clock() + LINE_SECONDS
        self._stopping = self._waiting = False

    @contextmanager
    def shown(self) -> Iterator[None]:
        """Show the bar meanwhile."""
        self._say(self._title)
        with self._bar:
            yield

    def show(self, progress: Progress) -> None:
        """Show the figures of this moment."""
        done, words = progress.done_before + progress.finished, words_of(progress)
        self._bar.update(self._task, completed=done, total=progress.total, description=words)
        if self._stop.asked and not self._stopping:
            self._say("stopping: the photos in work are finished first; another Ctrl-C ends at once")
        if progress.waiting and not self._waiting:
            self._say(f"waiting: {progress.waiting}")
        self._stopping, self._waiting = self._stop.asked, bool(progress.waiting)
        if self._bar.disable and self._clock() >= self._line_after:
            self._line_after = self._clock() + LINE_SECONDS
            self._say(words)

    def _say(self, text: str) -> None:
        self._console.print(escape_path(text), soft_wrap=True)


def words_of(progress: Progress) -> str:
    """Return the figures in one line: "34 of 120, 2.1 a second, 41 s left, 2 workers"."""
    done = progress.done_before + progress.finished
    parts = [f"{done} of {progress.total}" if progress.total is not None else f"{done}"]
    parts.append(f"{progress.rate:.1f} a second")
    if (left := progress.seconds_left) is not None:
        parts.append(f"{duration_words(left)} left")
    parts.append(f"{progress.workers} worker{'' if progress.workers == 1 else 's'}")
    failed = progress.outcomes["failed"]
    return ", ".join([*parts, *([f"{failed} failed"] if failed else [])])


def duration_words(seconds: float) -> str:
    """Return a duration in the largest unit that fits: "41 s", "12 minutes", "5.2 hours", "3.1 days"."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} minutes"
    return f"{seconds / 3600:.1f} hours" if seconds < 129_600 else f"{seconds / 86_400:.1f} days"


def print_totals(progress: Progress, *, stopped: bool) -> None:
    """Print what a run did: outcomes, workers, failures by cause; `stopped` before its end."""
    console = Console(stderr=True, highlight=False)
    counts = [f"{count} {outcome}" for outcome, count in progress.outcomes.most_common()]
    before = [f"{progress.done_before} done before"] if progress.done_before else []
    nothing = ["nothing to do" if before else "no photos found there"]
    console.print(", ".join([*(counts or ([] if stopped else nothing)), *before]), soft_wrap=True)
    if progress.finished:
        console.print(
            f"{progress.rate:.2f} photos a second in {duration_words(progress.seconds)}, "
            f"{progress.faces} faces restored"
        )
    for name, figures in sorted(progress.by_worker.items()):
        console.print(
            f"  {escape(name)}: {figures.photos} photos, {figures.faces} faces, "
            f"{figures.seconds:.0f} s in its engine",
            soft_wrap=True,
        )
    if progress.report:
        console.print(f"report: {escape(progress.report)} in the destination", soft_wrap=True)
    for cause, count in progress.causes.most_common(SHOWN_CAUSES):
        console.print(f"  {count} x {escape_path(cause)}", soft_wrap=True)
    if progress.unlisted:
        console.print(f"not all photos were found: {escape_path(progress.unlisted)}", soft_wrap=True)
    if stopped:
        console.print("stopped before the end; the same command continues the run")


def print_verification(found: Verification) -> None:
    """Print what a verification found."""
    console = Console(stderr=True, highlight=False)
    counts = ", ".join(f"{count} {outcome}" for outcome, count in found.outcomes.most_common())
    words = counts or "nothing was restored into this destination yet"
    console.print(f"{found.photos} photos, {found.copies} copies: {words}", soft_wrap=True)
    if found.others:
        console.print(f"{found.others} other files in the destination, which were left alone")
    for line in found.examples[:SHOWN_EXAMPLES]:
        console.print(f"  {escape_path(line)}", soft_wrap=True)
    if (more := found.problems.total() - SHOWN_EXAMPLES) > 0:
        console.print(f"  and {more} more; --json names the first {MOST_EXAMPLES}")
    for kind, count in found.problems.most_common():
        console.print(f"{count} x {kind}", soft_wrap=True)
    if not found.problems:
        console.print("source, manifest and destination agree")


def figures_of(progress: Progress) -> dict[str, Any]:
    """Return the figures as plain data."""
    return {
        "listed": progress.listed,
        "done_before": progress.done_before,
        "finished": progress.finished,
        "faces": progress.faces,
        "seconds": round(progress.seconds, 3),
        "outcomes": dict(progress.outcomes),
        "causes": dict(progress.causes),
        "deaths": progress.deaths,
        "unlisted": progress.unlisted,
        "report": progress.report,
        "workers": {name: vars(figures) for name, figures in progress.by_worker.items()},
    }
