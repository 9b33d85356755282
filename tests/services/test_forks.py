"""A fork does what a process of its own would have done."""

import contextlib
import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.services.forks import forks, together

PROBE = """
import json, os, resource, signal, sys, time
if sys.argv[1] == "tell":
    os.write(int(sys.argv[2]), json.dumps({
        "arguments": sys.argv[1:], "program": sys.argv[0], "name": __name__,
        "path": sys.path[0], "folder": os.getcwd(), "variables": dict(os.environ),
        "umask": os.umask(0), "cores": sorted(os.sched_getaffinity(0)),
        "limit": resource.getrlimit(resource.RLIMIT_FSIZE),
        "hang up is ignored": signal.getsignal(signal.SIGHUP) is signal.SIG_IGN,
        "standard": [each and each.fileno() for each in (sys.stdin, sys.stdout, sys.stderr)],
        "encoding": sys.stderr.encoding, "errors": sys.stderr.errors,
    }).encode())
    sys.stderr.write(sys.stdin.read())
    sys.exit(7)
if sys.argv[1] == "save":
    def save(number, frame):
        os.write(1, b"saved\\n")  # it may be printing
        sys.exit(3)
    signal.signal(signal.SIGTERM, save)
if sys.argv[1] == "fail":
    sys.exit("it failed")
if sys.argv[1] == "raise":
    raise ValueError("wrong")
if sys.argv[1] == "thread":
    import torch
    torch.set_num_threads(2)
    print(float(torch.ones(1000, 1000).matmul(torch.ones(1000, 1000)).mean()))
    sys.exit()
print(os.getpid(), "torch" in sys.modules, flush=True)
time.sleep(600)
"""


@pytest.fixture(scope="module")
def forked() -> Iterator[Mapping[str, str]]:
    with forks(["torch"], "probe") as variables:
        yield os.environ | variables


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "probe.py").write_text(PROBE)
    return tmp_path


def start(
    folder: Path, environment: Mapping[str, str], *arguments: str, python: tuple[str, ...] = ()
) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, *python, "-m", "probe", *arguments],
        cwd=folder, env=environment, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def is_alive(pid: int) -> bool:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


def test_it_finds_all_as_a_process_of_its_own_does(folder: Path, forked: Mapping[str, str]) -> None:
    def prepare() -> None:
        os.close(1)
        os.umask(0o027)
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
        resource.setrlimit(resource.RLIMIT_FSIZE, (12_345, 12_345))
        signal.signal(signal.SIGHUP, signal.SIG_IGN)

    told = []
    for module_options in ((), ("-u",)):
        reader, writer = os.pipe()
        with os.fdopen(reader) as read:
            done = subprocess.run(
                [sys.executable, *module_options, "-m", "probe", "tell", str(writer), "a b", ""],
                cwd=folder, env=forked | {"ODD": "\udcff\n"}, input="said", stderr=subprocess.PIPE,
                text=True, preexec_fn=prepare, pass_fds=[writer], check=False,
            )  # fmt: skip
            os.close(writer)
            told.append([json.loads(read.read()), done.returncode, done.stderr])
            told[-1][0]["arguments"].pop(1)
    (found, *ended), (as_usual, *_) = told
    assert {name: each for name, each in found.items() if each != as_usual[name]} == {}
    assert ended == [7, "said"] == told[1][1:]


@pytest.mark.parametrize("way", ["fail", "raise"])
def test_it_ends_as_a_process_of_its_own_does(
    folder: Path, forked: Mapping[str, str], way: str
) -> None:
    with start(folder, forked, way) as process:
        out, errors = process.communicate()
    assert (process.returncode, out) == (1, "")
    assert errors.splitlines()[-1] == {"fail": "it failed", "raise": "ValueError: wrong"}[way]


def test_a_signal_reaches_it_and_what_it_then_says_is_heard(
    folder: Path, forked: Mapping[str, str]
) -> None:
    with start(folder, forked, "save") as process:
        assert process.stdout is not None
        assert process.stdout.readline().endswith("True\n"), "it has torch"
        process.terminate()
        assert process.stdout.read() == "saved\n"
    assert process.returncode == 3


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV, signal.SIGINT])
def test_what_ends_it_is_told(
    folder: Path, forked: Mapping[str, str], number: signal.Signals
) -> None:
    with start(folder, forked, "sleep") as process:
        assert process.stdout is not None
        os.kill(int(process.stdout.readline().split()[0]), number)
    assert process.returncode == -number


def test_it_ends_when_the_process_that_stands_for_it_is_killed(
    folder: Path, forked: Mapping[str, str]
) -> None:
    with start(folder, forked, "sleep") as process:
        assert process.stdout is not None
        pid = int(process.stdout.readline().split()[0])
        process.kill()
    until = time.monotonic() + 60
    while is_alive(pid):
        assert time.monotonic() < until
        time.sleep(0.02)


def test_it_computes_in_threads(folder: Path, forked: Mapping[str, str]) -> None:
    with start(folder, forked, "thread") as process:
        out, errors = process.communicate(timeout=120)
    assert (out, process.returncode) == ("1000.0\n", 0), errors


def test_with_an_option_of_python_it_starts_from_nothing(
    folder: Path, forked: Mapping[str, str]
) -> None:
    with start(folder, forked, "sleep", python=("-u",)) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == f"{process.pid} False\n"
        process.kill()


def test_each_module_has_its_server_and_others_start_from_nothing(
    folder: Path, forked: Mapping[str, str]
) -> None:
    (folder / "other.py").write_text(PROBE)
    (folder / "third.py").write_text(PROBE)
    with forks([], "other") as variables:
        both = forked | together(forked, variables)
        for module, has_torch, is_fork in (
            ("probe", True, True), ("other", False, True), ("third", False, False),
        ):  # fmt: skip
            with subprocess.Popen(
                [sys.executable, "-m", module, "sleep"], cwd=folder, env=both, text=True,
                stdout=subprocess.PIPE,
            ) as process:  # fmt: skip
                assert process.stdout is not None
                pid, torch = process.stdout.readline().split()
                process.kill()
            assert (torch, int(pid) != process.pid) == (str(has_torch), is_fork), module
