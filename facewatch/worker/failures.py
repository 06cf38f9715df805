"""The handling of failed photos, and the hold that makes all photos wait."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from pathlib import Path

from facewatch.errors import FacewatchError
from facewatch.state.alerts import Alerts
from facewatch.state.ledger import Job, Ledger
from facewatch.state.outcomes import final_reason
from facewatch.worker.inbox import Inbox
from facewatch.worker.readiness import Readiness
from facewatch.worker.retry_policy import LONGEST_HOLD_SECONDS, FailureStreak, RetryDecision, decide

log = logging.getLogger(__name__)

SHORTEST_HOLD_SECONDS = 5.0
WORDS = {  # of the log, for each decision
    "retry": "will retry",
    "later": "will retry",
    "park": "failed",
    "poison": "failed (crashes)",
    "skip": "skipped",
    "give back": "waits",
    "look again": "will look again",
}


class Failures:
    """Decides about failed photos and carries the decisions out; for the worker's thread only."""

    def __init__(
        self,
        inbox: Inbox,
        ledger: Ledger,
        alerts: Alerts,
        readiness: Readiness,
        *,
        root_of: Callable[[Path], Path | None],
        clock: Callable[[], float],
    ) -> None:
        self._inbox = inbox
        self._ledger = ledger
        self._alerts = alerts
        self._readiness = readiness
        self._root_of = root_of
        self._clock = clock
        self._streak = FailureStreak()
        self._held_until = clock()
        self._hold_seconds = 0.0
        self._cause = ""  # of the present hold
        self._shown: set[str] = set()  # the places of its alerts

    @property
    def holding(self) -> bool:
        """True while no photo may be started."""
        return self._clock() < self._held_until

    @property
    def retries_last(self) -> bool:
        """True if untried photos go first: the engine fails on everything, or one photo may end it again."""
        return self._streak.down or self._streak.suspecting

    def suspect(self, jobs: Iterable[Job]) -> None:
        """Let the photos that were in an engine when it ended wait until all others have had their turn."""
        self._streak.suspect(job.id for job in jobs)

    def hold(self, place: str, error: FacewatchError) -> None:
        """Make all photos wait, longer each time in a row, and show why.

        place  a key of LONGEST_HOLD_SECONDS
        """
        if not self._hold_seconds:
            self._cause = f"{place}: {error}"
            log.warning("all photos wait for a while (%s)", self._cause)
        self._raise_alert(place, error)
        if self.holding:  # several photos met the same cause
            return
        longest = LONGEST_HOLD_SECONDS[place]
        self._hold_seconds = min(longest, max(SHORTEST_HOLD_SECONDS, self._hold_seconds * 2))
        self._held_until = self._clock() + self._hold_seconds

    def passed(self, job: Job, *, restored: bool = True) -> None:
        """End the hold and clear its alerts: the engine has restored a photo.

        restored  False: it only checked an existing copy, which says nothing about the device
        """
        if not restored:
            return
        if self._hold_seconds:
            self._alerts.record_incident(
                f"the photos, which all had to wait, are restored again ({self._cause})"
            )
        self._streak.passed(job.id)
        self._hold_seconds = 0.0
        self._clear_alerts("ledger", "engine", _engine_for(job))

    def published(self) -> None:
        """Clear the alert about a full disk: a copy had room."""
        self._streak.published()
        self._clear_alerts("disk")

    def idle(self) -> None:
        """Clear the alerts that no photo causes any longer, after a turn that found nothing to do.

        Alerts about an engine stay while photos are due for retry: those show whether it has recovered.
        """
        if not self._shown:
            return
        self._clear_alerts("disk", "ledger")
        if self._ledger.seconds_to_retry() is None:
            self._clear_alerts(*self._shown)
            self._hold_seconds = 0.0

    def _raise_alert(self, place: str, error: FacewatchError) -> None:
        self._shown.add(place)
        self._alerts.raise_alert(place, str(error))

    def _clear_alerts(self, *places: str) -> None:
        self._shown.difference_update(places)
        for place in places:
            self._alerts.clear_alert(place)

    def judge(self, job: Job, error: FacewatchError) -> RetryDecision:
        """Decide about a failed photo, and record the decision in the ledger.

        Raises DiskFull or BadLedger.
        """
        again = self._streak.had_no_room(job.id)
        self._streak.failed(job.id, error)
        others_passed = self._streak.others_passed(job.id)
        decision = decide(
            error,
            job.attempts,
            down=self._streak.down,
            others_passed=others_passed,
            full=self._streak.full,
            again=again,
        )
        log.log(decision.level, "%s: %s [%s]", job.path, error, WORDS[decision.what])
        if decision.hold_place:
            self.hold(decision.hold_place, error)
        if decision.rests:
            self._raise_alert(_engine_for(job), error)
            if not job.wishes:  # a redo may use another model than its folder
                self._readiness.rest(job.folder, decision.after_seconds)
        if decision.what != "retry":
            self._streak.gave_up(job.id)
        self._carry_out(decision, job, error)
        return decision

    def _carry_out(self, decision: RetryDecision, job: Job, error: FacewatchError) -> None:
        reason, name = str(error), type(error).__name__
        if decision.what == "retry":
            self._ledger.retry(job, reason, name, decision.after_seconds)
        elif decision.what == "later":
            # After a hold another photo goes first: it may show that the engine has recovered.
            after = decision.after_seconds or 2 * self._hold_seconds
            self._ledger.retry(job, reason, name, after, counted=False)
        elif decision.what == "park":
            self._ledger.park(job, final_reason(reason), name)
        elif decision.what == "poison":
            self._ledger.poison(job, reason, name)
        elif decision.what == "skip":
            self._ledger.skipped(job, reason)
        elif decision.what == "give back":
            self._ledger.give_back(job)
        else:
            self._ledger.lost(job, reason)
            root = self._root_of(job.path)  # the settings may have changed meanwhile
            if root is not None:
                self._inbox.put(root, job.path)


def _engine_for(job: Job) -> str:
    return f"engine for {job.folder}"
