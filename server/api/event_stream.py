"""A run's events as server-sent events: one look at the database, whoever listens.

Of each run that somebody listens to in this process, a feed reads what is new and keeps the newest
events as text. Listeners take from it what they have not sent, each at its own pace; what is older
they read by themselves. Nobody holds a thread while nothing happens.
"""

import asyncio
import json
import signal
import threading
from bisect import bisect_right
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from types import FrameType
from typing import TypeVar

import anyio
import structlog
from anyio import to_thread
from fastapi import FastAPI
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from server.api.deps import Caller, require_member
from server.db import look, trouble
from server.errors import Forbidden, NotFound, TooManyStreams, Unavailable
from server.models import RunEvent, User
from server.models.member import MemberRole
from server.models.run import RunState
from server.schemas.run import MetricPoint
from server.schemas.user import Scope
from server.services import members
from server.services.accounts import credentials
from server.services.members import Membership
from server.services.runs import runs
from server.settings import get_settings

log = structlog.get_logger()
T = TypeVar("T")
Event = tuple[int, tuple[str, str]]
"""Its id, and how it is sent to most people and to those who inspect runs."""

LOOK_SECONDS = 0.5
ACCESS_SECONDS = 2.0
"""How often it is asked who may still listen."""
KEEP_ALIVE_SECONDS = 15
LONGEST_SECONDS = 600
EVENTS_AT_ONCE = 500
KEPT_EVENTS = 1000
"""Of one run, in memory."""
AWAY_SECONDS = 2
"""How long to leave a database alone that is away."""
THREADS = 4
"""Of their own, for all streams together: other requests do not wait for them."""
RETRY_AFTER_SECONDS = 30


class _Feed:
    """What a run reports, read for all who listen to it."""

    def __init__(self, run_id: int, threads: anyio.CapacityLimiter) -> None:
        self.run_id = run_id
        self.listeners: set[Listener] = set()
        self.scope: anyio.CancelScope | None = None
        self.began = anyio.Event()
        """It has looked once, or could not."""
        self.error: Exception | None = None
        """Why it could not even begin."""
        self.is_over = False
        self.final_state: RunState | None = None
        self.before = 0
        """Up to this id events are in the database alone."""
        self._ids: list[int] = []
        self._texts: list[tuple[str, str]] = []
        self._threads = threads

    def after(self, event_id: int) -> list[Event]:
        """The events that are kept and have greater ids."""
        start = bisect_right(self._ids, event_id)
        stop = start + EVENTS_AT_ONCE
        return list(zip(self._ids[start:stop], self._texts[start:stop], strict=True))

    async def older(self, event_id: int) -> list[Event]:
        """The next events with greater ids, from the database."""
        return await self._read(
            lambda session: _as_texts(
                runs.events_after(session, self.run_id, event_id, EVENTS_AT_ONCE)
            )
        )

    def last_word(self) -> str:
        """What is sent when it is over; nothing when it could only not be followed any more."""
        if self.final_state is None:
            return ""
        return f"event: end\ndata: {json.dumps({'state': self.final_state})}\n\n"

    async def follow(self) -> None:
        """Read what is new until the run is final, or gone."""
        try:
            await self._begin()
            while self.final_state is None:
                await self._look()
        except NotFound as error:
            self.error = error
        except Exception as error:
            self.error = error
            if self.began.is_set():
                log.exception("a run is not followed any more", run_id=self.run_id)
        finally:
            self.is_over = True
            self._tell()

    async def _begin(self) -> None:
        state, events = await self._read(self._newest)
        if len(events) == KEPT_EVENTS:
            self.before = events[0][0] - 1
        self._keep(events, state)

    async def _look(self) -> None:
        await anyio.sleep(LOOK_SECONDS)
        is_all = False
        while not is_all:
            try:
                state, events = await self._read(self._next)
            except SQLAlchemyError as error:
                # It comes back, and then there is more to say; until then browsers stay connected.
                if trouble(error) is None:
                    raise
                await anyio.sleep(AWAY_SECONDS)
                return
            is_all = len(events) < EVENTS_AT_ONCE
            self._keep(events, state if is_all else None)

    def _newest(self, session: Session) -> tuple[RunState, list[Event]]:
        state, events = runs.newest_report(session, self.run_id, KEPT_EVENTS)
        return state, _as_texts(events)

    def _next(self, session: Session) -> tuple[RunState, list[Event]]:
        last = self._ids[-1] if self._ids else self.before
        state, events = runs.report_after(session, self.run_id, last, EVENTS_AT_ONCE)
        return state, _as_texts(events)

    async def _read(self, read: Callable[[Session], T]) -> T:
        return await to_thread.run_sync(lambda: look(read), limiter=self._threads)

    def _keep(self, events: Sequence[Event], state: RunState | None) -> None:
        """Add events; a state that is final is the last thing to say."""
        self._ids += (event_id for event_id, _ in events)
        self._texts += (text for _, text in events)
        if len(self._ids) > 2 * KEPT_EVENTS:
            self.before = self._ids[-KEPT_EVENTS - 1]
            del self._ids[:-KEPT_EVENTS], self._texts[:-KEPT_EVENTS]
        if state is not None and state.is_final:
            self.final_state = state
        if events or not self.began.is_set():
            self._tell()

    def _tell(self) -> None:
        self.began.set()
        for each in self.listeners:
            each.wake()


class Listener:
    """One stream."""

    def __init__(self, caller: Caller, feed: _Feed) -> None:
        self.caller = caller
        self._inspects = caller.inspects_runs
        self._feed = feed
        self._woken = anyio.Event()
        self._is_ended = False

    def wake(self) -> None:
        """There may be something to say."""
        self._woken.set()

    def end(self) -> None:
        """End the stream; nothing more is said."""
        self._is_ended = True
        self.wake()

    async def events(self, after: int) -> AsyncIterator[str]:
        """The run's events with ids over `after`, as they are written, until it is final."""
        feed = self._feed
        until = anyio.current_time() + LONGEST_SECONDS
        said_at = anyio.current_time()
        yield "retry: 2000\n\n"
        while not self._is_ended and anyio.current_time() < until:
            is_over = feed.is_over
            if found := await self._events_after(after):
                after, said_at = found[-1][0], anyio.current_time()
                yield "".join(texts[self._inspects] for _, texts in found)
            elif is_over and after >= feed.before:
                yield feed.last_word()
                return
            elif anyio.current_time() - said_at >= KEEP_ALIVE_SECONDS:
                said_at = anyio.current_time()
                yield ": still here\n\n"
            else:
                next_word = min(said_at + KEEP_ALIVE_SECONDS, until)
                await self._wait(next_word - anyio.current_time())

    async def _events_after(self, event_id: int) -> list[Event]:
        before = self._feed.before
        if event_id >= before:
            return self._feed.after(event_id)
        try:
            return await self._feed.older(event_id) or self._feed.after(before)
        except SQLAlchemyError as error:
            if trouble(error) is None:
                raise
            await self._wait(AWAY_SECONDS)
            return []

    async def _wait(self, seconds: float) -> None:
        with anyio.move_on_after(seconds):
            await self._woken.wait()
        # What woke it up since is seen by the look that comes now: nothing else runs in between.
        self._woken = anyio.Event()


class Streams:
    """All streams of this process."""

    def __init__(self) -> None:
        self.listeners: set[Listener] = set()
        self.feeds: dict[int, _Feed] = {}
        self._threads = anyio.CapacityLimiter(THREADS)
        self._tasks: dict[asyncio.Task[None], anyio.CancelScope] = {}
        self._is_watching = False
        self._is_closing = False

    @asynccontextmanager
    async def listen(self, run_id: int, caller: Caller) -> AsyncIterator[Listener]:
        """A stream of a run for a caller, counted until the block ends.

        Raises NotFound for the run, TooManyStreams, and Unavailable when all streams are taken.
        """
        self._refuse_too_many(caller)
        feed = self.feeds.get(run_id)
        if feed is None:
            feed = self.feeds[run_id] = _Feed(run_id, self._threads)
            feed.scope = self._start(self._follow(feed))
        listener = Listener(caller, feed)
        feed.listeners.add(listener)
        self.listeners.add(listener)
        if not self._is_watching:
            self._is_watching = True
            self._start(self._watch_access())
        try:
            if self._is_closing:
                listener.end()
            await feed.began.wait()
            if feed.error is not None:
                raise feed.error
            yield listener
        finally:
            self.listeners.discard(listener)
            feed.listeners.discard(listener)
            if not feed.listeners and feed.scope is not None:
                feed.scope.cancel()
                self._forget(feed)

    def close(self) -> None:
        """End all streams, and those that come."""
        self._is_closing = True
        for each in self.listeners:
            each.end()

    async def stop(self) -> None:
        """End what still runs here, to the end of its use of the database: nobody listens any more."""
        for scope in self._tasks.values():
            scope.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _start(self, work: Coroutine[object, object, None]) -> anyio.CancelScope:
        # Not ended by `Task.cancel`, which would not wait for a thread that uses the database.
        scope = anyio.CancelScope()

        async def run() -> None:
            with scope:
                await work

        task = asyncio.create_task(run())
        self._tasks[task] = scope
        task.add_done_callback(self._tasks.pop)
        return scope

    def _refuse_too_many(self, caller: Caller) -> None:
        settings = get_settings()
        if sum(each.caller.id == caller.id for each in self.listeners) >= settings.max_streams:
            raise TooManyStreams(
                f"you listen to {settings.max_streams} streams already; close one first",
                retry_after=RETRY_AFTER_SECONDS,
            )
        if len(self.listeners) >= settings.max_streams_in_all:
            raise Unavailable("too many streams are open", code="streams-full")

    async def _follow(self, feed: _Feed) -> None:
        try:
            await feed.follow()
        finally:
            # A run that is final may go on: who comes later looks anew.
            self._forget(feed)

    def _forget(self, feed: _Feed) -> None:
        if self.feeds.get(feed.run_id) is feed:
            del self.feeds[feed.run_id]

    async def _watch_access(self) -> None:
        """End the streams of those who may not listen any more, found by one statement for all."""
        try:
            await anyio.sleep(ACCESS_SECONDS)
            while asked := list(self.listeners):
                await self._end_those_who_may_not(asked)
                await anyio.sleep(ACCESS_SECONDS)
        finally:
            self._is_watching = False

    async def _end_those_who_may_not(self, asked: Sequence[Listener]) -> None:
        try:
            may_go_on = await self._allowed([each.caller for each in asked])
        except SQLAlchemyError as error:
            if trouble(error) is not None:
                return
            log.exception("who may listen cannot be told")
            may_go_on = [False] * len(asked)
        for each, may in zip(asked, may_go_on, strict=True):
            if not may:
                each.end()

    async def _allowed(self, callers: Sequence[Caller]) -> list[bool]:
        return await to_thread.run_sync(
            lambda: look(lambda session: _allowed(session, callers)), limiter=self._threads
        )


@asynccontextmanager
async def ending_at_shutdown(app: FastAPI) -> AsyncIterator[None]:
    """End all streams when the process is asked to end: the web server waits for them."""
    streams = app.state.streams = Streams()
    with _announcing_signals(streams, asyncio.get_running_loop()):
        yield
    await streams.stop()


@contextmanager
def _announcing_signals(streams: Streams, loop: asyncio.AbstractEventLoop) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    previous = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}

    def announce(number: int, frame: FrameType | None) -> None:
        # The signal comes between any two steps of the loop's own work.
        loop.call_soon_threadsafe(streams.close)
        handler = previous[signal.Signals(number)]
        if callable(handler):
            handler(number, frame)

    for number in previous:
        signal.signal(number, announce)
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def _allowed(session: Session, callers: Sequence[Caller]) -> list[bool]:
    """Which callers may still read: their sessions or tokens live, and they take part where they did."""
    holders = credentials.holders(session, {each.secret_hash for each in callers})
    asked = {each.membership.project_id for each in callers if each.membership is not None}
    roles = members.of_people(session, holders.values(), asked)
    return [_may_go_on(each, holders.get(each.secret_hash), roles) for each in callers]


def _may_go_on(
    caller: Caller, holder: User | None, roles: Mapping[tuple[int, int], MemberRole]
) -> bool:
    """Whether a caller whose session or token is this person's, or ended, may still read as much.

    Who may read more or less now connects again.
    """
    if holder is None or caller.membership is None:
        return False
    project_id = caller.membership.project_id
    role = roles.get((holder.id, project_id))
    membership = None if role is None else Membership(project_id, role)
    now = replace(caller, user=holder, membership=membership)
    try:
        require_member(now, MemberRole.VIEWER, Scope.READ)
    except (Forbidden, NotFound):
        return False
    return now.inspects_runs == caller.inspects_runs


def _as_texts(events: Sequence[RunEvent]) -> list[Event]:
    return [(event.id, (_as_text(event, False), _as_text(event, True))) for event in events]


def _as_text(event: RunEvent, inspects: bool) -> str:
    point = MetricPoint.of(event, inspects=inspects)
    return f"id: {point.id}\nevent: {point.kind}\ndata: {point.model_dump_json()}\n\n"
