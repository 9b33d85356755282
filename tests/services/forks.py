"""Trainers, and parts of the product, that are forked from a process which has loaded them.

To load torch takes a trainer many times as long as what most tests have it do. In the environment
that `forks` gives, `python -m trainer` is such a fork, whoever starts it: a test, a worker, a
study. So are the other modules that it is asked for. A fork has the command line, folder, variables,
files, limits, cores and ignored signals that it was started with. What was settled when torch was
loaded is settled: OMP_NUM_THREADS.
"""

import atexit
import contextlib
import ctypes
import fcntl
import gc
import importlib
import json
import os
import resource
import runpy
import select
import selectors
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NoReturn, TextIO

from server.processes import bound_to_parent
from tests.services.fork_trainers.sitecustomize import FORKS
from tests.services.processes import stop

ROOT = Path(__file__).parents[2]
START = Path(__file__).parent / "fork_trainers"
TRAINER = ("trainer.__main__", "trainer.run.train", "matplotlib.figure")
"""What trainers load, for the most part when they train; torchrun is torch."""
PRODUCT = (
    "server.cli", "server.main", "celery.bin.celery", "celery.beat", "celery.worker.worker",
)  # fmt: skip
"""What web process, worker and clock load."""
TESTS = ("pytest", "hypothesis", "schemathesis", "playwright.sync_api", "fastapi.testclient")
"""What the processes of pytest-xdist load besides: it takes most of the time until they test."""
PYTEST = "tests.services.pytest_process"
EXECUTED = ("trainer.__main__", "server.cli", "server.commands")
"""Each fork does that anew, and what is in it: there its terminal is found."""
LARGEST_REQUEST, MOST_DESCRIPTORS = 2**20, 250
PR_SET_PDEATHSIG = 1


@contextlib.contextmanager
def forks(loaded: Sequence[str], *modules: str) -> Iterator[dict[str, str]]:
    """Variables of the environment in which `python -m MODULE` is a fork, for each of `modules`.

    Nothing is loaded before somebody asks for one.
    """
    with tempfile.TemporaryDirectory(prefix="weakseg-forks-") as folder, _listener() as listener:
        path = f"{folder}/socket"
        listener.bind(path)
        listener.listen(64)
        command = [sys.executable, "-m", __name__, str(listener.fileno()), *loaded]
        process = subprocess.Popen(
            bound_to_parent(command), cwd=ROOT, stdin=subprocess.DEVNULL,
            env=os.environ | {"OMP_NUM_THREADS": "1"}, pass_fds=[listener.fileno()],
        )  # fmt: skip
        listener.close()
        python_path = os.pathsep.join(
            filter(None, [str(START), str(ROOT), os.environ.get("PYTHONPATH")])
        )
        try:
            servers = " ".join(f"{module}={path}" for module in modules)
            yield {FORKS: servers, "PYTHONPATH": python_path}
        finally:
            stop(process)


def only(variables: Mapping[str, str], *modules: str) -> dict[str, str]:
    """The same variables for some of the modules."""
    servers = variables[FORKS].split()
    return {**variables, FORKS: " ".join(s for s in servers if s.partition("=")[0] in modules)}


def python_of(variables: Mapping[str, str]) -> str:
    """The command line with which execnet starts a process of pytest-xdist as a fork."""
    before = {name: os.environ.get(name) for name in variables}
    given = (f"{name}={value}" for name, value in variables.items())
    return shlex.join(["env", *given, sys.executable, "-m", PYTEST, json.dumps(before)])


def together(*variables: Mapping[str, str]) -> dict[str, str]:
    """The variables of several, to have the forks of each."""
    return {**variables[0], FORKS: " ".join(each[FORKS] for each in variables)}


def _listener() -> socket.socket:
    return socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)


def _load(names: Sequence[str]) -> None:
    """Import what the forks do."""
    for name in names:
        importlib.import_module(name)
    for name in [*sys.modules]:
        if f"{name}.".startswith(tuple(f"{each}." for each in EXECUTED)):
            del sys.modules[name]
    assert len(list(Path("/proc/self/task").iterdir())) == 1, "a fork would lack the threads"
    gc.collect()
    gc.freeze()


@dataclass
class _Request:
    """What a process is to be, and the files that it has open, under numbers of this process."""

    fields: dict[str, Any]
    descriptors: list[int]


class _Server:
    """Forks for each request, and looks after the forks."""

    def __init__(self, listener: socket.socket) -> None:
        self._listener = listener
        self._waiting = selectors.DefaultSelector()
        """What may have something to say, and who is to hear it."""
        self._waiting.register(listener, selectors.EVENT_READ, self._accept)

    def serve(self) -> _Request:
        """Returns in the forks alone."""
        while True:
            for key, _ in self._waiting.select():
                if request := key.data():
                    for each in self._waiting.get_map().values():
                        _close(each.fileobj)
                    self._waiting.close()
                    return request

    def _accept(self) -> _Request | None:
        connection, _ = self._listener.accept()
        text, descriptors, *_ = socket.recv_fds(connection, LARGEST_REQUEST, MOST_DESCRIPTORS)
        if not text:  # killed before it could ask
            connection.close()
            return None
        if (pid := os.fork()) == 0:
            os.setsid()
            connection.close()
            return _Request(json.loads(text), descriptors)
        for number in descriptors:
            os.close(number)
        end = os.pidfd_open(pid)
        hear, tell = partial(self._hear, pid, connection), partial(self._tell, pid, end, connection)
        self._waiting.register(connection, selectors.EVENT_READ, hear)
        self._waiting.register(end, selectors.EVENT_READ, tell)
        return None

    def _hear(self, pid: int, connection: socket.socket) -> None:
        """Pass a signal on. When nobody waits any more the fork's group is killed, as a trainer's is."""
        if connection.fileno() < 0:
            return  # its fork has ended at the same moment
        try:
            number = connection.recv(16)
        except ConnectionError:
            number = b""
        if number:
            os.kill(pid, int(number))
        else:
            self._forget(connection)
            os.killpg(pid, signal.SIGKILL)

    def _tell(self, pid: int, end: int, connection: socket.socket) -> None:
        """How a fork has ended."""
        self._forget(end)
        _, status = os.waitpid(pid, 0)
        if connection.fileno() >= 0:
            with contextlib.suppress(ConnectionError):
                connection.send(str(os.waitstatus_to_exitcode(status)).encode())
            self._forget(connection)

    def _forget(self, file: int | socket.socket) -> None:
        self._waiting.unregister(file)
        _close(file)


def _close(file: Any) -> None:
    if isinstance(file, int):
        os.close(file)
    else:
        file.close()


def _become(request: _Request) -> None:
    """Make this fork what the process is that asked for it."""
    fields = request.fields
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    wanted = fields["descriptors"]
    above = max([*wanted, *request.descriptors, 2]) + 1
    moved = [fcntl.fcntl(number, fcntl.F_DUPFD, above) for number in request.descriptors]
    for number in {0, 1, 2, *request.descriptors}:
        os.close(number)
    for number, to in zip(moved, wanted, strict=True):
        os.dup2(number, to, inheritable=True)
        os.close(number)
    sys.stdin, sys.stdout, sys.stderr = (
        _stream(number, mode) if number in wanted else None for number, mode in enumerate("rww")
    )
    os.environ.clear()
    os.environ.update(fields["environment"])
    os.chdir(fields["folder"])
    os.umask(fields["umask"])
    os.sched_setaffinity(0, fields["cores"])
    for name, limit in fields["limits"].items():
        resource.setrlimit(getattr(resource, name), limit)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in fields["ignored"]:
        signal.signal(number, signal.SIG_IGN)
    sys.orig_argv = [sys.executable, "-m", fields["module"], *fields["arguments"]]
    sys.argv = ["", *fields["arguments"]]
    sys.path[0] = fields["folder"]


def _stream(number: int, mode: str) -> TextIO:
    like = (sys.__stdin__, sys.__stdout__, sys.__stderr__)[number]
    assert like is not None
    stream = os.fdopen(number, mode, encoding=like.encoding, errors=like.errors, closefd=False)
    stream.reconfigure(line_buffering=stream.line_buffering or number == 2)
    return stream


def _execute(module: str) -> NoReturn:
    """As `python -m MODULE`, but at the end nothing is taken to pieces, which is slow."""
    status: object = None
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    except SystemExit as end:
        status = end.code
        if isinstance(status, str):
            sys.stderr.write(f"{status}\n")
            status = 1
    except BaseException as error:  # noqa: BLE001 - the end of the process
        sys.excepthook(type(error), error, error.__traceback__)
        status = 1
        if isinstance(error, KeyboardInterrupt):
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            os.kill(os.getpid(), signal.SIGINT)
    # As Python itself does at the end of a process.
    threading._shutdown()
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError, OSError, ValueError):
            stream.flush()
    os._exit(int(status or 0))


if __name__ == "__main__":
    with socket.socket(fileno=int(sys.argv[1])) as asked:
        select.select([asked], [], [])  # loading is for the first that asks
        _load(sys.argv[2:])
        wanted = _Server(asked).serve()
    _become(wanted)
    _execute(wanted.fields["module"])
