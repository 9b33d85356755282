"""Signing in at an OpenID provider and back, and signing out of both."""

from typing import Annotated
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Query, Request, Response, status
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse, RedirectResponse

from server.api.deps import (
    GuardedRoute,
    browser_of,
    cookie_name,
    drop_cookie,
    is_secure,
    set_cookie,
)
from server.api.problems import problems
from server.errors import WeaksegError
from server.schemas.user import ProviderAddress, ProviderSignIn, SignedOut
from server.services.accounts import sessions, single_sign_on
from server.services.accounts.single_sign_on import Answer, Flow
from server.settings import get_settings

CALLBACK = "/api/v1/session/provider"
"""Where the provider sends browsers back to."""
FLOW_COOKIE = "weakseg_provider"
"""With a part of its state behind it: each window has its own."""
MOST_FLOWS = 8
"""That a browser keeps: cookies of windows that were left are dropped, oldest first."""
SIGN_IN_PAGE = "/sign-in"

router = APIRouter(tags=["accounts"], route_class=GuardedRoute)

Given = Annotated[str | None, Query()]


@router.post("/session/provider", responses=problems(404, 503))
async def begin_sign_in(
    body: ProviderSignIn, request: Request, response: Response
) -> ProviderAddress:
    """Begin to sign in at the OpenID provider: the browser goes to the address in the answer.

    It comes back to `GET /session/provider` within ten minutes, with the cookie that is set here.
    """
    flow = Flow.begin(body.next)
    address = await single_sign_on.address_to_sign_in(flow, _origin(request) + CALLBACK)
    kept = [name for name in request.cookies if name.startswith(cookie_name(request, FLOW_COOKIE))]
    for name in kept[: max(0, len(kept) - MOST_FLOWS + 1)]:
        drop_cookie(request, response, name.removeprefix(cookie_name(request, "")))
    set_cookie(request, response, _cookie_of(flow.state), flow.kept(), single_sign_on.FLOW_LIFETIME)
    return ProviderAddress(address=address)


@router.get(
    "/session/provider",
    status_code=status.HTTP_303_SEE_OTHER,
    response_class=RedirectResponse,
    responses=problems(404),
)
async def finish_sign_in(
    request: Request,
    state: Given = None,
    code: Given = None,
    iss: Given = None,
    error: Given = None,
) -> Response:
    """Where the provider sends the browser: it is signed in, and goes on to the page it came for.

    When that fails it goes to the page for signing in, which says why.
    """
    single_sign_on.require_provider()
    flow = Flow.read(request.cookies.get(cookie_name(request, _cookie_of(state or "")), ""))
    if flow is None or flow.state != state:
        return _sent_back("sign-in-expired", None)
    redirect_uri = _origin(request) + CALLBACK
    response: Response
    try:
        secret = await single_sign_on.enter(
            flow, Answer(code, iss, error), redirect_uri, browser_of(request)
        )
    except WeaksegError as problem:
        response = _sent_back(problem.problem_code, flow.next)
    else:
        if old := request.cookies.get(cookie_name(request, sessions.COOKIE)):
            await run_in_threadpool(sessions.sign_out, old)
        response = RedirectResponse(flow.next, status.HTTP_303_SEE_OTHER)
        lifetime = sessions.lifetime(by_provider=True)
        set_cookie(request, response, sessions.COOKIE, secret, lifetime)
    drop_cookie(request, response, _cookie_of(flow.state))
    return response


@router.delete(
    "/session",
    status_code=status.HTTP_204_NO_CONTENT,
    responses={200: {"model": SignedOut, "description": "Signed out here, and can be there."}},
)
async def sign_out(request: Request) -> Response:
    """Sign out this browser.

    Of a session that the OpenID provider has begun, the answer may be 200 and name an address at
    which the browser is signed out there too.
    """
    by_provider = False
    if secret := request.cookies.get(cookie_name(request, sessions.COOKIE)):
        by_provider = await run_in_threadpool(sessions.sign_out, secret)
    address = None
    if by_provider:
        address = await single_sign_on.address_to_sign_out(_origin(request) + SIGN_IN_PAGE)
    response: Response = Response(status_code=status.HTTP_204_NO_CONTENT)
    if address is not None:
        response = JSONResponse(SignedOut(provider=address).model_dump())
    drop_cookie(request, response, sessions.COOKIE)
    return response


def _cookie_of(state: str) -> str:
    return f"{FLOW_COOKIE}_{state[:16]}"


def _sent_back(code: str, next_page: str | None) -> Response:
    """To the page for signing in. It has words for codes: what an address says could be anybody's."""
    said = {"problem": code} | ({"next": next_page} if next_page else {})
    return RedirectResponse(f"{SIGN_IN_PAGE}?{urlencode(said)}", status.HTTP_303_SEE_OTHER)


def _origin(request: Request) -> str:
    """The address by which the browser calls this server, without a path."""
    if given := get_settings().oidc_origin:
        return given
    host = quote(request.headers.get("host", ""), safe=":[].-")
    return f"{'https' if is_secure(request) else 'http'}://{host}"
