"""The servers that other tests rely on are real, separate and gone afterwards."""

import os
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
import redis
from sqlalchemy import create_engine, text

from tests.services.browser import chromium_arguments, find_chromium
from tests.services.postgres import fresh_database, start_postgres
from tests.services.redis import connect, start_redis


def test_a_database_is_postgresql_and_starts_empty(
    fresh_postgres_database: Callable[[], str],
) -> None:
    first, second = (create_engine(fresh_postgres_database()) for _ in range(2))
    with first.begin() as connection:
        assert connection.scalar(text("SELECT version()")).startswith("PostgreSQL ")
        connection.execute(text("CREATE TABLE only_here (id int)"))
    with second.begin() as connection:
        assert connection.scalar(text("SELECT to_regclass('only_here')")) is None
    first.dispose()
    second.dispose()


def test_a_database_is_dropped_although_someone_is_connected(postgres_url: str) -> None:
    with fresh_database(postgres_url) as url:
        left_open = psycopg.connect(url.replace("+psycopg", ""))
    with pytest.raises(psycopg.OperationalError, match="does not exist"):
        psycopg.connect(url.replace("+psycopg", ""))
    left_open.close()


def test_postgresql_is_gone_afterwards_although_someone_is_connected() -> None:
    with start_postgres() as url:
        left_open = psycopg.connect(url.replace("+psycopg", ""))
        (folder,) = left_open.execute("SHOW data_directory").fetchone() or ("",)
        assert Path(folder).is_dir()
    left_open.close()
    assert not Path(folder).parent.exists()
    with pytest.raises(psycopg.OperationalError, match="refused"):
        psycopg.connect(url.replace("+psycopg", ""))


@pytest.mark.skipif(os.getuid() != 0, reason="only root starts the server as somebody else")
def test_the_server_runs_from_a_folder_that_its_account_may_not_enter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.services import postgres

    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    package = postgres._find_binaries().parent.parent
    for part in (package, package.with_name(f"{package.name}.libs")):
        subprocess.run(["cp", "-r", part, closed], check=True)
    monkeypatch.setattr(
        postgres, "_find_binaries", lambda: closed / package.name / "pginstall" / "bin"
    )
    with start_postgres() as url:
        psycopg.connect(url.replace("+psycopg", "")).close()
    assert closed.stat().st_mode & 0o777 == 0o700


def test_redis_keeps_what_it_is_told_and_is_gone_afterwards() -> None:
    with start_redis() as url, connect(url) as client:
        assert client.dbsize() == 0
        client.set("name", "value")
        assert client.get("name") == b"value"
    with connect(url) as client, pytest.raises(redis.ConnectionError):
        client.ping()


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A temporary folder that any account may enter."""
    folder = Path(tempfile.mkdtemp(prefix="weakseg-killed-"))
    folder.chmod(0o755)
    yield folder
    # A server that is on its way out still removes files of its own.
    subprocess.run(["rm", "-rf", folder], check=True)


@pytest.mark.parametrize("service", ["postgres", "redis"])
def test_a_killed_test_run_leaves_no_server_behind(service: str, open_folder: Path) -> None:
    code = textwrap.dedent(f"""
        import time
        from tests.services.{service} import start_{service}
        with start_{service}() as url:
            print(url, flush=True)
            time.sleep(600)
    """)
    with subprocess.Popen(
        [sys.executable, "-c", code],
        env={**os.environ, "TMPDIR": str(open_folder)},
        stdout=subprocess.PIPE,
        text=True,
    ) as run:
        assert run.stdout is not None
        url = run.stdout.readline().strip()
        run.kill()
    deadline = time.monotonic() + 30
    while _answers(url) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not _answers(url)


def _answers(url: str) -> bool:
    try:
        if url.startswith("redis"):
            with connect(url) as client:
                client.ping()
        else:
            psycopg.connect(url.replace("+psycopg", "")).close()
    except redis.ConnectionError:
        return False
    except psycopg.OperationalError as error:
        return "refused" not in str(error)
    return True


def test_a_missing_browser_is_an_error_that_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(FileNotFoundError, match="apt-get install chromium"):
        find_chromium()


def test_root_has_no_sandbox_and_others_have(monkeypatch: pytest.MonkeyPatch) -> None:
    for uid, expected in ((0, True), (1000, False)):
        monkeypatch.setattr("os.getuid", lambda uid=uid: uid)
        assert ("--no-sandbox" in chromium_arguments()) is expected
