"""One download: from a list of addresses to a finished `.part` with the right digest."""

from __future__ import annotations

import contextlib
import itertools
import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx

from facewatch.errors import DownloadFailed
from facewatch.models.digests import digest_of
from facewatch.models.http import Exchange, open_client
from facewatch.models.index import require_model_space
from facewatch.models.partial import Origin, Partial
from facewatch.models.progress import DownloadTimeouts, Meter, Progress
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
    parse_response,
)
from facewatch.system.disk_space import format_size
from facewatch.system.locks import Stopped

log = logging.getLogger(__name__)
SHOWN_DIGITS = 12  # of a sha256: enough to tell two files apart, and a bubble holds the sentence

USEFUL_BYTES = 1 << 20  # an attempt that receives this much is not a failure: the line is bad, but works
STOP_CHECK_SECONDS = 0.2


@dataclass(frozen=True)
class DownloadRequest:
    """The file to download."""

    name: str  # of its model
    sha256: str | None  # None: the first file received is trusted
    size_bytes: int | None


class Download:
    """Fills the `.part` of one file."""

    def __init__(
        self,
        request: DownloadRequest,
        part: Partial,
        *,
        timeouts: DownloadTimeouts,
        free: Callable[[Path], int],
        on_progress: Callable[[Progress], None],
        stop: Callable[[], bool],
    ) -> None:
        self._request = request
        self._part = part
        self._timeouts = timeouts
        self._free = free
        self._meter = Meter(request.name, on_progress, timeouts.clock)
        self._stop = stop

    def run(self, sources: Sequence[Source]) -> str:
        """Try the addresses in turn until the part is complete and right, and return its SHA-256.

        Raises DownloadFailed with a reason for each address (received bytes are kept), DiskFull or
        CannotWrite.
        """
        name = self._request.name
        faults: list[tuple[Source, DownloadFault]] = []
        try:
            with open_client(self._timeouts.connect_seconds, self._timeouts.stall_seconds) as client:
                for source in sources:
                    try:
                        return self._download_from(client, source)
                    except DownloadFault as fault:
                        log.log(
                            logging.WARNING if source.mirror else logging.INFO,
                            "%s: %s: %s",
                            name,
                            source.redacted,
                            fault.reason,
                        )
                        faults.append((source, fault))
        except Stopped:
            raise DownloadFailed(f"{name}: the download was stopped{self._kept()}") from None
        cause = brief_cause(faults)
        reasons = "".join(f"\n  {source.redacted}: {fault.reason}" for source, fault in faults)
        raise DownloadFailed(
            f"{name} could not be downloaded{self._kept()}{reasons}\n"
            f"{cause} You can also add the file by hand: `facewatch models add {name} FILE`",
            cause,
        )

    def _kept(self) -> str:
        size = self._part.size
        return f"; {format_size(size)} are kept, and the next try resumes there" if size else ""

    def _download_from(self, client: httpx.Client, source: Source) -> str:
        failures = 0
        for attempt in itertools.count(1):
            before = self._part.size
            try:
                return self._attempt(client, source)
            except DownloadFault as fault:
                failures = 1 if self._part.size - before >= USEFUL_BYTES else failures + 1
                exhausted = failures >= self._timeouts.max_failures or attempt >= self._timeouts.max_attempts
                # Without a network a retry is useless; one that has already delivered something may recover.
                hopeless = isinstance(fault, Unreachable) and not self._part.size
                if exhausted or hopeless or not fault.retryable:
                    raise
                log.info("%s: %s: %s; trying again", self._request.name, source.redacted, fault.reason)
            self._pause(failures)
        raise AssertionError("the attempts never end")

    def _attempt(self, client: httpx.Client, source: Source) -> str:
        resumed = self._part.size > 0
        if not self._is_complete():
            self._receive(client, source)
        digest, _ = digest_of(self._part.path)
        if self._request.sha256 in (None, digest):
            return digest
        self._part.discard()
        found, expected = digest[:SHOWN_DIGITS], str(self._request.sha256)[:SHOWN_DIGITS]
        raise DownloadFault(
            f"the wrong file came (sha256 {found}..., expected {expected}...) and was deleted",
            retryable=resumed,  # the bytes of an earlier attempt may have been the wrong ones
        )

    def _is_complete(self) -> bool:
        origin = self._part.origin()
        total = self._request.size_bytes or (origin.total if origin else None)
        if total is not None and self._part.size > total:
            self._part.discard()
        return self._part.size == total

    def _receive(self, client: httpx.Client, source: Source) -> None:
        requested = self._range_to_request(source)
        with contextlib.closing(Exchange(client, source, _headers(requested), self._stop)) as exchange:
            exchange.start()
            head = exchange.head()
            try:
                body = parse_response(head, requested)
            except ChangedOnServer:
                self._part.discard()
                raise
            if head.status == 416:
                return
            if body.total is not None:
                reused = self._part.size if body.offset == 0 else 0
                need_bytes = body.total - body.offset - reused
                require_model_space(self._part.path.parent, need_bytes, self._request.name, self._free)
            origin = Origin(
                source.redacted, head.headers.get("etag"), head.headers.get("last-modified"), body.total
            )
            self._store(exchange.chunks(), body, None if body.offset else origin)

    def _range_to_request(self, source: Source) -> RequestedRange:
        origin, pinned = self._part.origin(), self._request.sha256 is not None
        if origin is not None and (origin.source != source.redacted or origin.validator is None):
            origin = None
        if origin is None and not pinned and self._part.size:
            self._part.discard()  # nothing could show whether the two parts fit together
        return RequestedRange(self._part.size, origin, pinned=pinned)

    def _store(self, chunks: Iterator[bytes], body: ResponseBody, restart: Origin | None) -> None:
        # Received bytes are given up only after the first byte of something better.
        first = next(chunks, b"")
        if not first:
            raise DownloadFault("the server sent an empty file", retryable=True)
        if body.offset == 0 and looks_like_html(first):
            raise DownloadFault(HTML_REASON, retryable=False)
        check_length(body, self._request.size_bytes)
        done, total = body.offset, self._request.size_bytes or body.total
        with self._part.appending(restart) as file:
            self._meter.start(done, total)
            for chunk in itertools.chain([first], chunks):
                done += len(chunk)
                if total is not None and done > total:
                    break
                self._part.write(file, chunk)
                self._meter.advance(done, total)
        if total is not None and done > total:
            self._part.discard()
            raise DownloadFault(
                f"the file is too long: more than {total} bytes came", retryable=body.offset > 0
            )
        if total is not None and done < total:
            raise DownloadFault(f"the file came truncated: {done} of {total} bytes", retryable=True)

    def _pause(self, failures: int) -> None:
        timeouts = self._timeouts
        longest = min(timeouts.first_pause_seconds * 2 ** (failures - 1), timeouts.max_pause_seconds)
        left = longest * (0.5 + timeouts.jitter())
        while left > 0:
            if self._stop():
                raise Stopped
            step = min(left, STOP_CHECK_SECONDS)
            timeouts.sleep(step)
            left -= step


def brief_cause(faults: Sequence[tuple[Source, DownloadFault]]) -> str:
    """Return in a sentence why no address gave the file; the first address counts, the published one."""
    if not faults:
        return ""
    source, fault = faults[0]
    if isinstance(fault, Unreachable):
        return f"Cannot reach {source.host}. Check the connection."
    return f"{source.host}: {fault.reason}."


def _headers(requested: RequestedRange) -> dict[str, str]:
    if not requested.offset:
        return {}
    headers = {"Range": f"bytes={requested.offset}-"}
    if requested.origin is not None and requested.origin.validator is not None:
        headers["If-Range"] = requested.origin.validator
    return headers
