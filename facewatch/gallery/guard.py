"""The guard in front of every page: only the user's own browser passes."""

from __future__ import annotations

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import cookie_parser
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from facewatch.gallery.access import Access

COOKIE = "facewatch"
ENTER = "/enter"
REFUSED = "This page belongs to Facewatch. Open it with `facewatch gallery`, or from the tray menu.\n"
SAFE_METHODS = frozenset({"GET", "HEAD"})
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}


class Guard:
    """Refuses requests of other sites, of other hosts' names, and without the cookie."""

    def __init__(self, app: ASGIApp, access: Access, port: int) -> None:
        self._app = app
        self._access = access
        self._host = f"127.0.0.1:{port}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer 403."""
        if scope["type"] != "http":
            raise RuntimeError(f"the gallery serves pages only, no {scope['type']}")

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers[name] = value
                headers.setdefault("cache-control", "no-store")
            await send(message)

        allowed = self._allows(scope["method"], scope["path"], Headers(scope=scope))
        app = self._app if allowed else PlainTextResponse(REFUSED, 403)
        await app(scope, receive, send_with_headers)

    def _allows(self, method: str, path: str, headers: Headers) -> bool:
        if headers.getlist("host") != [self._host]:  # DNS rebinding: another name that leads to 127.0.0.1
            return False
        origins = headers.getlist("origin")
        if origins not in ([], [f"http://{self._host}"]) or (not origins and method not in SAFE_METHODS):
            return False
        if path == ENTER:
            return method == "GET"  # its ticket is checked there
        if not {"none", "same-origin"}.issuperset(headers.getlist("sec-fetch-site")):
            return False
        inside = path == self._access.prefix or path.startswith(f"{self._access.prefix}/")
        return inside and self._access.knows(cookie_parser(headers.get("cookie", "")).get(COOKIE))
