"""What becomes of the photos that failed, and how long all others wait for it."""

from __future__ import annotations

import logging
from collections.abc import Callable

from facewatch.errors import FacewatchError
from facewatch.state.alerts import Alerts
from facewatch.state.ledger import Job, Ledger
from facewatch.worker.inbox import Inbox
from facewatch.worker.readiness import Readiness
from facewatch.worker.retry_policy import LONGEST_HOLD_SECONDS, FailureStreak, RetryDecision, decide

log = logging.getLogger(__name__)

SHORTEST_HOLD_SECONDS = 5.0


class Failures:
    """Judges failures and carries the verdicts out; belongs to the worker's thread."""

    def __init__(
        self,
        inbox: Inbox,
        ledger: Ledger,
        alerts: Alerts,
        readiness: Readiness,
        clock: Callable[[], float],
    ) -> None:
        self._inbox = inbox
        self._ledger = ledger
        self._alerts = alerts
        self._readiness = readiness
        self._clock = clock
        self._streak = FailureStreak()
        self._held_until = clock()
        self._hold_seconds = 0.0
        self._shown: set[str] = set()  # places on the board

    @property
    def holding(self) -> bool:
        """Whether nothing is to be started yet."""
        return self._clock() < self._held_until

    @property
    def down(self) -> bool:
        """Whether the engine fails on everything."""
        return self._streak.down

    def hold(self, place: str, error: FacewatchError) -> None:
        """Let all photos wait, longer at each time in a row, and show why.

        place   a key of LONGEST_HOLD_SECONDS
        """
        if not self._hold_seconds:
            self._alerts.record_incident(f"all photos wait a while ({place}): {error}")
        self._trouble(place, error)
        if self.holding:  # one cause, met by several photos
            return
        longest = LONGEST_HOLD_SECONDS[place]
        self._hold_seconds = min(longest, max(SHORTEST_HOLD_SECONDS, self._hold_seconds * 2))
        self._held_until = self._clock() + self._hold_seconds

    def passed(self, job: Job) -> None:
        """The engine has restored a photo: what stood in its way is over."""
        if self._hold_seconds:
            self._alerts.record_incident("the photos are restored again")
        self._streak.passed(job.id)
        self._hold_seconds = 0.0
        self._solved("ledger", "engine", _engine_for(job))

    def rested(self) -> None:
        """A turn went well and found nothing to do: what no photo meets any more is no trouble.

        Whether an engine is well again tell those that are still to be tried again.
        """
        if not self._shown:
            return
        self._solved("disk", "ledger")
        if self._ledger.seconds_to_retry() is None:
            self._solved(*self._shown)
            self._hold_seconds = 0.0

    def _trouble(self, place: str, error: FacewatchError) -> None:
        self._shown.add(place)
        self._alerts.raise_alert(place, str(error))

    def _solved(self, *places: str) -> None:
        self._shown.difference_update(places)
        for place in places:
            self._alerts.clear_alert(place)

    def judge(self, job: Job, error: FacewatchError) -> RetryDecision:
        """Decide about a photo that failed, and write it into the ledger.

        Raises DiskFull or BadLedger.
        """
        self._streak.failed(job.id, error)
        others_passed = self._streak.others_passed(job.id)
        decision = decide(error, job.attempts, down=self._streak.down, others_passed=others_passed)
        log.log(decision.level, "%s: %s [%s]", job.path, error, decision.what)
        if decision.hold_place:
            self.hold(decision.hold_place, error)
        if decision.rests:
            self._trouble(_engine_for(job), error)
            if not job.wishes:  # a redo may have asked for another model than its folder's
                self._readiness.rest(job.folder, decision.after_seconds)
        self._carry_out(decision, job, error)
        return decision

    def _carry_out(self, decision: RetryDecision, job: Job, error: FacewatchError) -> None:
        reason, name = str(error), type(error).__name__
        if decision.what == "retry":
            self._ledger.retry(job, reason, name, decision.after_seconds)
        elif decision.what == "later":
            # After a hold another photo goes first: it may tell whether the engine is well again.
            after = decision.after_seconds or 2 * self._hold_seconds
            self._ledger.retry(job, reason, name, after, counted=False)
        elif decision.what == "park":
            self._ledger.park(job, reason, name)
        elif decision.what == "poison":
            self._ledger.poison(job, reason, name)
        elif decision.what == "skip":
            self._ledger.skipped(job, reason)
        elif decision.what == "give back":
            self._ledger.give_back(job)
        else:
            self._ledger.lost(job, reason)
            self._inbox.put(job.path)


def _engine_for(job: Job) -> str:
    return f"engine for {job.folder}"
