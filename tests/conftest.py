"""The services that tests share: started once per process, on the first use."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from hypothesis import settings

from tests.services.browser import find_chromium
from tests.services.postgres import fresh_database, start_postgres
from tests.services.redis import start_redis

# How long an example takes says more of what else runs on the machine than of the code.
settings.register_profile("any machine", deadline=None)
settings.load_profile("any machine")


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """URL of a PostgreSQL server: WEAKSEG_TEST_DATABASE_URL, or one of our own."""
    if url := os.environ.get("WEAKSEG_TEST_DATABASE_URL"):
        yield url
    else:
        with start_postgres() as url:
            yield url


@pytest.fixture
def fresh_postgres_database(postgres_url: str) -> Iterator[Callable[[], str]]:
    """Makes a new, empty database and gives its URL; all are dropped after the test."""
    with ExitStack() as databases:
        yield lambda: databases.enter_context(fresh_database(postgres_url))


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """URL of a server of the Redis protocol: WEAKSEG_TEST_REDIS_URL, or one of our own."""
    if url := os.environ.get("WEAKSEG_TEST_REDIS_URL"):
        yield url
    else:
        with start_redis() as url:
            yield url


@pytest.fixture(scope="session")
def chromium() -> str:
    """Path of the browser; without one the test fails."""
    return find_chromium()
