"""What holds for every request: size, origin, headers, log line and metrics."""

import time
import uuid

import structlog
from prometheus_client import Counter, Histogram
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from server.api.deps import host_of
from server.api.problems import bug, problem
from server.http_heads import LONGEST_HEAD, MOST_HEADERS
from server.services import audit
from server.services.accounts import sessions
from server.settings import get_settings

log = structlog.get_logger()

REQUESTS = Counter(
    "weakseg_requests", "Requests by route and status", ("method", "route", "status")
)
SECONDS = Histogram("weakseg_request_seconds", "Seconds until the response ends", ("route",))

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
MAX_JSON_BYTES = 2 * 2**20
LARGE_BODIES = ("/images", "/labels/import", "/files", "/archive")
"""Ends of the paths of imports and uploads."""
CLIENT_LEFT = 499
"""The status by which metrics and logs call an answer that nobody waits for; it is never sent."""

SECURITY_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; img-src 'self' blob: data:; style-src 'self' 'unsafe-inline'; "
        "connect-src 'self'; worker-src 'self' blob:; object-src 'none'; base-uri 'none'; "
        "form-action 'self'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": (
        "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), "
        "publickey-credentials-get=(), serial=(), usb=()"
    ),
}
HTTPS_FROM_NOW_ON = f"max-age={365 * 24 * 3600}"
ANY_HOST = ("/health/live", "/health/ready")
"""Asked by who knows an address and no name."""


def is_cross_site(headers: Headers, trusted_origins: tuple[str, ...]) -> bool:
    """Whether a browser says that another site's page made this request.

    Sec-Fetch-Site cannot be set by a page. Browsers without it send Origin with every request
    that changes something. Programs send neither.
    """
    origin = headers.get("origin")
    if origin in trusted_origins:
        return False
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site not in ("same-origin", "none")
    return origin is not None and origin.partition("://")[2] != headers.get("host")


def is_one_of(name: str, allowed: tuple[str, ...]) -> bool:
    """Whether a host is one of these names; `*.a.b` are all below a.b."""
    return any(
        name == each or (each.startswith("*.") and name.endswith(each[1:]))
        for each in map(str.lower, allowed)
    )


class RequestMiddleware:
    """Pure ASGI, so that streams stay streams.

    Mistakes of ours end here: their answers have the headers, the log line and the metrics too.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        watch = _ResponseWatch(scope, send)
        client = scope.get("client")
        audit.enter_by_http(client[0] if client else None, watch.request_id)
        try:
            await self._answer(scope, receive, watch)
        except ClientDisconnect:
            watch.status = CLIENT_LEFT
        except Exception:
            log.exception("unhandled", path=scope["path"], request_id=watch.request_id)
            if watch.began_to_answer:
                watch.status = 500  # the web server ends the connection, so that it is noticed
            else:
                await bug()(scope, receive, watch)
        finally:
            watch.report()

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        if refusal := self._refusal(scope, headers):
            await refusal(scope, receive, send)
        else:
            await self.app(scope, _limited(receive, scope, self._body_limit(scope, headers)), send)

    def _refusal(self, scope: Scope, headers: Headers) -> ASGIApp | None:
        allowed = get_settings().allowed_hosts
        if allowed and scope["path"] not in ANY_HOST and not is_one_of(host_of(headers), allowed):
            return problem(400, "this server is not called by that name", "unknown-host")
        changes = scope["method"] not in SAFE_METHODS
        if changes and is_cross_site(headers, get_settings().trusted_origins):
            return problem(403, "a request from another site was refused", "cross-site")
        head = sum(len(name) + len(value) for name, value in scope["headers"])
        if head > LONGEST_HEAD or len(scope["headers"]) > MOST_HEADERS:
            detail = f"more than {MOST_HEADERS} headers, or more than {LONGEST_HEAD} bytes of them"
            return problem(431, detail, "headers-too-large")
        length = headers.get("content-length", "0")
        limit = self._body_limit(scope, headers)
        # Python turns neither every digit of Unicode nor thousands of digits into a number.
        if not (length.isascii() and length.isdigit()) or int(length[:20]) > limit:
            return problem(413, f"the body is larger than {limit} bytes", "too-large")
        return None

    def _body_limit(self, scope: Scope, headers: Headers) -> int:
        """Bytes; only an import may be large, and only when somebody may be signed in."""
        known = "authorization" in headers or sessions.COOKIE in headers.get("cookie", "")
        if known and scope["path"].endswith("/rules/pictures"):
            return get_settings().max_image_bytes + MAX_JSON_BYTES
        if not (known and scope["path"].endswith(LARGE_BODIES)):
            return MAX_JSON_BYTES
        if headers.get("content-type", "").startswith("multipart/"):
            return 20 * get_settings().max_image_bytes
        return get_settings().max_manifest_bytes


def _limited(receive: Receive, scope: Scope, limit: int) -> Receive:
    """The same body, cut off with an error when it grows past the limit, or past the route's own."""
    received = 0

    async def limited() -> Message:
        nonlocal received
        message = await receive()
        received += len(message.get("body", b""))
        most = min(limit, scope.get("state", {}).get("longest_body", limit))
        if received > most:
            # This one passes through FastAPI's reading of bodies as it is.
            raise HTTPException(413, f"the body is larger than {most} bytes")
        return message

    return limited


class _ResponseWatch:
    """Adds the headers that every response has, and notes what was answered."""

    def __init__(self, scope: Scope, send: Send) -> None:
        self.scope = scope
        self.send = send
        self.status = 500
        self.began_to_answer = False
        self.began = time.perf_counter()
        self.request_id = uuid.uuid4().hex[:16]

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.began_to_answer = True
            headers = MutableHeaders(scope=message)
            for name, value in SECURITY_HEADERS.items():
                headers.setdefault(name, value)
            headers["X-Request-ID"] = self.request_id
            if self.scope["scheme"] == "https" or get_settings().secure_cookies:
                headers.setdefault("Strict-Transport-Security", HTTPS_FROM_NOW_ON)
            if self.scope["path"].startswith("/api/"):
                headers.setdefault("Cache-Control", "no-store")
        await self.send(message)

    def report(self) -> None:
        route = getattr(self.scope.get("route"), "path", "(none)")
        seconds = time.perf_counter() - self.began
        REQUESTS.labels(self.scope["method"], route, str(self.status)).inc()
        SECONDS.labels(route).observe(seconds)
        state = self.scope.get("state", {})
        trouble = {"error": state["trouble"]} if "trouble" in state else {}
        write = log.warning if self.status >= 500 else log.debug
        write(
            "request",
            method=self.scope["method"],
            route=route,
            status=self.status,
            milliseconds=round(seconds * 1000, 1),
            user=state.get("user_id"),
            request_id=self.request_id,
            **trouble,
        )
