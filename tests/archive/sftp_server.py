"""A server of SFTP on loopback, by paramiko: files below a folder, renames as OpenSSH makes them."""

from __future__ import annotations

import os
import socket
import threading
from pathlib import Path

import paramiko

PASSWORD = "secret"


def _status(error: OSError) -> int:
    return paramiko.SFTPServer.convert_errno(error.errno)


class Handle(paramiko.SFTPHandle):
    def stat(self):
        return paramiko.SFTPAttributes.from_stat(os.fstat(self.readfile.fileno()))


class Files(paramiko.SFTPServerInterface):
    """Files below the folder that the server was made for."""

    def __init__(self, server, *_, **__):
        super().__init__(server)
        self._folder = server.folder

    def _path(self, path):
        return self._folder / self.canonicalize(path).lstrip("/")

    def _try(self, act):
        try:
            act()
        except OSError as error:
            return _status(error)
        return paramiko.SFTP_OK

    def list_folder(self, path):
        try:
            return [
                paramiko.SFTPAttributes.from_stat(entry.stat(follow_symlinks=False), entry.name)
                for entry in os.scandir(self._path(path))
            ]
        except OSError as error:
            return _status(error)

    def stat(self, path):
        try:
            return paramiko.SFTPAttributes.from_stat(self._path(path).stat())
        except OSError as error:
            return _status(error)

    lstat = stat

    def open(self, path, flags, attr):
        try:
            number = os.open(self._path(path), flags, 0o644)
        except OSError as error:
            return _status(error)
        mode = "r+b" if flags & os.O_RDWR else "wb" if flags & os.O_WRONLY else "rb"
        handle = Handle(flags)
        handle.readfile = handle.writefile = os.fdopen(number, mode)
        return handle

    def mkdir(self, path, attr):
        return self._try(self._path(path).mkdir)

    def remove(self, path):
        return self._try(self._path(path).unlink)

    def rename(self, oldpath, newpath):
        def link_and_unlink():
            os.link(self._path(oldpath), self._path(newpath))
            self._path(oldpath).unlink()

        return self._try(link_and_unlink)

    def posix_rename(self, oldpath, newpath):
        return self._try(lambda: self._path(oldpath).replace(self._path(newpath)))


class _Login(paramiko.ServerInterface):
    def __init__(self, folder: Path):
        self.folder = folder

    def check_auth_password(self, username, password):
        return paramiko.AUTH_SUCCESSFUL if password == PASSWORD else paramiko.AUTH_FAILED

    def check_channel_request(self, kind, chanid):
        return paramiko.OPEN_SUCCEEDED


class SftpServer:
    """Serves a folder until it is closed."""

    def __init__(self, folder: Path, known_hosts: Path):
        """Write the server's key into `known_hosts`."""
        self._folder = folder
        self._key = paramiko.ECDSAKey.generate()
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self._transports: list[paramiko.Transport] = []
        known_hosts.parent.mkdir(parents=True, exist_ok=True)
        known_hosts.write_text(f"[127.0.0.1]:{self.port} {self._key.get_name()} {self._key.get_base64()}\n")
        self._thread = threading.Thread(target=self._accept, name="sftp", daemon=True)
        self._thread.start()

    def address(self, folder: str) -> str:
        return f"sftp://me:{PASSWORD}@127.0.0.1:{self.port}/{folder}"

    def _accept(self):
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            transport = paramiko.Transport(connection)
            transport.add_server_key(self._key)
            transport.set_subsystem_handler("sftp", paramiko.SFTPServer, Files)
            self._transports.append(transport)
            transport.start_server(server=_Login(self._folder))

    def drop(self):
        """End every connection."""
        for transport in self._transports:
            transport.close()
        self._transports.clear()

    def close(self):
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join()
        self.drop()
