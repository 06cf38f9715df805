"""One GET whose silence can be interrupted: the door to httpx."""

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
from facewatch.models.responses import DownloadFault, ResponseHead, Source, Unreachable, check_step
from facewatch.system.locks import Stopped

MOST_REDIRECTS = 10
LOOK_SECONDS = 0.1  # how often the caller asks whether to stop
LEAVE_SECONDS = 2.0  # how long the reading thread may take to end
WAITING_CHUNKS = 32

_UNTRUSTED = (
    "its certificate is not trusted; if your network inspects connections, name its own certificate in "
    "SSL_CERT_FILE"
)
_CUT_BEFORE = "the connection was cut off before an answer came"
_CUT_IN_BODY = "the file came truncated: the connection was cut off before its end"
_Reason: TypeAlias = tuple[type[Exception], str, bool]  # what happened, its words, whether to try again
_REASONS: tuple[_Reason, ...] = (
    (httpx.TimeoutException, "the connection stalled: for too long not one byte came", True),
    (httpx.ProxyError, "the proxy from the environment refuses: {error}", False),
    (httpx.UnsupportedProtocol, "it leads to an address that cannot be used: {error}", False),
    (httpx.InvalidURL, "it leads to an address that cannot be used: {error}", False),
)

_Item: TypeAlias = "ResponseHead | bytes | BaseException | None"


def open_client(connect_seconds: float, stall_seconds: float) -> httpx.Client:
    """A client that takes proxies and certificates from the environment and keeps no connection open.

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
    """One request and its answer.

    A thread of its own reads, and hands over through a short queue: so the caller hears `stop` while the
    network is silent. `close` shuts the socket down, which wakes the thread. A thread that
    hangs where no socket is yet (a name being looked up) is left to end by itself: it touches nothing.
    """

    def __init__(
        self, client: httpx.Client, source: Source, headers: Mapping[str, str], stop: Callable[[], bool]
    ) -> None:
        self._client = client
        self._source = source
        self._headers = dict(headers)
        self._stop = stop
        self._items: queue.Queue[_Item] = queue.Queue(WAITING_CHUNKS)
        self._left = threading.Event()
        self._socket: socket.socket | None = None
        self._answered = False
        self._thread = threading.Thread(target=self._read, name="download", daemon=True)

    def start(self) -> None:
        """Send the request."""
        self._thread.start()

    def close(self) -> None:
        """End it, whatever the network is doing."""
        self._left.set()
        if self._socket is not None:
            with contextlib.suppress(OSError):  # closed already
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)
        self._thread.join(LEAVE_SECONDS)

    def head(self) -> ResponseHead:
        """The answer's first lines.

        Raises Fault or Stopped.
        """
        item = self._next()
        if not isinstance(item, ResponseHead):
            raise DownloadFault("the server sent no answer", again=True)
        self._answered = True
        return item

    def chunks(self) -> Iterator[bytes]:
        """The body as it comes; ends where the server ends it.

        Raises Fault or Stopped.
        """
        while isinstance(item := self._next(), bytes):
            yield item

    def _next(self) -> _Item:
        while True:
            if self._stop():
                raise Stopped
            try:
                item = self._items.get(timeout=LOOK_SECONDS)
            except queue.Empty:
                continue
            if isinstance(item, httpx.HTTPError | httpx.InvalidURL | httpx.StreamError):
                raise _fault(item, answered=self._answered) from item
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
            "GET", self._source.address, headers=self._headers, extensions={"trace": self._note_socket}
        )
        before = None
        for _ in range(MOST_REDIRECTS):
            check_step(self._source, str(request.url), before)
            response = self._client.send(request, stream=True)
            if response.next_request is None:
                return response
            response.close()
            before, request = str(request.url), response.next_request
        raise DownloadFault(f"it redirects more than {MOST_REDIRECTS} times", again=False)

    def _note_socket(self, event: str, info: Mapping[str, Any]) -> None:
        if event.endswith(("connect_tcp.complete", "start_tls.complete")):
            self._socket = info["return_value"].get_extra_info("socket")

    def _put(self, item: _Item) -> None:
        while not self._left.is_set():
            with contextlib.suppress(queue.Full):
                self._items.put(item, timeout=LOOK_SECONDS)
                return
        raise Stopped


def _fault(error: Exception, *, answered: bool) -> DownloadFault:
    causes = list(_causes(error))
    if any(isinstance(cause, ssl.SSLCertVerificationError) for cause in causes):
        return DownloadFault(_UNTRUSTED, again=False)
    nameless = any(isinstance(cause, socket.gaierror) for cause in causes)
    if nameless or isinstance(error, httpx.ConnectTimeout | httpx.ConnectError):
        reason = "the host's name is not known: is the network up?" if nameless else f"no connection: {error}"
        return Unreachable(reason, again=True)
    for kind, reason, again in _REASONS:
        if isinstance(error, kind):
            return DownloadFault(reason.format(error=error), again=again)
    if isinstance(error, httpx.RemoteProtocolError | httpx.ReadError):
        return DownloadFault(_CUT_IN_BODY if answered else _CUT_BEFORE, again=True)
    return DownloadFault(f"{type(error).__name__}: {error}", again=True)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
