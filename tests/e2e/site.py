"""A running server with people on it, and browsers in which they are signed in."""

import itertools
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import httpx
from playwright.sync_api import Browser, BrowserContext, Page, Request, ViewportSize, expect
from pwdlib.hashers.argon2 import Argon2Hasher
from sqlalchemy.orm import Session

from server import db, migrations
from server.models import User
from server.models.user import Role
from tests.domains import upload
from tests.product import running_api
from tests.services.slowness import slow_down

PASSWORD = "correct horse battery"
ADMIN, FIRST, SECOND = "lead@example.org", "first@example.org", "second@example.org"
ROLES = {ADMIN: Role.ADMIN, FIRST: Role.ANNOTATOR, SECOND: Role.ANNOTATOR}
QUICK = Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1)
"""Everybody here signs in again and again, and how long a guess takes is not what is tested."""
NUMBERS = itertools.count(1)
PATIENCE_MS = 30_000
DESK: ViewportSize = {"width": 1280, "height": 800}
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
TABLET: ViewportSize = {"width": 1024, "height": 768}
AXE = Path(__file__).parents[2] / "frontend/node_modules/axe-core/axe.min.js"
STANDARDS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
# All that axe finds in order is megabytes for a page, and takes longer to hand over than to find.
VIOLATIONS = """async (standards) => {
  const found = await axe.run({ runOnly: standards, resultTypes: ["violations"] })
  return found.violations.map(({ id, help, nodes }) => `${id}: ${help}: ${nodes[0].html}`)
}"""
FRAME = "() => new Promise((done) => requestAnimationFrame(() => setTimeout(done)))"
QUIET_FRAMES = 3
"""After so many without a request a page has asked for all that it shows."""
SUBJECT = "h1, [role=application]:not([aria-busy=true])"
ARRIVED = """(route) => {
  const { status, resolvedLocation } = window.__TSR_ROUTER__.state
  return status === "idle" && resolvedLocation.href === route
}"""
"""Whether the router, which every page of TanStack's has by this name, shows the page of an address."""
OWN_CLOCK = """
  const real = performance.now.bind(performance)
  let passed = 0
  performance.now = () => real() / 1000 + passed
  window.letPass = (milliseconds) => { passed += milliseconds }
"""
"""All but still: a second of a slow machine is a millisecond."""


def installed(folder: Path) -> dict[str, str]:
    """An empty database in `folder`, with an admin and two annotators; the settings of its server."""
    data = folder / "data"
    data.mkdir()
    engine = db.make_engine(f"sqlite:///{data / 'weakseg.sqlite3'}")
    migrations.upgrade(engine)
    with Session(engine) as session, session.begin():
        for email, role in ROLES.items():
            user = User(email=email, password_hash=QUICK.hash(PASSWORD), role=role.value)
            session.add(user)
    engine.dispose()
    return {"WEAKSEG_DATA": str(data)}


@contextmanager
def serving(folder: Path, more: Mapping[str, str] | None = None) -> Iterator[str]:
    """The API alone over what `installed` makes; its address. `more` are variables besides."""
    with running_api({**installed(folder), **(more or {})}, folder / "logs") as address:
        yield address


def add_project(api: httpx.Client, images: list[Path], **body: Any) -> int:
    """A new project with images, of the recipe `tiny` unless the body says another.

    Its page takes an answer at once: nobody here is as slow as a person.
    """
    fresh = {
        "name": f"Streets {next(NUMBERS)}", "recipe": "tiny", "min_view_ms": 0,
        "open_to_everybody": True,
    }  # fmt: skip
    answer = api.post("/api/v1/projects", json=fresh | body)
    assert answer.status_code == 201, answer.text
    number = int(answer.json()["id"])
    if images:
        upload(api, number, images)
    return number


@contextmanager
def signed_in(address: str, email: str) -> Iterator[httpx.Client]:
    """Somebody's HTTP client."""
    with httpx.Client(base_url=address, trust_env=False, timeout=30) as api:
        answer = api.post("/api/v1/session", json={"email": email, "password": PASSWORD})
        assert answer.is_success, answer.text
        yield api


def new_context(browser: Browser, **settings: Any) -> BrowserContext:
    """Of the browser, as slow as the environment asks."""
    context = browser.new_context(**settings)
    slow_down(context)
    return context


@contextmanager
def entered(browser: Browser, address: str, email: str, **looks: Any) -> Iterator[BrowserContext]:
    """A browser in which somebody is signed in; a script that throws is a failure.

    `looks` are settings of the context, such as its viewport.
    """
    settings = {"viewport": DESK, "reduced_motion": "reduce"} | looks
    context = new_context(browser, base_url=address, **settings)
    context.set_default_timeout(PATIENCE_MS)
    errors: list[str] = []
    context.on("weberror", lambda error: errors.append(str(error.error)))
    sign_in(context, email)
    yield context
    context.close()
    assert errors == []


def wait_until_seen(page: Page) -> None:
    """Until the image on the labelling page is painted: before that no answer is taken."""
    expect(page.get_by_role("application")).to_have_attribute("aria-busy", "false")


def stop_clock(context: BrowserContext) -> None:
    """On pages that are opened from now on, time passes when the test lets it, with `let_pass`.

    By it they tell for how long an image has been seen, and how fast somebody works.
    """
    context.add_init_script(OWN_CLOCK)


def let_pass(page: Page, milliseconds: int) -> None:
    page.evaluate("milliseconds => window.letPass(milliseconds)", milliseconds)


def sign_in(context: BrowserContext, email: str) -> None:
    answer = context.request.post("/api/v1/session", data={"email": email, "password": PASSWORD})
    assert answer.ok, answer.text()


def settle(page: Page, route: str) -> None:
    """Open a page and wait until it shows what it is about, and takes an answer where it asks for one."""
    _settle(page, lambda: page.goto(route))


def go_on(page: Page, route: str) -> None:
    """The same from another page, as by a link: what both need is not loaded anew, which takes long."""

    def follow() -> None:
        page.evaluate("route => history.pushState(null, '', route)", route)
        page.wait_for_function(ARRIVED, arg=route)

    _settle(page, follow)


def _settle(page: Page, arrive: Callable[[], object]) -> None:
    with _requests(page) as under_way:
        arrive()
        subject = page.locator(SUBJECT).first
        quiet = 0
        while quiet < QUIET_FRAMES:
            expect(subject).to_be_visible()
            page.evaluate(FRAME)
            quiet = quiet + 1 if not under_way and subject.is_visible() else 0


def resize(page: Page, size: ViewportSize) -> None:
    """Until the page is laid out in a window of this size, with what scripts draw to fit."""
    page.set_viewport_size(size)
    page.wait_for_function("width => innerWidth === width", arg=size["width"])
    for _ in range(QUIET_FRAMES):
        page.evaluate(FRAME)


@contextmanager
def _requests(page: Page) -> Iterator[set[Request]]:
    """Those of the page that are not answered yet."""
    under_way: set[Request] = set()

    def begin(request: Request) -> None:
        under_way.add(request)

    def end(request: Request) -> None:
        under_way.discard(request)

    listeners = {"request": begin, "requestfinished": end, "requestfailed": end}
    for event, listener in listeners.items():
        page.on(event, listener)  # type: ignore[call-overload]
    yield under_way
    for event, listener in listeners.items():
        page.remove_listener(event, listener)


def violations(page: Page) -> list[str]:
    """What axe finds against WCAG 2.2 AA, each with the first element."""
    if page.evaluate("typeof axe") == "undefined":
        page.evaluate(AXE.read_text(encoding="utf-8"))
    return list(page.evaluate(VIOLATIONS, STANDARDS))


def violations_of_both(page: Page) -> dict[str, list[str]]:
    """The same by colour scheme; leaves the page in the dark one."""
    found = {}
    for scheme in SCHEMES:
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        if wrong := violations(page):
            found[scheme] = wrong
    return found
