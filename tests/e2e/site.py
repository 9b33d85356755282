"""A running server with people on it, and browsers in which they are signed in."""

import itertools
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from playwright.sync_api import Browser, BrowserContext, Page, ViewportSize, expect
from pwdlib.hashers.argon2 import Argon2Hasher
from sqlalchemy.orm import Session

from server import db, migrations
from server.models import User
from server.models.user import Role
from tests.domains import upload
from tests.product import running_api

PASSWORD = "correct horse battery"
ADMIN, FIRST, SECOND = "lead@example.org", "first@example.org", "second@example.org"
ROLES = {ADMIN: Role.ADMIN, FIRST: Role.ANNOTATOR, SECOND: Role.ANNOTATOR}
QUICK = Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1)
"""Everybody here signs in again and again, and how long a guess takes is not what is tested."""
NUMBERS = itertools.count(1)
PATIENCE_MS = 30_000
DESK: ViewportSize = {"width": 1280, "height": 800}
TABLET: ViewportSize = {"width": 1024, "height": 768}
AXE = Path(__file__).parents[2] / "frontend/node_modules/axe-core/axe.min.js"
STANDARDS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


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
def serving(folder: Path) -> Iterator[str]:
    """The API alone over what `installed` makes; its address."""
    with running_api(installed(folder), folder / "logs") as address:
        yield address


def add_project(api: httpx.Client, images: list[Path], **body: Any) -> int:
    """A new project with images, of the recipe `tiny` unless the body says another.

    Its page takes an answer at once: nobody here is as slow as a person.
    """
    fresh = {"name": f"Streets {next(NUMBERS)}", "recipe": "tiny", "min_view_ms": 0}
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


@contextmanager
def entered(browser: Browser, address: str, email: str, **looks: Any) -> Iterator[BrowserContext]:
    """A browser in which somebody is signed in; a script that throws is a failure.

    `looks` are settings of the context, such as its viewport.
    """
    settings = {"viewport": DESK, "reduced_motion": "reduce"} | looks
    context = browser.new_context(base_url=address, **settings)
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


def sign_in(context: BrowserContext, email: str) -> None:
    answer = context.request.post("/api/v1/session", data={"email": email, "password": PASSWORD})
    assert answer.ok, answer.text()


def violations(page: Page) -> list[str]:
    """What axe finds against WCAG 2.2 AA, each with the first element."""
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate(f"axe.run({{ runOnly: {json.dumps(STANDARDS)} }})")["violations"]
    return [f"{one['id']}: {one['help']}: {one['nodes'][0]['html']}" for one in found]
