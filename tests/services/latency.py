"""A network between a browser and a server that takes its time."""

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

CHUNK = 1 << 16


@contextmanager
def slowed(address: str, seconds: float) -> Iterator[str]:
    """Another address of the server at `address`, with `seconds` more for every way there and back.

    Each byte comes half of it later in either direction, and a new connection waits for all of
    it once, as it does for the handshake. Any number of bytes are on their way at a time.
    """
    server = urlsplit(address)
    assert server.hostname is not None
    assert server.port is not None
    door = _Door(server.hostname, server.port, seconds)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        port = asyncio.run_coroutine_threadsafe(door.open(), loop).result()
        yield f"http://127.0.0.1:{port}"
    finally:
        asyncio.run_coroutine_threadsafe(door.close(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


class _Door:
    def __init__(self, host: str, port: int, seconds: float) -> None:
        self._host, self._port, self._seconds = host, port, seconds
        self._visits: set[asyncio.Task[None]] = set()
        self._listener: asyncio.Server | None = None

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
            with contextlib.suppress(ConnectionError, asyncio.CancelledError):
                await asyncio.sleep(self._seconds)
                inner_reader, inner_writer = await asyncio.open_connection(self._host, self._port)
                await asyncio.gather(
                    _carry(reader, inner_writer, self._seconds / 2),
                    _carry(inner_reader, writer, self._seconds / 2),
                )
        finally:
            self._visits.discard(task)


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
