"""A real HTTP server, in a process of its own, that misbehaves on request.

`python fault_server.py` serves on a free loopback port and prints it. Each GET of a file takes the next fault
from the file's script; when the script is empty the file is served as a good server would: ranges, If-Range,
ETag.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import random
import socket
import struct
import subprocess
import sys
import threading
import time
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

PIECE = 16384
WHOLE_ONLY = ("no_range", "overlong", "short", "long", "gzip", "chunked")  # these ignore Range
LIES: dict[str, dict[str, str | None]] = {  # headers that differ from a good server's; None: left out
    "no_etag": {"ETag": None},
    "weak_etag": {"ETag": "W/{etag}"},
    "short": {"Content-Length": "{less}"},
    "long": {"Content-Length": "{more}"},
    "overlong": {"Content-Length": None},
    "gzip": {"Content-Encoding": "gzip"},
    "chunked": {"Content-Length": None, "Transfer-Encoding": "chunked"},
}


def content(size: int, seed: int) -> bytes:
    """Return the bytes of a file: random, the same for a seed; large files repeat a block."""
    block = random.Random(seed).randbytes(min(size, 1 << 20))
    return (block * (size // max(len(block), 1) + 1))[:size]


class FaultServer:
    """The test's handle on the server's process."""

    def __init__(self) -> None:
        command = [sys.executable, __file__]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        self.base = f"http://127.0.0.1:{int(self._process.stdout.readline())}"
        self._direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def put(self, path: str, size: int, seed: int = 1) -> str:
        """Offer a file, and return its SHA-256."""
        self._control(path=path, size=size, seed=seed, script=[], drip_seconds=0)
        return hashlib.sha256(content(size, seed)).hexdigest()

    def put_file(self, path: str, file: Path) -> None:
        """Offer the bytes of a file."""
        size = file.stat().st_size
        self._control(path=path, size=size, seed=1, script=[], drip_seconds=0, file=str(file))

    def script(self, path: str, *faults: dict[str, Any]) -> None:
        """Set the faults of the next GETs of a file."""
        self._control(path=path, script=list(faults))

    def slow(self, path: str, drip_seconds: float) -> None:
        """Wait this long between two pieces of 16 kB."""
        self._control(path=path, drip_seconds=drip_seconds)

    def log(self) -> list[dict[str, Any]]:
        """Return the GETs since the last call: path, status, first (byte), sent (bytes), range, if_range."""
        with self._direct.open(f"{self.base}/log") as answer:
            return json.load(answer)

    def close(self) -> None:
        self._process.kill()
        self._process.communicate()

    def _control(self, **change: Any) -> None:
        request = urllib.request.Request(f"{self.base}/control", json.dumps(change).encode(), method="POST")
        with self._direct.open(request) as answer:
            answer.read()


class _Files:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.files: dict[str, dict[str, Any]] = {}
        self.log: list[dict[str, Any]] = []

    def next_fault(self, path: str) -> tuple[dict[str, Any], dict[str, Any]] | None:
        with self.lock:
            file = self.files.get(path)
            if file is None:
                return None
            fault = file["script"].pop(0) if file["script"] else {"kind": "good"}
            if fault["kind"] == "changed":
                file["seed"] += 1
            elif fault["kind"] == "restored":
                file["seed"] -= 1
            return dict(file), fault


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    files: _Files

    def log_message(self, *_: Any) -> None:
        pass

    def do_POST(self) -> None:
        change = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with self.files.lock:
            self.files.files.setdefault(change.pop("path"), {}).update(change)
        self._whole(b"{}", "application/json")

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        if path == "/log":
            with self.files.lock:
                log, self.files.log = self.files.log, []
            self._whole(json.dumps(log).encode(), "application/json")
            return
        found = self.files.next_fault(path)
        if found is None:
            self._note(path, 404, 0, 0)
            self._whole(b"no such file", "text/plain", 404)
            return
        file, fault = found
        self.close_connection = True
        with contextlib.suppress(OSError):  # the client has gone
            self._serve(path, file, fault)

    def _serve(self, path: str, file: dict[str, Any], fault: dict[str, Any]) -> None:
        real = file.get("file")
        data = Path(real).read_bytes() if real else content(file["size"], file["seed"])
        kind = fault["kind"]
        if kind == "redirect":
            self._note(path, 302, 0, 0)
            self._head(302, {"Location": fault["to"], "Content-Length": "0"})
        elif kind == "status":
            self._note(path, fault["status"], 0, 0)
            self._whole(b"sorry", "text/plain", fault["status"])
        elif kind == "html":
            self._note(path, 200, 0, 0)
            kind_of_content = (
                "application/octet-stream" if fault.get("disguised") else "text/html; charset=utf-8"
            )
            self._whole(b"\n<!DOCTYPE html><html><body>Please log in</body></html>", kind_of_content)
        elif kind == "reset":
            self._note(path, 0, 0, 0)
            self._abort()
        elif kind == "silent":
            self._note(path, 0, 0, 0)
            self._wait_for_the_client_to_go(fault.get("seconds", 20))
        else:
            self._file(path, file, fault, data)

    def _file(self, path: str, file: dict[str, Any], fault: dict[str, Any], data: bytes) -> None:
        kind, size, etag = fault["kind"], len(data), f'"{file["seed"]}-{file["size"]}"'
        first = 0 if kind in WHOLE_ONLY else self._first(etag, fault)
        if first >= size:
            self._note(path, 416, first, 0)
            self._head(416, {"Content-Range": f"bytes */{size}", "Content-Length": "0"})
            return
        headers: dict[str, str | None] = {"ETag": etag, "Content-Length": str(size - first)}
        if first:
            headers["Content-Range"] = f"bytes {first + fault.get('shift', 0)}-{size - 1}/{size}"
        by = fault.get("by", 0)
        for name, value in LIES.get(kind, {}).items():
            headers[name] = value and value.format(etag=etag, less=size - by, more=size + by)
        if kind == "overlong":
            data += b"x" * by
        elif kind == "wrong":
            data = content(size, file["seed"] + 1000)
        self._head(206 if first else 200, {name: value for name, value in headers.items() if value})
        self._body(path, 206 if first else 200, first, data, file, fault)

    def _body(
        self, path: str, status: int, first: int, data: bytes, file: dict[str, Any], fault: dict[str, Any]
    ) -> None:
        end = min(len(data), first + fault.get("after", len(data)))
        sent = 0
        try:
            for start in range(first, end, PIECE):
                piece = data[start : min(start + PIECE, end)]
                if fault["kind"] == "chunked":
                    self.wfile.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
                else:
                    self.wfile.write(piece)
                sent += len(piece)
                if file["drip_seconds"]:
                    time.sleep(file["drip_seconds"])
            if fault["kind"] == "chunked":
                self.wfile.write(b"0\r\n\r\n")
        finally:
            self._note(path, status, first, sent)
        if fault["kind"] == "stall":
            self._wait_for_the_client_to_go(20)
        elif fault["kind"] == "cut" and fault.get("hard"):
            self._abort()

    def _first(self, etag: str, fault: dict[str, Any]) -> int:
        wanted, condition = self.headers.get("Range"), self.headers.get("If-Range")
        if wanted is None or (
            condition is not None and condition != etag and fault["kind"] != "ignores_if_range"
        ):
            return 0
        return int(wanted.removeprefix("bytes=").split("-")[0])

    def _wait_for_the_client_to_go(self, seconds: float) -> None:
        self.wfile.flush()
        self.connection.settimeout(seconds)
        with contextlib.suppress(OSError):
            self.connection.recv(1)

    def _abort(self) -> None:
        self.wfile.flush()
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()

    def _head(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Connection", "close")
        self.end_headers()

    def _whole(self, body: bytes, kind: str, status: int = 200) -> None:
        self._head(status, {"Content-Type": kind, "Content-Length": str(len(body))})
        self.wfile.write(body)
        self.close_connection = True

    def _note(self, path: str, status: int, first: int, sent: int) -> None:
        entry = {"path": path, "status": status, "first": first, "sent": sent}
        conditions = {"range": self.headers.get("Range"), "if_range": self.headers.get("If-Range")}
        with self.files.lock:
            self.files.log.append({**entry, **conditions})


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: Any) -> None:
        pass  # clients that disconnect are expected


if __name__ == "__main__":
    _Handler.files = _Files()
    server = _Server(("127.0.0.1", 0), _Handler)
    print(server.server_address[1], flush=True)
    server.serve_forever()
