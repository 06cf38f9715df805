"""A server of S3 on loopback: moto's, behind a switch that answers 503."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterable
from typing import Any, cast

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import WSGIRequestHandler, make_server

BODY = b"<?xml version='1.0'?><Error><Code>SlowDown</Code><Message>Please reduce your rate.</Message></Error>"


class Quiet(WSGIRequestHandler):
    """A handler that logs nothing."""

    def log(self, *_: Any) -> None:
        """Log nothing."""


class S3Server:
    """Serves S3 on 127.0.0.1 until it is left."""

    def __init__(self) -> None:
        self._app = DomainDispatcherApplication(create_backend_app)
        self._failures = 0
        self._lock = threading.Lock()
        self._server = make_server("127.0.0.1", 0, self._answer, threaded=True, request_handler=Quiet)
        self._thread = threading.Thread(target=self._server.serve_forever, name="s3", daemon=True)
        self._numbers = itertools.count(1)
        self.environment = {
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self._server.server_port}",
        }

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def close(self) -> None:
        """End, and wait for the end."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def fail_next(self, count: int) -> None:
        """Answer 503 to the next `count` requests."""
        with self._lock:
            self._failures = count

    def new_bucket(self) -> str:
        """Return the address of a new bucket; the environment must be set."""
        import fsspec

        name = f"bucket{next(self._numbers)}"
        fsspec.filesystem("s3").mkdir(name)
        return f"s3://{name}"

    def _answer(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        with self._lock:
            failing = self._failures > 0
            self._failures -= failing
        if failing:
            environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
            start("503 Slow Down", [("Content-Type", "application/xml"), ("Content-Length", str(len(BODY)))])
            return [] if environ["REQUEST_METHOD"] == "HEAD" else [BODY]
        return cast("Iterable[bytes]", self._app(environ, start))
