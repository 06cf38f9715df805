"""What a server's answer means for the file under way: go on, start over, or a fault with its reason."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote, urlsplit, urlunsplit

from facewatch.errors import BadSettings
from facewatch.models.digests import size_in_words
from facewatch.models.partial import Note

_RANGE = re.compile(r"bytes (\d+)-\d+/(\d+|\*)")
_UNSATISFIED = re.compile(r"bytes \*/(\d+)")
_HTML = re.compile(rb"\s*(<!--.*?-->\s*)*<(!doctype\s+html|html|head)\b", re.IGNORECASE | re.DOTALL)
_BUSY = {408, 425, 429}
HTML_REASON = (
    "a web page (HTML) came instead of the file: perhaps the login page of your network or proxy; "
    "open any page in a browser, log in, and try again"
)


_HOME_DOMAINS = (".local", ".lan", ".home", ".internal", ".home.arpa", ".fritz.box")


class DownloadFault(Exception):
    """One attempt at one address has failed."""

    def __init__(self, reason: str, *, again: bool) -> None:
        """Keep the reason, a clause such as "the connection was cut off".

        again  whether the same address may well give the file at the next try
        """
        super().__init__(reason)
        self.reason = reason
        self.again = again


class Unreachable(DownloadFault):
    """No connection came about."""


@dataclass(frozen=True)
class ResponseHead:
    """An answer before its body."""

    status: int
    headers: Mapping[str, str]  # names in lower case


@dataclass(frozen=True)
class RequestedRange:
    """What was asked for."""

    offset: int  # bytes that are here already
    note: Note | None  # what the server said when it gave them; None: they came from elsewhere
    pinned: bool = True  # whether its digest is known beforehand


@dataclass(frozen=True)
class ResponseBody:
    """What the body is."""

    offset: int  # of its first byte in the file
    total: int | None  # bytes of the whole file


class ChangedOnServer(DownloadFault):
    """The bytes that are here belong to another version of the file: start over."""


def read(head: ResponseHead, asked: RequestedRange) -> ResponseBody:
    """Say what the body of an answer is.

    Raises ChangedThere, or Fault for everything that is not (a part of) the file.
    """
    if head.status == 416:
        return _nothing_left(head, asked)
    if head.status not in (200, 206):
        raise _refusal(head.status)
    if "html" in head.headers.get("content-type", ""):
        raise DownloadFault(HTML_REASON, again=False)
    coding = head.headers.get("content-encoding", "identity")
    if coding != "identity":
        raise DownloadFault(
            f"the server sends the file compressed ({coding}), though it was asked not to", again=False
        )
    body = (
        _rest(head, asked)
        if head.status == 206
        else ResponseBody(0, _number(head.headers.get("content-length")))
    )
    if body.total is None and not asked.pinned and head.headers.get("transfer-encoding") != "chunked":
        raise DownloadFault(
            "the server does not say how long the file is: nobody could tell that all came", again=False
        )
    return body


def check_length(body: ResponseBody, expected: int | None) -> None:
    """See that the file on offer is as long as the published one.

    Raises Fault.
    """
    if expected is not None and body.total not in (None, expected):
        words = f"the server offers {_exact(body.total)}, the published file has {_exact(expected)}"
        raise DownloadFault(words, again=True)


def looks_like_html(first: bytes) -> bool:
    """Whether a body that calls itself a file begins like a web page."""
    return _HTML.match(first[:1024]) is not None


def _rest(head: ResponseHead, asked: RequestedRange) -> ResponseBody:
    match = _RANGE.fullmatch(head.headers.get("content-range", ""))
    if match is None or int(match[1]) != asked.offset:
        raise ChangedOnServer("the server sent another part of the file than was asked for", again=True)
    total = None if match[2] == "*" else int(match[2])
    if asked.note is not None:
        etag = head.headers.get("etag")
        if (etag and asked.note.etag and etag != asked.note.etag) or (
            total and asked.note.total and total != asked.note.total
        ):
            raise ChangedOnServer("the file has changed on the server since the first part came", again=True)
    return ResponseBody(asked.offset, total)


def _nothing_left(head: ResponseHead, asked: RequestedRange) -> ResponseBody:
    match = _UNSATISFIED.fullmatch(head.headers.get("content-range", ""))
    if match is not None and int(match[1]) == asked.offset:
        return ResponseBody(asked.offset, asked.offset)
    raise ChangedOnServer("the server has fewer bytes than are here already", again=True)


def _refusal(status: int) -> DownloadFault:
    if status in (404, 410):
        return DownloadFault(f"there is no such file ({status})", again=False)
    if status in (401, 403):
        return DownloadFault(
            f"the server does not give the file out ({status}): it may want a login", again=False
        )
    if status == 407:
        return DownloadFault("the proxy wants a login (407); set it in HTTPS_PROXY", again=False)
    if status in _BUSY or status >= 500:
        return DownloadFault(f"the server is out of order or too busy ({status})", again=True)
    return DownloadFault(f"the server answered {status}", again=False)


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and text.isdecimal() else None


def _exact(size_bytes: int | None) -> str:
    return f"{size_in_words(size_bytes or 0)} ({size_bytes} bytes)"


@dataclass(frozen=True)
class Source:
    """One address of a file."""

    address: str
    mirror: bool = False  # set by the user

    @property
    def shown(self) -> str:
        """The address without password and query, fit for messages and files."""
        parts = urlsplit(self.address)
        return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def mirror_source(mirror: str, file_name: str) -> Source:
    """The file's address at the user's mirror: the base address, then the file's name.

    Raises BadSettings when the base is no address that may be used.
    """
    parts = urlsplit(mirror)
    if not parts.hostname or not _allowed(parts.scheme, parts.hostname, mirror=True):
        raise BadSettings(
            f'model_mirror = "{Source(mirror).shown}" cannot be used: it has to begin with https://, or with '
            "http:// and a host of a private network, such as http://192.168.1.5/models"
        )
    path = parts.path.rstrip("/") + "/" + quote(file_name)
    return Source(urlunsplit((parts.scheme, parts.netloc, path, parts.query, "")), mirror=True)


def check_step(source: Source, address: str, before: str | None) -> None:
    """See that a request may go to `address`, sent there by `before` (None: the source itself).

    Raises Fault for an insecure address, and for a redirect that gives up HTTPS.
    """
    parts = urlsplit(address)
    if before is not None and urlsplit(before).scheme == "https" and parts.scheme != "https":
        raise DownloadFault(
            f"it redirects from https to {parts.scheme}://{parts.hostname}, which is refused", again=False
        )
    if not _allowed(parts.scheme, parts.hostname or "", mirror=source.mirror):
        raise DownloadFault(
            f"it leads to {parts.scheme}://{parts.hostname}, which is not https: refused", again=False
        )


def _allowed(scheme: str, host: str, *, mirror: bool) -> bool:
    if scheme == "https":
        return True
    return scheme == "http" and (_is_loopback(host) or (mirror and _is_private(host)))


def _is_loopback(host: str) -> bool:
    address = _ip(host)
    return host == "localhost" if address is None else address.is_loopback


def _is_private(host: str) -> bool:
    address = _ip(host)
    if address is None:
        return "." not in host or host.lower().endswith(_HOME_DOMAINS)
    return address.is_private or address.is_link_local


def _ip(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
