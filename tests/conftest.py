"""The services that tests share: started once per process, on the first use."""

import gc
import os
import signal
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import ExitStack
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from tests.services.browser import find_chromium
from tests.services.forks import (
    PRODUCT,
    PYTEST,
    TESTS,
    TRAINER,
    forks,
    only,
    python_of,
    together,
)
from tests.services.postgres import fresh_database, start_postgres
from tests.services.redis import start_redis
from tests.services.scratch import in_memory

# How long an example takes says more of what else runs on the machine than of the code.
settings.register_profile("any machine", deadline=None)
settings.load_profile("any machine")

# They start processes and servers, or train. The first take longest; between those that mostly wait
# for processes stand some that compute.
LONG = (
    "faults",
    "server/services/runs/test_execution.py",
    "trainer/run",
    "loop",
    "trainer/study",
    "e2e",
    "server/test_openapi.py",
    "deployment",
    "server/services/quality/test_gold.py",
    "server/tasks",
    "server/services/images/test_browse.py",
    "server/test_demo.py",
    "trainer/bench",
    "trainer/test_full.py",
    "trainer/test_command_line.py",
    "trainer/method/test_step.py",
    "trainer/test_check_first.py",
    "trainer/test_masks_of_two.py",
    "trainer/models",
    "trainer/inference",
    "trainer/report",
    "trainer/data/test_batches.py",
    "services",
    "server/test_cli.py",
    "server/test_database_away.py",
    "server/test_memory.py",
    "server/test_queue.py",
    "server/test_supervisor.py",
    "server/api/test_event_stream.py",
    "server/test_pictures.py",
    "server/test_earlier_database.py",
    "scenes",
)
NOT_QUICK = (
    "server/api/test_label_files.py",
    "server/api/test_single_sign_on.py",
    "server/api/test_streams.py",
    "server/api/test_sweeps.py",
    "server/services/quality/test_gold_hidden.py",
    "server/test_exposure.py",
    "server/test_plans.py",
    "server/test_simulate.py",
    "trainer/data/test_domains.py",
    "trainer/method/test_frozen_features.py",
)
"""They need no service, but of the minute that `--quick` has they would take most."""
SERVICES = {"postgres_url", "redis_url", "chromium"}
HERE = Path(__file__).parent
PARTS = (
    "server.cli", "uvicorn", "celery", "tests.server.tasks.scripted_worker", "tests.server.guessing",
    "tests.faults.prepare",
)  # fmt: skip
FORKED = {
    "forked trainers": (TRAINER, ("trainer", "torch.distributed.run")),
    "forked product": (PRODUCT, PARTS),
}
"""What the forks of a kind load, and what they are."""
SHARED = pytest.StashKey[dict[str, dict[str, str]]]()

OFTEN = gc.get_threshold()
RARELY = (20_000, 20, 50)
"""When garbage is looked for in the tests' own process: as often as usual takes a fifth of their time."""


def pytest_configure() -> None:
    """A shell that starts the tests in the background has them ignore Ctrl+C, and all they start."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def umask() -> Iterator[None]:
    """What a command that runs in the test's own process withholds, it withholds for the rest too."""
    before = os.umask(0o022)
    os.umask(before)
    yield
    os.umask(before)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--quick", action="store_true", help="only what is short and needs no service")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    left_out = _rank(collection_path) < len(LONG)
    left_out |= collection_path in {HERE / each for each in NOT_QUICK}
    return (config.getoption("quick") and left_out) or None


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """What is imported to the end is there to stay: to look again and again for garbage in it is slow."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.collect()
        gc.freeze()
        gc.set_threshold(*RARELY)
        gc.enable()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes(config: pytest.Config, specs: list[Any]) -> None:
    """All processes of pytest-xdist, and what their tests start, are forks of one that loads it all."""
    loaded = chain(TESTS, *(modules for modules, _ in FORKED.values()))
    names = chain(*(names for _, names in FORKED.values()))
    running = ExitStack()
    config.add_cleanup(running.close)
    running.enter_context(in_memory())
    variables = running.enter_context(forks([*loaded], PYTEST, *names))
    for spec in specs:
        spec.python = python_of(only(variables, PYTEST))
    config.stash[SHARED] = {kind: only(variables, *names) for kind, (_, names) in FORKED.items()}


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Called before a process of pytest-xdist is started, by the one that starts all of them."""
    node.workerinput |= node.config.stash[SHARED]


def pytest_unconfigure(config: pytest.Config) -> None:
    gc.set_threshold(*OFTEN)
    if hasattr(config, "workerinput"):  # forks end without taking anything to pieces
        gc.freeze()  # or else pytest looks through all of it for garbage, five times
    else:
        gc.unfreeze()  # so that libraries find at the end that nothing of theirs is left


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """What is long comes first: begun last, it would keep one worker while the others have ended."""
    items.sort(key=lambda item: _rank(item.path))
    if config.getoption("quick"):
        config.hook.pytest_deselected(items=[item for item in items if _needs_service(item)])
        items[:] = [item for item in items if not _needs_service(item)]


@cache
def _rank(path: Path) -> int:
    long = (n for n, part in enumerate(LONG) if path.is_relative_to(HERE / part))
    return next(long, len(LONG))


def _needs_service(item: pytest.Item) -> bool:
    fixtures: Iterable[str] = getattr(item, "fixturenames", ())
    return "postgresql" in item.name or not SERVICES.isdisjoint(fixtures)


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


@pytest.fixture(scope="session")
def fork_server(pytestconfig: pytest.Config) -> Iterator[dict[str, str]]:
    """Variables of the environment in which trainers, and torchrun, are forks of one process."""
    yield from _variables_of(pytestconfig, "forked trainers")


@pytest.fixture(scope="session")
def forked_processes(pytestconfig: pytest.Config) -> Iterator[dict[str, str]]:
    """The same where the product's own processes, `python -m server.cli`, are forks.

    One that is killed may still hold its port for a moment.
    """
    yield from _variables_of(pytestconfig, "forked product")


def _variables_of(config: pytest.Config, name: str) -> Iterator[dict[str, str]]:
    if worker := getattr(config, "workerinput", None):
        yield worker[name]
    else:
        loaded, names = FORKED[name]
        with forks(loaded, *names) as variables:
            yield variables


@pytest.fixture(scope="session")
def forked_product(fork_server: dict[str, str], forked_processes: dict[str, str]) -> dict[str, str]:
    """The same where trainers are forks too."""
    return together(fork_server, forked_processes)


@pytest.fixture
def forked_trainers(fork_server: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """For a test that starts trainers, or has them started: they need not load torch first."""
    for name, value in fork_server.items():
        monkeypatch.setenv(name, value)
