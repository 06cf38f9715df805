"""SFTP servers: only those whose host key the user knows, and a connection that ends is noticed."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import Any

import paramiko

KEEPALIVE_SECONDS = 30
_KNOWN = ("~/.ssh/known_hosts", "/etc/ssh/ssh_known_hosts")


class KnownHosts(paramiko.MissingHostKeyPolicy):  # type: ignore[misc]  # untyped
    """Refuse a server whose key is not in the known hosts of OpenSSH; fsspec would take any."""

    def missing_host_key(self, client: paramiko.SSHClient, hostname: str, key: paramiko.PKey) -> None:  # noqa: ARG002 - paramiko's
        """Check the key. Raises SSHException for an unknown one."""
        for path in _KNOWN:
            known = paramiko.HostKeys()
            with suppress(FileNotFoundError):
                known.load(os.path.expanduser(path))  # noqa: PTH111 - never raises
            if known.check(hostname, key):
                return
        raise paramiko.SSHException(
            f"the host key of {hostname} is not in ~/.ssh/known_hosts; connect once with ssh and compare it"
        )


def keep_alive(files: Any) -> None:
    """Let a connection find out that its server has gone."""
    files.client.get_transport().set_keepalive(KEEPALIVE_SECONDS)


def is_connected(files: Any) -> bool:
    """Return whether the connection of an fsspec file system has not ended."""
    transport = files.client.get_transport()
    return transport is not None and bool(transport.is_active())
