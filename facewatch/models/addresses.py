"""Which addresses a file may come from.

HTTPS everywhere, with two exceptions: this machine itself, and a mirror that the user has set and that lies
in a private network (a NAS rarely has a certificate). Whatever the way, the digest is checked afterwards.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from urllib.parse import quote, urlsplit, urlunsplit

from facewatch.errors import BadSettings
from facewatch.models.faults import Fault

_HOME_DOMAINS = (".local", ".lan", ".home", ".internal", ".home.arpa", ".fritz.box")


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
        raise Fault(
            f"it redirects from https to {parts.scheme}://{parts.hostname}, which is refused", again=False
        )
    if not _allowed(parts.scheme, parts.hostname or "", mirror=source.mirror):
        raise Fault(
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
