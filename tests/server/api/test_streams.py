"""Streams of runs that many listen to: what they cost, who is let in, how they end, what they say."""

import asyncio
import json
import sqlite3
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, TypeVar

import anyio
import httpx
import pytest
from fastapi import FastAPI
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.exc import OperationalError

from server.api import event_stream
from server.api.deps import Caller
from server.db import session_scope, utcnow
from server.errors import NotFound, NotSignedIn
from server.models import Member, Run, RunEvent, User
from server.models.member import MemberRole
from server.models.run import RunState
from server.models.user import Role
from server.schemas.user import Scope, TokenIn
from server.security import hash_secret
from server.services.accounts import credentials, sessions, tokens, users
from server.services.runs import claims, runs
from server.settings import get_settings
from tests.server.factories import make_project, make_run
from tests.server.statements import noted

T = TypeVar("T")


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_stream, "LOOK_SECONDS", 0.05)
    monkeypatch.setattr(event_stream, "ACCESS_SECONDS", 0.1)


def add_event(run_id: int, step: int, state: RunState = RunState.RUNNING) -> None:
    with session_scope() as session:
        claims.add_event(session, run_id, 1, "progress", {"step": step})
        session.get_one(Run, run_id).state = state


def make_token(user_id: int) -> tuple[int, str]:
    with session_scope() as session:
        owner = users.get(session, user_id)
        token, secret = tokens.create(
            session, owner, TokenIn(name="a", scopes=[Scope.READ]), holder_scopes=frozenset(Scope)
        )
        return token.id, secret


def make_session(user_id: int) -> str:
    with session_scope() as session:
        return sessions.start(session, users.get(session, user_id))


def steps_of(text: str) -> list[int]:
    lines = [line.removeprefix("data: ") for line in text.splitlines() if line[:5] == "data:"]
    return [data["payload"]["step"] for data in map(json.loads, lines) if "payload" in data]


@asynccontextmanager
async def running(application: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(application)
    async with (
        application.router.lifespan_context(application),
        httpx.AsyncClient(transport=transport, base_url="http://testserver") as client,
    ):
        yield client


def serve(application: FastAPI, work: Callable[[httpx.AsyncClient], Awaitable[T]]) -> T:
    async def main() -> T:
        async with running(application) as client:
            with anyio.fail_after(60):
                return await work(client)

    return anyio.run(main)


def listeners(application: FastAPI) -> set[event_stream.Listener]:
    streams: event_stream.Streams = application.state.streams
    return streams.listeners


async def until(is_so: Callable[[], bool]) -> None:
    while not is_so():
        await anyio.sleep(0.01)


def bearer(secret: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret}"}


def test_fifty_listeners_cost_as_many_looks_as_one(
    application: FastAPI, people: dict[Role, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WEAKSEG_MAX_STREAMS", "50")
    get_settings.cache_clear()
    run_id = make_run(make_project(), RunState.RUNNING)
    add_event(run_id, 1)
    _, secret = make_token(people[Role.ANNOTATOR])

    async def work(client: httpx.AsyncClient) -> tuple[list[str], int, int, int]:
        url = f"/api/v1/runs/{run_id}/events"
        with noted() as seen:
            began = anyio.current_time()
            asked = [
                asyncio.create_task(client.get(url, headers=bearer(secret))) for _ in range(50)
            ]
            await until(lambda: len(listeners(application)) == 50)
            for step in (2, 3):
                await anyio.sleep(3 * event_stream.LOOK_SECONDS)
                await asyncio.to_thread(add_event, run_id, step)
            await anyio.sleep(0.3)
            await asyncio.to_thread(add_event, run_id, 4, RunState.SUCCEEDED)
            texts = [(await each).text for each in asked]
            seconds = anyio.current_time() - began
        looks = sum("run_events" in text and text.startswith("SELECT") for text, _ in seen)
        checks = sum("api_tokens" in text and "UNION" in text for text, _ in seen)
        return texts, looks, checks, seconds

    texts, looks, checks, seconds = serve(application, work)
    assert len(set(texts)) == 1
    assert steps_of(texts[0]) == [1, 2, 3, 4]
    assert texts[0].endswith('event: end\ndata: {"state": "succeeded"}\n\n')
    assert 3 <= looks <= seconds / event_stream.LOOK_SECONDS + 2
    assert 1 <= checks <= seconds / event_stream.ACCESS_SECONDS + 1


def revoke(user_id: int, token_id: int, _secret: str) -> None:
    with session_scope() as session:
        tokens.revoke(session, user_id, token_id)


def let_token_run_out(_user_id: int, _token_id: int, secret: str) -> None:
    with session_scope() as session:
        tokens.find(session, secret).expires_at = utcnow()


def lock_out(user_id: int, _token_id: int, _secret: str) -> None:
    with session_scope() as session:
        users.get(session, user_id).active = False


def set_password(user_id: int, _token_id: int, _secret: str) -> None:
    with session_scope() as session:
        users.set_password(session, users.get(session, user_id), "none")


@pytest.mark.parametrize("ending", [revoke, let_token_run_out, lock_out, set_password])
def test_who_may_not_read_any_more_hears_no_more(
    application: FastAPI, people: dict[Role, int], ending: Callable[[int, int, str], None]
) -> None:
    run_id = make_run(make_project(), RunState.RUNNING)
    token_id, secret = make_token(people[Role.ANNOTATOR])
    _, of_another = make_token(people[Role.ENGINEER])

    async def work(client: httpx.AsyncClient) -> tuple[str, str, int]:
        url = f"/api/v1/runs/{run_id}/events"
        first = asyncio.create_task(client.get(url, headers=bearer(secret)))
        other = asyncio.create_task(client.get(url, headers=bearer(of_another)))
        await until(lambda: len(listeners(application)) == 2)
        await asyncio.to_thread(ending, people[Role.ANNOTATOR], token_id, secret)
        ended = (await first).text
        again = (await client.get(url, headers=bearer(secret))).status_code
        await asyncio.to_thread(add_event, run_id, 1, RunState.SUCCEEDED)
        return ended, (await other).text, again

    ended, other, again = serve(application, work)
    assert "event: end" not in ended, "it may go on with another token"
    assert (steps_of(ended), steps_of(other), again) == ([], [1], 401)


@pytest.mark.parametrize("how", ["ended", "idle", "run out", "second factor"])
def test_a_stream_ends_with_its_session(
    application: FastAPI, people: dict[Role, int], how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WEAKSEG_SESSION_IDLE", "PT30M")
    monkeypatch.setenv("WEAKSEG_ADMINS_NEED_SECOND_FACTOR", "true")
    get_settings.cache_clear()
    run_id = make_run(make_project(), RunState.RUNNING)
    with session_scope() as session:
        users.get(session, people[Role.ADMIN]).totp_secret = "A"
    secrets = [make_session(people[Role.ADMIN]) for _ in range(2)]

    def end() -> None:
        with session_scope() as session:
            found = sessions.find(session, secrets[0])
            match how:
                case "ended":
                    sessions.revoke(session, found.user_id, found.id)
                case "idle":
                    found.last_used_at = utcnow() - timedelta(minutes=31)
                case "run out":
                    found.expires_at = utcnow()
                case "second factor":
                    users.get(session, found.user_id).totp_secret = None

    async def work(client: httpx.AsyncClient) -> int:
        url = f"/api/v1/runs/{run_id}/events"
        asked = [
            asyncio.create_task(client.get(url, headers={"Cookie": f"{sessions.COOKIE}={secret}"}))
            for secret in secrets
        ]
        await until(lambda: len(listeners(application)) == 2)
        await asyncio.to_thread(end)
        assert "event: end" not in (await asked[0]).text
        left = len(listeners(application))
        await asyncio.to_thread(add_event, run_id, 1, RunState.SUCCEEDED)
        await asyncio.gather(*asked)
        return left

    left = serve(application, work)
    assert left == 1 or how == "second factor"


def test_a_stream_ends_with_its_membership(application: FastAPI, people: dict[Role, int]) -> None:
    project_id = make_project(open_to_everybody=False)
    run_id = make_run(project_id, RunState.RUNNING)
    readers = people[Role.ANNOTATOR], people[Role.ENGINEER]
    with session_scope() as session:
        for user_id in readers:
            session.add(Member(project_id=project_id, user_id=user_id, role=MemberRole.VIEWER))
    secrets = [make_token(user_id)[1] for user_id in readers]

    def end() -> None:
        with session_scope() as session:
            session.delete(session.get_one(Member, (project_id, readers[0])))

    async def work(client: httpx.AsyncClient) -> tuple[str, int]:
        url = f"/api/v1/runs/{run_id}/events"
        asked = [asyncio.create_task(client.get(url, headers=bearer(one))) for one in secrets]
        await until(lambda: len(listeners(application)) == 2)
        await asyncio.to_thread(end)
        ended = (await asked[0]).text
        again = (await client.get(url, headers=bearer(secrets[0]))).status_code
        await asyncio.to_thread(add_event, run_id, 1, RunState.SUCCEEDED)
        assert "event: end" in (await asked[1]).text
        return ended, again

    ended, again = serve(application, work)
    assert ("event: end" in ended, again) == (False, 404)


def test_whose_secrets_are_told_is_who_would_be_let_in(people: dict[Role, int]) -> None:
    """The one statement for all streams follows the rules of the one for a request."""
    kept, revoked = (make_token(people[Role.ADMIN]) for _ in range(2))
    session_secret = make_session(people[Role.ENGINEER])
    revoke(people[Role.ADMIN], revoked[0], "")
    with session_scope(read_only=True) as session:
        hashes = {
            "kept": hash_secret(kept[1]), "revoked": hash_secret(revoked[1]),
            "session": hash_secret(session_secret),
        }  # fmt: skip
        found = credentials.holders(session, list(hashes.values()))
        names = {name: found[value].role for name, value in hashes.items() if value in found}
        assert names == {"kept": Role.ADMIN, "session": Role.ENGINEER}
        assert credentials.holders(session, []) == {}
        with pytest.raises(NotSignedIn):
            tokens.find(session, revoked[1])


def test_a_person_has_so_many_streams_and_the_server_so_many(
    application: FastAPI, people: dict[Role, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WEAKSEG_MAX_STREAMS", "2")
    monkeypatch.setenv("WEAKSEG_MAX_STREAMS_IN_ALL", "3")
    get_settings.cache_clear()
    run_id = make_run(make_project(), RunState.RUNNING)
    mine = [make_token(people[Role.ANNOTATOR])[1] for _ in range(3)]
    theirs, third = make_token(people[Role.ENGINEER])[1], make_token(people[Role.ADMIN])[1]

    async def work(client: httpx.AsyncClient) -> None:
        url = f"/api/v1/runs/{run_id}/events"

        def ask(secret: str) -> asyncio.Task[httpx.Response]:
            return asyncio.create_task(client.get(url, headers=bearer(secret)))

        open_ones = [ask(secret) for secret in mine[:2]]
        await until(lambda: len(listeners(application)) == 2)
        refused = await ask(mine[2])
        assert (refused.status_code, refused.json()["code"]) == (429, "too-many-streams")
        assert int(refused.headers["retry-after"]) >= 1
        open_ones.append(ask(theirs))
        await until(lambda: len(listeners(application)) == 3)
        full = await ask(third)
        assert (full.status_code, full.json()["code"]) == (503, "streams-full")
        assert full.headers["retry-after"]
        open_ones[0].cancel()
        await until(lambda: len(listeners(application)) == 2)
        open_ones.append(ask(third))
        await until(lambda: len(listeners(application)) == 3)
        await asyncio.to_thread(add_event, run_id, 1, RunState.CANCELLED)
        assert [steps_of((await each).text) for each in open_ones[1:]] == [[1]] * 3
        assert listeners(application) == set()

    serve(application, work)


def test_nobody_is_counted_who_left_before_the_first_word(
    application: FastAPI, people: dict[Role, int]
) -> None:
    run_id = make_run(make_project(), RunState.RUNNING)
    _, secret = make_token(people[Role.ANNOTATOR])

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(_message: object) -> None:
        raise OSError("gone")

    async def work(_client: httpx.AsyncClient) -> None:
        scope = {
            "type": "http", "asgi": {"version": "3.0", "spec_version": "2.4"}, "method": "GET",
            "path": f"/api/v1/runs/{run_id}/events", "raw_path": b"", "query_string": b"",
            "headers": [(b"authorization", f"Bearer {secret}".encode())], "scheme": "http",
            "client": ("127.0.0.1", 1), "server": ("testserver", 80), "root_path": "",
            "http_version": "1.1",
        }  # fmt: skip
        await application(scope, receive, send)
        assert listeners(application) == set()
        assert application.state.streams.feeds == {}

    serve(application, work)


def test_a_run_is_not_looked_at_when_nobody_listens(
    application: FastAPI, people: dict[Role, int]
) -> None:
    run_id = make_run(make_project(), RunState.RUNNING)
    add_event(run_id, 1)
    _, secret = make_token(people[Role.ANNOTATOR])

    async def work(client: httpx.AsyncClient) -> str:
        url = f"/api/v1/runs/{run_id}/events"
        first = asyncio.create_task(client.get(url, headers=bearer(secret)))
        await until(lambda: len(listeners(application)) == 1)
        first.cancel()
        await until(lambda: not application.state.streams.feeds)
        await anyio.sleep(2 * event_stream.LOOK_SECONDS)  # a look that had begun ends
        with noted() as seen:
            await anyio.sleep(5 * event_stream.LOOK_SECONDS)
        assert seen == []
        second = asyncio.create_task(client.get(url, headers=bearer(secret)))
        await until(lambda: len(listeners(application)) == 1)
        await asyncio.to_thread(add_event, run_id, 2, RunState.FAILED)
        return (await second).text

    assert steps_of(serve(application, work)) == [1, 2]


def test_a_report_is_read_with_the_state_it_goes_with(database: str) -> None:
    project_id = make_project()
    run_id, other = make_run(project_id, RunState.RUNNING), make_run(project_id, RunState.RUNNING)
    with session_scope(read_only=True) as session:
        assert runs.report_after(session, run_id, 0, 2) == (RunState.RUNNING, [])
        assert runs.newest_report(session, run_id, 2) == (RunState.RUNNING, [])
    for step in range(5):
        add_event(run_id, step)
        add_event(other, 10 + step)
    add_event(run_id, 5, RunState.FAILED)

    def steps(found: tuple[RunState, list[RunEvent]]) -> tuple[str, list[int]]:
        return found[0].value, [each.payload["step"] for each in found[1]]

    with session_scope(read_only=True) as session, noted() as seen:
        first = runs.events_after(session, run_id, 0, 2)
        seen.clear()
        after = runs.report_after(session, run_id, first[-1].id, 3)
        newest = runs.newest_report(session, run_id, 3)
        assert len(seen) == 2
        assert steps(after) == ("failed", [2, 3, 4])
        assert steps(newest) == ("failed", [3, 4, 5])
        assert steps(runs.report_after(session, run_id, 2**31 - 1, 3)) == ("failed", [])
        for read in (
            lambda: runs.report_after(session, 99, 0, 3), lambda: runs.newest_report(session, 99, 3),
        ):  # fmt: skip
            with pytest.raises(NotFound):
                read()


# --- What listeners hear, over a table in memory


@dataclass
class FakeRuns:
    """One run's events, and a database that may be away."""

    events: list[RunEvent] = field(default_factory=list)
    state: RunState = RunState.RUNNING
    is_away: bool = False
    looks: int = 0

    def look(self, read: Callable[[Any], T]) -> T:
        self.looks += 1
        if self.is_away:
            error = sqlite3.OperationalError("unable to open database file")
            error.sqlite_errorcode = sqlite3.SQLITE_CANTOPEN
            raise OperationalError("SELECT", None, error)
        return read(None)

    def add(self, count: int) -> None:
        for _ in range(count):
            number = 3 * len(self.events) + 1  # ids have gaps: other runs have events too
            self.events.append(
                RunEvent(id=number, run_id=1, attempt=1, kind="progress", payload={"step": number},
                         created_at=utcnow())
            )  # fmt: skip

    def events_after(self, _: object, _run: int, after: int, limit: int) -> list[RunEvent]:
        return [each for each in self.events if each.id > after][:limit]

    def report_after(
        self, _: object, _run: int, after: int, limit: int
    ) -> tuple[RunState, list[RunEvent]]:
        return self.state, self.events_after(_, _run, after, limit)

    def newest_report(self, _: object, _run: int, limit: int) -> tuple[RunState, list[RunEvent]]:
        return self.state, self.events[-limit:]


@contextmanager
def fake_runs(**constants: float) -> Iterator[FakeRuns]:
    fake = FakeRuns()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(event_stream, "runs", fake)
        patch.setattr(event_stream, "look", fake.look)
        patch.setattr(event_stream, "LOOK_SECONDS", 0)
        patch.setattr(event_stream, "ACCESS_SECONDS", 3600)
        for name, value in constants.items():
            patch.setattr(event_stream, name, value)
        yield fake


def caller(user_id: int = 1) -> Caller:
    return Caller(User(id=user_id, role=Role.ANNOTATOR), frozenset(Scope), f"secret {user_id}")


async def hear(streams: event_stream.Streams, after: int, person: int, heard: list[str]) -> None:
    async with streams.listen(1, caller(person)) as listener:
        async for text in listener.events(after):
            heard += [text]


def ids_of(text: str) -> list[int]:
    return [int(line.removeprefix("id: ")) for line in text.splitlines() if line[:3] == "id:"]


Step = tuple[str, int]
STEPS = st.one_of(
    st.tuples(st.just("write"), st.integers(1, 7)),
    st.tuples(st.just("join"), st.integers(0, 60)),
    st.tuples(st.just("wait"), st.integers(1, 3)),
)


@given(steps=st.lists(STEPS, max_size=12))
def test_every_listener_hears_all_from_its_start_once_and_in_order(steps: Sequence[Step]) -> None:
    async def play(fake: FakeRuns) -> list[tuple[int, str]]:
        streams = event_stream.Streams()
        heard: list[tuple[int, list[str]]] = []
        async with anyio.create_task_group() as tasks:
            for what, number in [*steps, ("join", 0), ("join", 2**31 - 1)]:
                match what:
                    case "write":
                        fake.add(number)
                    case "join":
                        heard.append((number, []))
                        tasks.start_soon(hear, streams, number, len(heard), heard[-1][1])
                    case "wait":
                        await anyio.sleep(0.001 * number)
            fake.add(2)
            fake.state = RunState.SUCCEEDED
        await streams.stop()
        assert (streams.listeners, streams.feeds) == (set(), {})
        return [(after, "".join(texts)) for after, texts in heard]

    with fake_runs(KEPT_EVENTS=4, EVENTS_AT_ONCE=3) as fake:
        for after, text in anyio.run(play, fake):
            assert ids_of(text) == [each.id for each in fake.events if each.id > after]
            assert text.endswith('event: end\ndata: {"state": "succeeded"}\n\n')
            assert Counter(text.splitlines())["event: end"] == 1


def test_a_database_that_is_away_ends_no_stream_and_is_not_pressed() -> None:
    async def play(fake: FakeRuns) -> tuple[str, str, float]:
        streams, heard, late = event_stream.Streams(), [""], [""]
        fake.add(20)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(hear, streams, 0, 1, heard)
            await until(lambda: len(ids_of("".join(heard))) == 20)
            fake.is_away, fake.looks = True, 0
            began = time.monotonic()
            tasks.start_soon(hear, streams, 0, 2, late)  # what it lacks is in the database alone
            await anyio.sleep(0.5)
            looks, seconds = fake.looks, time.monotonic() - began
            assert len(streams.listeners) == 2
            assert looks <= 2 * (seconds / event_stream.AWAY_SECONDS + 2)
            fake.add(1)
            fake.state, fake.is_away = RunState.FAILED, False
        return "".join(heard), "".join(late), seconds

    with fake_runs(KEPT_EVENTS=4, EVENTS_AT_ONCE=3, AWAY_SECONDS=0.1) as fake:
        heard, late, _ = anyio.run(play, fake)
        assert ids_of(heard) == ids_of(late) == [each.id for each in fake.events]
        assert 'data: {"state": "failed"}' in heard


def test_what_is_no_trouble_of_the_database_ends_the_stream_which_may_come_again() -> None:
    async def play(fake: FakeRuns, patch: pytest.MonkeyPatch) -> str:
        streams, heard = event_stream.Streams(), [""]
        fake.add(1)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(hear, streams, 0, 1, heard)
            await until(lambda: ids_of("".join(heard)) == [1])
            patch.setattr(fake, "report_after", None)
        assert streams.feeds == {}
        return "".join(heard)

    with fake_runs() as fake, pytest.MonkeyPatch.context() as patch:
        assert "event: end" not in anyio.run(play, fake, patch)


def test_who_waits_long_is_told_that_the_server_is_still_there() -> None:
    async def play(fake: FakeRuns) -> str:
        streams, heard = event_stream.Streams(), [""]
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(hear, streams, 0, 1, heard)
            await until(lambda: "".join(heard).count(": still here\n\n") >= 3)
            fake.state = RunState.SUCCEEDED
        return "".join(heard)

    with fake_runs(KEEP_ALIVE_SECONDS=0.05) as fake:
        assert anyio.run(play, fake).startswith("retry: 2000\n\n: still here\n\n")


def test_a_connection_has_an_end() -> None:
    async def play() -> str:
        heard = [""]
        await hear(event_stream.Streams(), 0, 1, heard)
        return "".join(heard)

    with fake_runs(LONGEST_SECONDS=0.1):
        assert anyio.run(play) == "retry: 2000\n\n"


def test_all_streams_end_when_the_server_does() -> None:
    async def play() -> None:
        streams, heard = event_stream.Streams(), [""]
        async with anyio.create_task_group() as tasks:
            for person in range(3):
                tasks.start_soon(hear, streams, 0, person, heard)
            await until(lambda: len(streams.listeners) == 3 and len(heard) == 4)
            streams.close()
        await hear(streams, 0, 4, heard)
        assert streams.feeds == {}

    with fake_runs():
        anyio.run(play)
