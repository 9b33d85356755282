"""Guessing passwords: many at once, from elsewhere, and while everybody else works."""

import asyncio
import os
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import func, select, update

from server import security
from server.db import session_scope, utcnow
from server.errors import NotSignedIn, TooManyAttempts, Unavailable
from server.models import SignInFailure, UserSession
from server.models.user import Role
from server.schemas.user import UserChange
from server.security import HashingPlaces
from server.services.accounts import guesses, sign_in, users
from server.services.accounts.sessions import Browser
from tests.server.people import EMAILS, PASSWORD

Clients = Callable[[], TestClient]
ATTACKERS = 40
LIMIT = 10
EMAIL = EMAILS[Role.ANNOTATOR]


def guess(client: TestClient, email: str = EMAIL, password: str = "wrong") -> Any:
    return client.post("/api/v1/session", json={"email": email, "password": password})


def enter(password: str, address: str, device: str | None = None, email: str = EMAIL) -> str:
    """Sign in from an address; gives the mark that the browser keeps."""
    entered = asyncio.run(sign_in.enter(email, password, Browser(address), device))
    return entered.device


def outcome(password: str, address: str, device: str | None = None, email: str = EMAIL) -> str:
    try:
        enter(password, address, device, email)
    except NotSignedIn:
        return "wrong"
    except TooManyAttempts:
        return "refused"
    return "in"


def test_guesses_at_once_are_no_more_than_one_after_the_other(
    app_client: Clients, people: dict[Role, int]
) -> None:
    clients = [app_client() for _ in range(ATTACKERS)]
    with ThreadPoolExecutor(ATTACKERS) as pool:
        answers = list(pool.map(guess, clients))
    assert Counter(answer.status_code for answer in answers) == {401: LIMIT, 429: ATTACKERS - LIMIT}
    refused = next(answer for answer in answers if answer.status_code == 429)
    assert 1 <= int(refused.headers["retry-after"]) <= 15 * 60
    assert refused.json()["code"] == "too-many-attempts"


def test_several_processes_count_together(database: str, forked_processes: dict[str, str]) -> None:
    started = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.server.guessing"],
            stdout=subprocess.PIPE, env=os.environ | forked_processes,
        )
        for _ in range(3)
    ]  # fmt: skip
    said = [process.communicate(timeout=120)[0].split() for process in started]
    assert [process.returncode for process in started] == [0, 0, 0]
    assert sum(map(len, said)) == LIMIT


def test_guessing_from_elsewhere_locks_nobody_out(people: dict[Role, int]) -> None:
    outcomes = [outcome("wrong", "203.0.113.9") for _ in range(LIMIT + 1)]
    assert outcomes == ["wrong"] * LIMIT + ["refused"]
    assert outcome(PASSWORD, "203.0.113.9") == "refused"
    assert outcome(PASSWORD, "198.51.100.7") == "in"
    assert outcome(PASSWORD, "203.0.113.9") == "refused", "which opens nothing for the guesser"


def test_one_network_is_one_guesser(people: dict[Role, int]) -> None:
    """A customer has 2**64 addresses of IPv6, and one of IPv4 can be written as one of IPv6."""
    outcomes = [outcome("wrong", f"2001:db8::{number}") for number in range(LIMIT + 1)]
    assert outcomes[-1] == "refused"
    assert outcome("wrong", "2001:db8:0:1::1") == "wrong"
    for _ in range(LIMIT // 2):
        outcome("wrong", "192.0.2.1")
        outcome("wrong", "::ffff:192.0.2.1")
    assert outcome("wrong", "192.0.2.1") == "refused"


@pytest.mark.parametrize(
    "where", [lambda n: ("a@b.c", f"10.0.0.{n}"), lambda n: (f"{n}@b.c", "10.0.0.1")]
)
def test_many_addresses_and_many_accounts_have_limits_too(
    database: str, where: Callable[[int], tuple[str, str]]
) -> None:
    def is_counted(number: int) -> bool:
        try:
            guesses.count(guesses.limits_of_sign_in(*where(number), device=None))
        except TooManyAttempts:
            return False
        return True

    assert [is_counted(n) for n in range(10 * LIMIT + 1)] == [True] * 10 * LIMIT + [False]


def test_who_was_signed_in_before_is_let_through(people: dict[Role, int]) -> None:
    home, device = "198.51.100.7", enter(PASSWORD, "198.51.100.7")
    other = enter(PASSWORD, home, email=EMAILS[Role.ENGINEER])
    for _ in range(LIMIT):
        outcome("wrong", home)
    forged = device[:-1] + ("0" if device[-1] != "0" else "1")
    for mark in (None, "", "x", ".", forged, other, device.replace(".", "9.", 1)):
        assert outcome(PASSWORD, home, mark) == "refused", mark
    assert outcome(PASSWORD, home, device) == "in"
    for _ in range(LIMIT):
        assert outcome("wrong", home, device) == "wrong"
    assert outcome(PASSWORD, home, device) == "refused", "a stolen mark guesses no more than others"


def test_a_mark_ends_with_the_password_and_after_its_time(
    people: dict[Role, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    home, device = "198.51.100.7", enter(PASSWORD, "198.51.100.7")
    for _ in range(LIMIT):
        outcome("wrong", home)
    now = utcnow() + sign_in.DEVICE_LIFETIME + timedelta(minutes=1)
    with session_scope() as session:
        session.execute(update(SignInFailure).values(at=now))
    with monkeypatch.context() as later:
        later.setattr(sign_in, "utcnow", lambda: now)
        later.setattr(guesses, "utcnow", lambda: now)
        assert outcome(PASSWORD, home, device) == "refused"
    change = UserChange.model_validate({"password": "quite another battery"})
    with session_scope() as session:
        session.execute(update(SignInFailure).values(at=utcnow()))
        users.change(session, people[Role.ANNOTATOR], change)
    assert outcome("quite another battery", home, device) == "refused"


def test_browsers_keep_the_mark(app_client: Clients, people: dict[Role, int]) -> None:
    mine, strange = app_client(), app_client()
    assert guess(mine, password=PASSWORD).status_code == 200
    assert mine.cookies[sign_in.DEVICE_COOKIE]
    mine.delete("/api/v1/session")
    assert [guess(strange).status_code for _ in range(LIMIT)] == [401] * LIMIT
    assert guess(strange, password=PASSWORD).status_code == 429
    assert guess(mine, password=PASSWORD).status_code == 200
    change = {"current": PASSWORD, "new": "quite another battery"}
    assert mine.post("/api/v1/me/password", json=change).status_code == 204
    mine.delete("/api/v1/session")
    assert guess(mine, password="quite another battery").status_code == 200


def test_the_time_runs_out(people: dict[Role, int]) -> None:
    assert [outcome("wrong", "192.0.2.1") for _ in range(LIMIT + 1)][-1] == "refused"
    with session_scope() as session:
        session.execute(update(SignInFailure).values(at=utcnow() - timedelta(minutes=16)))
    assert outcome(PASSWORD, "192.0.2.1") == "in"
    with session_scope(read_only=True) as session:
        assert session.scalar(select(func.count()).select_from(SignInFailure)) == 0


def test_guesses_at_ones_own_password_are_counted(
    annotator: TestClient, sign_in: Callable[[Role], TestClient]
) -> None:
    def change(current: str, client: TestClient) -> int:
        body = {"current": current, "new": "quite another battery"}
        return client.post("/api/v1/me/password", json=body).status_code

    with ThreadPoolExecutor(ATTACKERS) as pool:
        clients = [annotator] * ATTACKERS
        answers = Counter(pool.map(change, ["wrong"] * ATTACKERS, clients))
    assert answers == {403: LIMIT, 429: ATTACKERS - LIMIT}
    again = sign_in(Role.ANNOTATOR)
    assert change(PASSWORD, again) == 429, "a further session guesses no further"
    assert change(PASSWORD, sign_in(Role.ENGINEER)) == 204


class SlowHasher:
    """Checks no password before it is told to, and counts how many it is asked for at once."""

    def __init__(self) -> None:
        self.told, self.guard = threading.Event(), threading.Lock()
        self.two = threading.Event()
        self.running = self.most = 0

    def verify(self, _password: str, _stored: str) -> bool:
        with self.guard:
            self.running += 1
            self.most = max(self.most, self.running)
            if self.running == 2:
                self.two.set()
        self.told.wait(60)
        with self.guard:
            self.running -= 1
        return False


def test_attackers_take_no_more_than_the_places_for_hashing(
    app_client: Clients, annotator: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    hasher = SlowHasher()
    monkeypatch.setattr(security, "_passwords", hasher)
    monkeypatch.setattr(security, "_places", HashingPlaces(places=2, waiting=20, seconds=60))
    clients = [app_client() for _ in range(ATTACKERS)]
    with ThreadPoolExecutor(ATTACKERS) as pool:
        asked = [pool.submit(guess, c, f"{n}@b.c") for n, c in enumerate(clients)]
        assert hasher.two.wait(60)
        assert annotator.get("/health/live").json() == {"status": "ok"}
        assert annotator.get("/health/ready").status_code == 200
        assert annotator.get("/api/v1/projects").status_code == 200, "threads are left for others"
        hasher.told.set()
        answers = Counter(one.result().status_code for one in asked)
    assert hasher.most == 2
    assert answers.total() == ATTACKERS
    assert set(answers) <= {401, 503}
    with session_scope(read_only=True) as session:
        subjects = func.substr(SignInFailure.subject, 1, 5) == "email"
        counted = session.scalar(select(func.count()).where(subjects))
        assert session.scalar(select(func.count()).select_from(UserSession)) == 1
    assert counted == answers[401], "what nobody looked at is not counted"


def test_who_finds_no_room_to_wait_is_told_at_once() -> None:
    places, told = HashingPlaces(places=1, waiting=1, seconds=60), threading.Event()

    def wait(_word: str, _: None) -> bool:
        return told.wait(60)

    async def ask() -> list[bool | BaseException]:
        asked = [asyncio.ensure_future(places.wait_for(wait, "x", None)) for _ in range(4)]
        await asyncio.wait(asked[2:])
        assert not any(one.done() for one in asked[:2])
        told.set()
        return await asyncio.gather(*asked, return_exceptions=True)

    first, second, *others = asyncio.run(ask())
    assert (first, second) == (True, True)
    assert all(isinstance(other, Unavailable) for other in others)
    assert places.run(wait, "x", None), "the room is free again"


def test_who_waits_too_long_is_told_and_leaves_the_room() -> None:
    places, told = HashingPlaces(places=1, waiting=1, seconds=0.05), threading.Event()

    def wait(_word: str, _: None) -> bool:
        return told.wait(60)

    for _ in range(3):  # the first has the place for good, the others leave the room to each other
        with pytest.raises(Unavailable):
            places.run(wait, "x", None)
    with pytest.raises(Unavailable):
        asyncio.run(places.wait_for(wait, "x", None))
    told.set()


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a thread has no priority")
def test_hashing_gives_way_to_those_who_answer() -> None:
    def niceness(_word: str = "", _: None = None) -> int:
        return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())

    own = niceness()
    assert HashingPlaces(places=1, waiting=1, seconds=60).run(niceness, "x", None) == min(
        own + 5, 19
    )
    assert niceness() == own
