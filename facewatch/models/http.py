"""One GET that can be interrupted while the network is silent; uses httpx."""

from __future__ import annotations

import contextlib
import queue
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeAlias

import httpx

from facewatch import __version__
from facewatch.errors import DownloadFailed
from facewatch.models.responses import DownloadFault, ResponseHead, Source, Unreachable, check_redirect
from facewatch.system.locks import Stopped

MOST_REDIRECTS = 10
POLL_SECONDS = 0.1  # how often `stop` is checked
CLOSE_SECONDS = 2.0  # for the reading thread to end
MAX_QUEUED_CHUNKS = 32

_UNTRUSTED = (
    "its certificate is not trusted; if your network inspects connections, set SSL_CERT_FILE to the "
    "network's own certificate"
)
_CUT_BEFORE = "the connection was cut off before an answer came"
_CUT_IN_BODY = "the file came truncated: the connection was cut off before its end"
_Reason: TypeAlias = tuple[type[Exception], str, bool]  # error, reason, retryable
_REASONS: tuple[_Reason, ...] = (
    (httpx.TimeoutException, "the connection stalled: no byte came for too long", True),
    (httpx.ProxyError, "the proxy from the environment refuses: {error}", False),
    (httpx.UnsupportedProtocol, "it leads to an address that cannot be used: {error}", False),
    (httpx.InvalidURL, "it leads to an address that cannot be used: {error}", False),
)

_Item: TypeAlias = "ResponseHead | bytes | BaseException | None"


def open_client(connect_seconds: float, stall_seconds: float) -> httpx.Client:
    """Return a client that takes proxies and certificates from the environment and keeps no connection open.

    Raises DownloadFailed when the environment's proxy or certificates cannot be used.
    """
    try:
        return httpx.Client(
            timeout=httpx.Timeout(stall_seconds, connect=connect_seconds),
            limits=httpx.Limits(max_keepalive_connections=0),
            headers={
                "User-Agent": f"facewatch/{__version__}",
                "Accept": "*/*",
                "Accept-Encoding": "identity",
            },
        )
    except (ImportError, ValueError, httpx.InvalidURL) as error:
        raise DownloadFailed(
            f"the proxy in HTTPS_PROXY, HTTP_PROXY or ALL_PROXY cannot be used: {error}; correct or unset it"
        ) from error
    except OSError as error:
        raise DownloadFailed(
            f"the certificates named by SSL_CERT_FILE or SSL_CERT_DIR cannot be read: {error}"
        ) from error


class Exchange:
    """One request and its response.

    A separate thread reads and passes items through a short queue, so that the caller can check `stop` while
    the network is silent. `close` shuts the socket down, which wakes the thread. A thread that has no socket
    yet (a name is being looked up) is abandoned, and ends later without any effect.
    """

    def __init__(
        self, client: httpx.Client, source: Source, headers: Mapping[str, str], stop: Callable[[], bool]
    ) -> None:
        self._client = client
        self._source = source
        self._headers = dict(headers)
        self._stop = stop
        self._items: queue.Queue[_Item] = queue.Queue(MAX_QUEUED_CHUNKS)
        self._closed = threading.Event()
        self._socket: socket.socket | None = None
        self._in_body = False
        self._thread = threading.Thread(target=self._read, name="download", daemon=True)

    def start(self) -> None:
        """Send the request."""
        self._thread.start()

    def close(self) -> None:
        """End the request, whatever the network is doing."""
        self._closed.set()
        if self._socket is not None:
            with contextlib.suppress(OSError):  # closed already
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)
        self._thread.join(CLOSE_SECONDS)

    def head(self) -> ResponseHead:
        """Return the status and headers.

        Raises DownloadFault or Stopped.
        """
        item = self._next()
        if not isinstance(item, ResponseHead):
            raise DownloadFault("the server sent no answer", retryable=True)
        self._in_body = True
        return item

    def chunks(self) -> Iterator[bytes]:
        """Yield the body as it arrives, up to the end that the server sets.

        Raises DownloadFault or Stopped.
        """
        while isinstance(item := self._next(), bytes):
            yield item

    def _next(self) -> _Item:
        while True:
            if self._stop():
                raise Stopped
            try:
                item = self._items.get(timeout=POLL_SECONDS)
            except queue.Empty:
                continue
            if isinstance(item, httpx.HTTPError | httpx.InvalidURL | httpx.StreamError):
                raise _fault(item, in_body=self._in_body) from item
            if isinstance(item, BaseException):
                raise item
            return item

    def _read(self) -> None:
        try:
            response = self._follow()
            try:
                self._put(
                    ResponseHead(response.status_code, {k.lower(): v for k, v in response.headers.items()})
                )
                for chunk in response.iter_raw():
                    self._put(chunk)
            finally:
                response.close()
            self._put(None)
        except BaseException as error:  # noqa: BLE001 - carried to the caller's thread and raised there
            with contextlib.suppress(Stopped):
                self._put(error)

    def _follow(self) -> httpx.Response:
        request = self._client.build_request(
            "GET", self._source.address, headers=self._headers, extensions={"trace": self._keep_socket}
        )
        before = None
        for _ in range(MOST_REDIRECTS):
            check_redirect(self._source, str(request.url), before)
            response = self._client.send(request, stream=True)
            if response.next_request is None:
                return response
            response.close()
            before, request = str(request.url), response.next_request
        raise DownloadFault(f"it redirects more than {MOST_REDIRECTS} times", retryable=False)

    def _keep_socket(self, event: str, info: Mapping[str, Any]) -> None:
        if event.endswith(("connect_tcp.complete", "start_tls.complete")):
            self._socket = info["return_value"].get_extra_info("socket")

    def _put(self, item: _Item) -> None:
        while not self._closed.is_set():
            with contextlib.suppress(queue.Full):
                self._items.put(item, timeout=POLL_SECONDS)
                return
        raise Stopped


def _fault(error: Exception, *, in_body: bool) -> DownloadFault:
    causes = list(_causes(error))
    if any(isinstance(cause, ssl.SSLCertVerificationError) for cause in causes):
        return DownloadFault(_UNTRUSTED, retryable=False)
    unresolved = any(isinstance(cause, socket.gaierror) for cause in causes)
    if unresolved or isinstance(error, httpx.ConnectTimeout | httpx.ConnectError):
        reason = (
            "the host's name is not known: is the network up?" if unresolved else f"no connection: {error}"
        )
        return Unreachable(reason, retryable=True)
    for kind, reason, retryable in _REASONS:
        if isinstance(error, kind):
            return DownloadFault(reason.format(error=error), retryable=retryable)
    if isinstance(error, httpx.RemoteProtocolError | httpx.ReadError):
        return DownloadFault(_CUT_IN_BODY if in_body else _CUT_BEFORE, retryable=True)
    return DownloadFault(f"{type(error).__name__}: {error}", retryable=True)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
