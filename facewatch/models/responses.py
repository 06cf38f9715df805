"""Server responses read as download steps: resume, start over, or a fault with its reason; safe addresses."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote, urlsplit, urlunsplit

from facewatch.errors import BadSettings
from facewatch.models.partial import Origin
from facewatch.system.disk_space import format_size

_RANGE = re.compile(r"bytes (\d+)-\d+/(\d+|\*)")
_UNSATISFIED = re.compile(r"bytes \*/(\d+)")
_HTML = re.compile(rb"\s*(<!--.*?-->\s*)*<(!doctype\s+html|html|head)\b", re.IGNORECASE | re.DOTALL)
_HOME_DOMAINS = (".local", ".lan", ".home", ".internal", ".home.arpa", ".fritz.box")
_BUSY = {408, 425, 429}
HTML_REASON = (
    "a web page (HTML) came instead of the file: perhaps the login page of your network or proxy; "
    "open any page in a browser, log in, and try again"
)


class DownloadFault(Exception):
    """One attempt at one address failed."""

    def __init__(self, reason: str, *, retryable: bool) -> None:
        """Store the reason, a clause such as "the connection was cut off".

        retryable  the same address may succeed at the next try
        """
        super().__init__(reason)
        self.reason = reason
        self.retryable = retryable


class Unreachable(DownloadFault):
    """No connection could be made."""


@dataclass(frozen=True)
class ResponseHead:
    """The status and headers of a response."""

    status: int
    headers: Mapping[str, str]  # names in lower case


@dataclass(frozen=True)
class RequestedRange:
    """The part of a file that was requested."""

    offset: int  # bytes received already
    origin: Origin | None  # of those bytes; None: another server, or unknown
    pinned: bool = True  # the digest is known beforehand


@dataclass(frozen=True)
class ResponseBody:
    """The part of a file that a response body has."""

    offset: int  # of its first byte in the file
    total: int | None  # bytes of the whole file


class ChangedOnServer(DownloadFault):
    """The bytes received already belong to another version of the file: start over."""


@dataclass(frozen=True)
class Source:
    """One address of a file."""

    address: str
    mirror: bool = False  # set by the user in model_mirror

    @property
    def host(self) -> str:
        """The name of the server."""
        return urlsplit(self.address).hostname or self.address

    @property
    def redacted(self) -> str:
        """The address without password and query, for messages and files."""
        parts = urlsplit(self.address)
        return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def parse_response(head: ResponseHead, requested: RequestedRange) -> ResponseBody:
    """Return which part of the file the body of a response has.

    Raises ChangedOnServer, or DownloadFault for any body that is not a part of the file.
    """
    if head.status == 416:
        return _nothing_left(head, requested)
    if head.status not in (200, 206):
        raise _refusal(head.status)
    if "html" in head.headers.get("content-type", ""):
        raise DownloadFault(HTML_REASON, retryable=False)
    coding = head.headers.get("content-encoding", "identity")
    if coding != "identity":
        raise DownloadFault(
            f"the server sends the file compressed ({coding}) despite a request for the plain file",
            retryable=False,
        )
    body = (
        _rest(head, requested)
        if head.status == 206
        else ResponseBody(0, _number(head.headers.get("content-length")))
    )
    if body.total is None and not requested.pinned and head.headers.get("transfer-encoding") != "chunked":
        raise DownloadFault(
            "the server does not say how long the file is, so a truncated file could not be detected",
            retryable=False,
        )
    return body


def check_length(body: ResponseBody, expected: int | None) -> None:
    """Raise DownloadFault unless the file on the server is as long as the published one."""
    if expected is not None and body.total not in (None, expected):
        raise DownloadFault(
            f"the server offers {_exact(body.total)}, the published file has {_exact(expected)}: "
            "it is another file",
            retryable=False,
        )


def looks_like_html(first: bytes) -> bool:
    """Return True if a body begins like a web page, whatever its content type."""
    return _HTML.match(first[:1024]) is not None


def _rest(head: ResponseHead, requested: RequestedRange) -> ResponseBody:
    match = _RANGE.fullmatch(head.headers.get("content-range", ""))
    if match is None or int(match[1]) != requested.offset:
        raise ChangedOnServer("the server sent another part of the file than requested", retryable=True)
    total = None if match[2] == "*" else int(match[2])
    if requested.origin is not None:
        etag = head.headers.get("etag")
        if (etag and requested.origin.etag and etag != requested.origin.etag) or (
            total and requested.origin.total and total != requested.origin.total
        ):
            raise ChangedOnServer(
                "the file has changed on the server since the first part came", retryable=True
            )
    return ResponseBody(requested.offset, total)


def _nothing_left(head: ResponseHead, requested: RequestedRange) -> ResponseBody:
    match = _UNSATISFIED.fullmatch(head.headers.get("content-range", ""))
    if match is not None and int(match[1]) == requested.offset:
        return ResponseBody(requested.offset, requested.offset)
    raise ChangedOnServer("the server has fewer bytes than were received already", retryable=True)


def _refusal(status: int) -> DownloadFault:
    if status in (404, 410):
        return DownloadFault(f"there is no such file ({status})", retryable=False)
    if status in (401, 403):
        return DownloadFault(f"the server refuses the file ({status}): it may want a login", retryable=False)
    if status == 407:
        return DownloadFault("the proxy wants a login (407); set it in HTTPS_PROXY", retryable=False)
    if status in _BUSY or status >= 500:
        return DownloadFault(f"the server is out of order or too busy ({status})", retryable=True)
    return DownloadFault(f"the server answered {status}", retryable=False)


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and text.isdecimal() else None


def _exact(size_bytes: int | None) -> str:
    return f"{format_size(size_bytes or 0)} ({size_bytes} bytes)"


def mirror_source(mirror: str, file_name: str) -> Source:
    """Return the file's address at the user's mirror: the base address, then the file's name.

    Raises BadSettings when the base address is not allowed.
    """
    try:
        parts = urlsplit(mirror)
        _ = parts.port  # reading it checks it
    except ValueError as error:
        raise BadSettings(f"model_mirror cannot be used: {error}; write it as https://HOST/FOLDER") from error
    if not mirror.isprintable() or " " in mirror:
        raise BadSettings("model_mirror cannot be used: it has spaces or control characters; remove them")
    if not parts.hostname or not _allowed(parts.scheme, parts.hostname, mirror=True):
        raise BadSettings(
            f'model_mirror = "{Source(mirror).redacted}" cannot be used: it must begin with https://, or '
            "with http:// and a host of a private network, such as http://192.168.1.5/models"
        )
    path = parts.path.rstrip("/") + "/" + quote(file_name)
    return Source(urlunsplit((parts.scheme, parts.netloc, path, parts.query, "")), mirror=True)


def check_redirect(source: Source, address: str, before: str | None) -> None:
    """Raise DownloadFault for an insecure address, and for a redirect from HTTPS to HTTP.

    before  the address that redirected to `address`; None: `address` is the source's own
    """
    parts = urlsplit(address)
    if before is not None and urlsplit(before).scheme == "https" and parts.scheme != "https":
        raise DownloadFault(
            f"it redirects from https to {parts.scheme}://{parts.hostname}, which is refused", retryable=False
        )
    if not _allowed(parts.scheme, parts.hostname or "", mirror=source.mirror):
        raise DownloadFault(
            f"it leads to {parts.scheme}://{parts.hostname}, which is not https: refused", retryable=False
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
