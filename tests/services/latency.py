"""A network between a browser and a server that takes its time."""

import abc
import asyncio
import contextlib
import random
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

CHUNK = 1 << 16
HOP_BY_HOP = re.compile(rb"^(proxy-)?connection:.*\r\n", re.IGNORECASE | re.MULTILINE)


@contextmanager
def slowed(address: str, seconds: float) -> Iterator[str]:
    """Another address of the server at `address`, with `seconds` more for every way there and back.

    Each byte comes half of it later in either direction, and a new connection waits for all of
    it once, as it does for the handshake. Any number of bytes are on their way at a time.
    """
    server = urlsplit(address)
    assert server.hostname is not None
    assert server.port is not None
    with _opened(_Door(server.hostname, server.port, seconds)) as own:
        yield own


@contextmanager
def delaying_proxy(seconds: float) -> Iterator[str]:
    """Address of a proxy that keeps each request for up to `seconds`, at random.

    So answers come in other orders than they were asked for.
    """
    with _opened(_Proxy(seconds)) as own:
        yield own


@contextmanager
def _opened(listener: "_Listener") -> Iterator[str]:
    """Its address, while it listens in a thread of its own."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        port = asyncio.run_coroutine_threadsafe(listener.open(), loop).result()
        yield f"http://127.0.0.1:{port}"
    finally:
        asyncio.run_coroutine_threadsafe(listener.close(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


class _Listener(abc.ABC):
    def __init__(self) -> None:
        self._visits: set[asyncio.Task[None]] = set()
        self._listener: asyncio.Server | None = None

    @abc.abstractmethod
    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, from its beginning to its end."""

    async def open(self) -> int:
        """Listen; gives the port."""
        self._listener = await asyncio.start_server(self._visit, "127.0.0.1", 0)
        port: int = self._listener.sockets[0].getsockname()[1]
        return port

    async def close(self) -> None:
        if self._listener:
            self._listener.close()
        for visit in self._visits:
            visit.cancel()
        await asyncio.gather(*self._visits, return_exceptions=True)

    async def _visit(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._visits.add(task)
        try:
            # A visit that ends as cancelled is reported as an error by the listener.
            with contextlib.suppress(ConnectionError, EOFError, asyncio.CancelledError):
                await self.serve(reader, writer)
        finally:
            writer.close()
            self._visits.discard(task)


class _Door(_Listener):
    def __init__(self, host: str, port: int, seconds: float) -> None:
        super().__init__()
        self._host, self._port, self._seconds = host, port, seconds

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(self._seconds)
        inner_reader, inner_writer = await asyncio.open_connection(self._host, self._port)
        await asyncio.gather(
            _carry(reader, inner_writer, self._seconds / 2),
            _carry(inner_reader, writer, self._seconds / 2),
        )


class _Proxy(_Listener):
    """Each request has a connection of its own, and so a delay."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self._seconds = seconds

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line, _, headers = (await reader.readuntil(b"\r\n\r\n")).partition(b"\r\n")
        method, url, version = line.split(b" ")
        target = urlsplit(url.decode())
        await asyncio.sleep(random.uniform(0, self._seconds))
        answer, request = await asyncio.open_connection(target.hostname, target.port)
        path = target._replace(scheme="", netloc="").geturl().encode()
        request.write(b" ".join((method, path, version)) + b"\r\nConnection: close\r\n")
        request.write(HOP_BY_HOP.sub(b"", headers))
        asking = asyncio.create_task(_carry(reader, request, 0))
        try:
            await _carry(answer, writer, 0)
        finally:
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, late: float) -> None:
    """Hand on what is read, and its end, `late` seconds after it came."""
    loop = asyncio.get_running_loop()
    waiting: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()

    async def receive() -> None:
        data = b"-"
        while data:
            data = await reader.read(CHUNK)
            waiting.put_nowait((loop.time() + late, data))

    async def hand_on() -> None:
        try:
            while True:
                due, data = await waiting.get()
                await asyncio.sleep(due - loop.time())
                if not data:
                    return
                writer.write(data)
                await writer.drain()
        finally:
            writer.close()

    await asyncio.gather(receive(), hand_on())
