"""Terminal view of an archive's run: progress with rate and time left, then totals and failures by cause."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, TextColumn
from rich.progress import Progress as Bar

from facewatch.archive.progress import Progress
from facewatch.archive.verification import Verification
from facewatch.cli.markup import escape

SHOWN_CAUSES = 20


class ProgressView:
    """A bar on standard error while the run goes on."""

    def __init__(self, title: str, *, quiet: bool) -> None:
        """Take the words before the bar; `quiet` shows nothing."""
        self._bar = Bar(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.fields[words]}"),
            console=Console(stderr=True, highlight=False),
            transient=True,
            disable=quiet,
        )
        self._task = self._bar.add_task(escape(title), total=None, words="starting workers")

    @contextmanager
    def shown(self) -> Iterator[None]:
        """Show the bar meanwhile."""
        with self._bar:
            yield

    def show(self, progress: Progress) -> None:
        """Show the figures of this moment."""
        self._bar.update(
            self._task,
            completed=progress.done_before + progress.finished,
            total=progress.total,
            words=words_of(progress),
        )


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


def print_totals(progress: Progress) -> None:
    """Print what a run did: outcomes, workers, failures by cause."""
    console = Console(stderr=True, highlight=False)
    counts = [f"{count} {outcome}" for outcome, count in progress.outcomes.most_common()]
    before = [f"{progress.done_before} done before"] if progress.done_before else []
    console.print(", ".join([*counts, *before]) or "no photos found there", soft_wrap=True)
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
        console.print(f"  {count} x {escape(cause)}", soft_wrap=True)


def print_verification(found: Verification) -> None:
    """Print what a verification found."""
    console = Console(stderr=True, highlight=False)
    counts = ", ".join(f"{count} {outcome}" for outcome, count in found.outcomes.most_common())
    console.print(f"{found.photos} photos, {found.copies} copies: {counts}", soft_wrap=True)
    if found.others:
        console.print(f"{found.others} other files in the destination, which were left alone")
    for line in found.examples:
        console.print(f"  {escape(line)}", soft_wrap=True)
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
        "report": progress.report,
        "workers": {name: vars(figures) for name, figures in progress.by_worker.items()},
    }
