"""A run's events as server-sent events, read from the database in short looks."""

import json
import signal
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from types import FrameType

import anyio
from fastapi import FastAPI
from fastapi.concurrency import run_in_threadpool

from server.db import DATABASE_ERRORS, session_scope
from server.models.run import RunState
from server.schemas.run import MetricPoint
from server.services.runs import runs

LOOK_SECONDS = 0.5
KEEP_ALIVE_SECONDS = 15
LONGEST_SECONDS = 600
EVENTS_AT_ONCE = 500
AWAY_SECONDS = 2

_closing = threading.Event()


@asynccontextmanager
async def ending_at_shutdown(_app: FastAPI) -> AsyncIterator[None]:
    """End all streams when the process is asked to end: the web server waits for them."""
    _closing.clear()
    with _announcing_signals():
        yield


@contextmanager
def _announcing_signals() -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    previous = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}

    def announce(number: int, frame: FrameType | None) -> None:
        _closing.set()
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


async def follow(run_id: int, after: int) -> AsyncIterator[str]:
    """The run's events with ids over `after`, as they are written."""
    end = anyio.current_time() + LONGEST_SECONDS
    said_at = anyio.current_time()
    yield "retry: 2000\n\n"
    while anyio.current_time() < end and not _closing.is_set():
        try:
            points, state = await run_in_threadpool(_look, run_id, after)
        except DATABASE_ERRORS:
            # It comes back, and then there is more to say; until then the browser stays connected.
            await anyio.sleep(AWAY_SECONDS)
            continue
        for each in points:
            yield f"id: {each.id}\nevent: {each.kind}\ndata: {each.model_dump_json()}\n\n"
            after, said_at = each.id, anyio.current_time()
        if len(points) == EVENTS_AT_ONCE:
            continue
        if state.is_final:
            yield f"event: end\ndata: {json.dumps({'state': state})}\n\n"
            return
        if anyio.current_time() - said_at >= KEEP_ALIVE_SECONDS:
            yield ": still here\n\n"
            said_at = anyio.current_time()
        await anyio.sleep(LOOK_SECONDS)


def _look(run_id: int, after: int) -> tuple[list[MetricPoint], RunState]:
    """New events, and the state. The state is read first: its own event is then among them."""
    with session_scope(read_only=True) as session:
        state = runs.get(session, run_id).state
        events = runs.events_after(session, run_id, after, EVENTS_AT_ONCE)
        return [MetricPoint.of(event) for event in events], state
