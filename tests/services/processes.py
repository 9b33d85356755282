"""Ports and ends of the servers that tests start."""

import contextlib
import signal
import socket
import subprocess
from functools import cache

import httpx

STOP_SECONDS = 10


def free_port() -> int:
    """A port of this machine on which nothing listens at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def answers(url: str) -> bool:
    """Whether a server is there and content. Asked again and again, by one client for all servers."""
    try:
        return _client().get(url).is_success
    except httpx.TransportError:
        return False


@cache
def _client() -> httpx.Client:
    """Each new one reads all certificates of the machine, which takes longer than many answers."""
    return httpx.Client(trust_env=False)


def stop(process: subprocess.Popen[bytes], politely: signal.Signals = signal.SIGTERM) -> None:
    """End the process: by the signal, or by force when that takes too long."""
    process.send_signal(politely)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(STOP_SECONDS)
    process.kill()
    process.wait()
