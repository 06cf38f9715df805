"""From addresses to a finished `.part` with the right digest: resuming, back-off, the next mirror."""

from __future__ import annotations

import contextlib
import itertools
import logging
import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx

from facewatch.errors import DownloadFailed
from facewatch.models.digests import digest_of, size_in_words
from facewatch.models.http import Exchange, open_client
from facewatch.models.partial import Note, Partial
from facewatch.models.progress import Meter, Progress
from facewatch.models.responses import (
    HTML_REASON,
    ChangedOnServer,
    DownloadFault,
    RequestedRange,
    ResponseBody,
    Source,
    Unreachable,
    check_length,
    looks_like_html,
    read,
)
from facewatch.models.space import ask_for_space
from facewatch.system.locks import Stopped

log = logging.getLogger(__name__)

ENOUGH_BYTES = 1 << 20  # an attempt that brings this much is no failure: the line is bad, but it works


@dataclass(frozen=True)
class DownloadRequest:
    """The file to be fetched."""

    name: str  # of its model
    sha256: str | None  # None: whatever comes first is trusted
    size_bytes: int | None


class Download:
    """One file's way into its `.part`."""

    def __init__(
        self,
        wanted: DownloadRequest,
        part: Partial,
        *,
        patience: DownloadTimeouts,
        free: Callable[[Path], int],
        tell: Callable[[Progress], None],
        stop: Callable[[], bool],
    ) -> None:
        self._wanted = wanted
        self._part = part
        self._patience = patience
        self._free = free
        self._meter = Meter(wanted.name, tell, patience.clock)
        self._stop = stop

    def run(self, sources: Sequence[Source]) -> str:
        """Try the addresses in turn until the part is whole and right; its SHA-256.

        Raises DownloadFailed with a reason for each address (what has come is kept), DiskFull or CannotWrite.
        """
        reasons = []
        try:
            with open_client(self._patience.connect_seconds, self._patience.stall_seconds) as client:
                for source in sources:
                    try:
                        return self._from(client, source)
                    except DownloadFault as fault:
                        log.info("%s: %s: %s", self._wanted.name, source.shown, fault.reason)
                        reasons.append(f"\n  {source.shown}: {fault.reason}")
        except Stopped:
            raise DownloadFailed(f"{self._wanted.name}: the download was stopped{self._kept()}") from None
        raise DownloadFailed(
            f"{self._wanted.name} could not be fetched{self._kept()}{''.join(reasons)}\n"
            f"It can also be brought by hand: `facewatch models add {self._wanted.name} FILE`"
        )

    def _kept(self) -> str:
        size = self._part.size
        return f"; {size_in_words(size)} are kept, and the next try goes on from there" if size else ""

    def _from(self, client: httpx.Client, source: Source) -> str:
        failures = 0
        for attempt in itertools.count(1):
            before = self._part.size
            try:
                return self._attempt(client, source)
            except DownloadFault as fault:
                failures = 1 if self._part.size - before >= ENOUGH_BYTES else failures + 1
                at_end = failures >= self._patience.tries or attempt >= self._patience.most_attempts
                # Nobody waits for a network that is not there; one that has given something may come back.
                hopeless = isinstance(fault, Unreachable) and not self._part.size
                if at_end or hopeless or not fault.again:
                    raise
                log.info("%s: %s: %s; trying again", self._wanted.name, source.shown, fault.reason)
            self._pause(failures)
        raise AssertionError("the attempts never end")

    def _attempt(self, client: httpx.Client, source: Source) -> str:
        resumed = self._part.size > 0
        if not self._is_whole():
            self._receive(client, source)
        digest, _ = digest_of(self._part.path)
        if self._wanted.sha256 in (None, digest):
            return digest
        self._part.discard()
        raise DownloadFault(
            f"the wrong file came (sha256 {digest}, expected {self._wanted.sha256}) and was deleted",
            again=resumed,  # its first part may have been the wrong one
        )

    def _is_whole(self) -> bool:
        note = self._part.note()
        total = self._wanted.size_bytes or (note.total if note else None)
        if total is not None and self._part.size > total:
            self._part.discard()
        return self._part.size == total

    def _receive(self, client: httpx.Client, source: Source) -> None:
        asked = self._asked(source)
        with contextlib.closing(Exchange(client, source, _headers(asked), self._stop)) as exchange:
            exchange.start()
            head = exchange.head()
            try:
                body = read(head, asked)
            except ChangedOnServer:
                self._part.discard()
                raise
            if head.status == 416:
                return
            if body.total is not None:
                reused = self._part.size if body.offset == 0 else 0
                need = body.total - body.offset - reused
                ask_for_space(self._part.path.parent, need, self._wanted.name, self._free)
            fresh = Note(
                source.shown, head.headers.get("etag"), head.headers.get("last-modified"), body.total
            )
            self._store(exchange.chunks(), body, None if body.offset else fresh)

    def _asked(self, source: Source) -> RequestedRange:
        note, pinned = self._part.note(), self._wanted.sha256 is not None
        if note is not None and (note.source != source.shown or note.validator is None):
            note = None
        if note is None and not pinned and self._part.size:
            self._part.discard()  # nobody could tell whether the two parts fit together
        return RequestedRange(self._part.size, note, pinned=pinned)

    def _store(self, chunks: Iterator[bytes], body: ResponseBody, fresh: Note | None) -> None:
        first = next(chunks, b"")
        # Nothing that is here is given up before the first byte of something better has come.
        if not first:
            raise DownloadFault("the server sent an empty file", again=True)
        if body.offset == 0 and looks_like_html(first):
            raise DownloadFault(HTML_REASON, again=False)
        check_length(body, self._wanted.size_bytes)
        done, total = body.offset, self._wanted.size_bytes or body.total
        with self._part.appending(fresh) as file:
            self._meter.start(done, total)
            for chunk in itertools.chain([first], chunks):
                done += len(chunk)
                if total is not None and done > total:
                    break
                self._part.write(file, chunk)
                self._meter.advance(done, total)
        if total is not None and done > total:
            self._part.discard()
            raise DownloadFault(f"the file is too long: more than {total} bytes came", again=body.offset > 0)
        if total is not None and done < total:
            raise DownloadFault(f"the file came truncated: {done} of {total} bytes", again=True)

    def _pause(self, failures: int) -> None:
        patience = self._patience
        longest = min(patience.first_pause_seconds * 2 ** (failures - 1), patience.longest_pause_seconds)
        left = longest * (0.5 + patience.jitter())
        while left > 0:
            if self._stop():
                raise Stopped
            step = min(left, 0.2)
            patience.sleep(step)
            left -= step


def _headers(asked: RequestedRange) -> dict[str, str]:
    if not asked.offset:
        return {}
    headers = {"Range": f"bytes={asked.offset}-"}
    if asked.note is not None and asked.note.validator is not None:
        headers["If-Range"] = asked.note.validator
    return headers


@dataclass(frozen=True)
class DownloadTimeouts:
    """The waits of a download, and the clocks that measure them."""

    tries: int = 5  # failures in a row before the next address
    most_attempts: int = 200  # at one address, whatever they bring
    first_pause_seconds: float = 1.0  # doubled at each failure, plus or minus half
    longest_pause_seconds: float = 30.0
    connect_seconds: float = 15.0
    stall_seconds: float = 30.0  # without one byte
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic
    jitter: Callable[[], float] = random.random  # 0-1


DEFAULT_TIMEOUTS = DownloadTimeouts()
