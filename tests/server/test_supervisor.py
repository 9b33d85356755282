"""The supervisor with real processes: what it starts, it ends."""

import contextlib
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from server.processes import bound_to_parent

SUPERVISE = """
import sys
from pathlib import Path
from rich.console import Console
from server.supervisor import Child, ChildFailed, Supervisor

folder = Path(sys.argv[1])

def python(name, code, is_ready=lambda: True, ready_seconds=30, may_end=False):
    head = f"import os, sys, time, signal, subprocess; from pathlib import Path; Path({str(folder / name)!r} + '.pid').write_text(str(os.getpid()))"
    return Child(name, [sys.executable, "-u", "-c", head + chr(10) + code], {}, is_ready, ready_seconds, may_end)

try:
    Supervisor(Console(), grace_seconds=GRACE).run([CHILDREN], lambda: print("ALL READY", flush=True))
except ChildFailed as error:
    print("FAILED:", error, flush=True)
    sys.exit(1)
"""
DEADLINE_SECONDS = 30


@contextlib.contextmanager
def supervise(
    folder: Path, children: str, grace: float = DEADLINE_SECONDS
) -> Iterator[subprocess.Popen[str]]:
    """A supervisor in a process of its own, as `weakseg demo` is; it is killed when it hangs."""
    code = SUPERVISE.replace("CHILDREN", children).replace("GRACE", str(grace))
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(folder)], stdout=subprocess.PIPE, text=True
    )
    watch = threading.Timer(2 * DEADLINE_SECONDS, process.kill)
    watch.start()
    try:
        yield process
    finally:
        watch.cancel()
        process.kill()
        process.wait()
        if process.stdout:
            process.stdout.close()


def read_until(process: subprocess.Popen[str], *texts: str) -> str:
    """All output up to where each text has come, in any order; fails when it ends before that."""
    seen = ""
    assert process.stdout is not None
    for line in process.stdout:
        seen += line
        if all(text in seen for text in texts):
            return seen
    pytest.fail(f"{texts} are not all in the output:\n{seen}")


def is_alive(pid: int) -> bool:
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    return False


def wait_for_end(pids: list[int]) -> list[int]:
    """The processes that are still there when the time is up."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while (alive := [pid for pid in pids if is_alive(pid)]) and time.monotonic() < deadline:
        time.sleep(0.02)
    return alive


def pid_of(folder: Path, name: str) -> int:
    """The process that said its number under this name, once it has."""
    file = folder / f"{name}.pid"
    deadline = time.monotonic() + DEADLINE_SECONDS
    while time.monotonic() < deadline:
        if file.exists() and (number := file.read_text()):
            return int(number)
        time.sleep(0.02)
    pytest.fail(f"{name} did not start")


FOREVER = "print('up'); time.sleep(600)"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_one_signal_stops_all_and_is_no_error(tmp_path: Path, number: signal.Signals) -> None:
    children = f"python('api', {FOREVER!r}), python('worker', {FOREVER!r})"
    with supervise(tmp_path, children) as process:
        read_until(process, "ALL READY", "api    │ up", "worker │ up")
        pids = [pid_of(tmp_path, "api"), pid_of(tmp_path, "worker")]
        process.send_signal(number)
        assert process.wait(DEADLINE_SECONDS) == 0
        assert wait_for_end(pids) == []


def test_a_stopping_child_may_finish_its_work(tmp_path: Path) -> None:
    finishing = (
        "signal.signal(signal.SIGTERM, lambda *_: (print('saved'), sys.exit(0)))\n"
        "print('up')\nsignal.pause()"
    )
    with supervise(tmp_path, f"python('worker', {finishing!r})") as process:
        read_until(process, "worker │ up")
        process.send_signal(signal.SIGINT)
        read_until(process, "worker │ saved")
        assert process.wait(DEADLINE_SECONDS) == 0


def test_a_child_that_ignores_the_request_is_killed_after_the_grace_time(tmp_path: Path) -> None:
    deaf = "signal.signal(signal.SIGTERM, signal.SIG_IGN)\nprint('up')\ntime.sleep(600)"
    with supervise(tmp_path, f"python('deaf', {deaf!r})", grace=0.3) as process:
        read_until(process, "deaf │ up")
        process.send_signal(signal.SIGTERM)
        assert process.wait(DEADLINE_SECONDS) == 0
        assert wait_for_end([pid_of(tmp_path, "deaf")]) == []


def test_the_second_request_does_not_wait_for_the_grace_time(tmp_path: Path) -> None:
    deaf = (
        "signal.signal(signal.SIGTERM, lambda *_: print('refused'))\n"
        "print('up')\nwhile True: signal.pause()"
    )
    with supervise(tmp_path, f"python('deaf', {deaf!r})", grace=600) as process:
        read_until(process, "deaf │ up")
        process.send_signal(signal.SIGINT)
        read_until(process, "deaf │ refused")
        process.send_signal(signal.SIGINT)
        assert process.wait(DEADLINE_SECONDS) == 0


def test_a_child_that_dies_ends_the_others_and_is_named(tmp_path: Path) -> None:
    api = f"python('api', {FOREVER!r}, is_ready=(folder / 'api.pid').exists)"
    children = f"{api}, python('worker', 'print(42); sys.exit(3)')"
    with supervise(tmp_path, children) as process:
        output = read_until(process, "FAILED")
        assert process.wait(DEADLINE_SECONDS) == 1
    assert "worker │ 42" in output
    assert output.endswith("FAILED: worker ended by itself with code 3\n")
    assert wait_for_end([pid_of(tmp_path, "api")]) == []


@pytest.mark.parametrize("status", [0, 3])
def test_a_child_whose_work_ends_leaves_the_others(tmp_path: Path, status: int) -> None:
    short = f"print('done'); sys.exit({status})"
    with supervise(
        tmp_path, f"python('api', {FOREVER!r}), python('once', {short!r}, may_end=True)"
    ) as process:
        read_until(process, "ALL READY", "once │ done")
        assert wait_for_end([pid_of(tmp_path, "once")]) == []
        assert is_alive(pid_of(tmp_path, "api"))
        process.send_signal(signal.SIGINT)
        assert process.wait(DEADLINE_SECONDS) == 0


def test_a_killed_child_is_named_with_the_signal(tmp_path: Path) -> None:
    with supervise(tmp_path, f"python('worker', {FOREVER!r})") as process:
        read_until(process, "worker │ up")
        os.kill(pid_of(tmp_path, "worker"), signal.SIGKILL)
        assert read_until(process, "FAILED").endswith("FAILED: worker was ended by SIGKILL\n")


def test_what_a_child_started_goes_too(tmp_path: Path) -> None:
    code = textwrap.dedent(f"""
        inner = subprocess.Popen(["sleep", "600"])
        Path({str(tmp_path)!r}, "grandchild.pid").write_text(str(inner.pid))
        print("grandchild is up")
        inner.wait()
    """)
    with supervise(tmp_path, f"python('worker', {code!r})") as process:
        read_until(process, "grandchild is up")
        process.send_signal(signal.SIGINT)
        assert process.wait(DEADLINE_SECONDS) == 0
        assert wait_for_end([pid_of(tmp_path, "grandchild")]) == []


def test_killing_the_supervisor_leaves_nothing_behind(tmp_path: Path) -> None:
    code = textwrap.dedent(f"""
        from server.processes import bound_to_parent
        inner = subprocess.Popen(bound_to_parent(["sleep", "600"]), start_new_session=True)
        Path({str(tmp_path)!r}, "grandchild.pid").write_text(str(inner.pid))
        print("grandchild is up")
        inner.wait()
    """)
    children = f"python('api', {FOREVER!r}), python('worker', {code!r})"
    with supervise(tmp_path, children) as process:
        read_until(process, "grandchild is up")
        pids = [pid_of(tmp_path, name) for name in ("api", "worker", "grandchild")]
        process.kill()
        assert wait_for_end(pids) == []


def test_the_next_child_waits_until_the_one_before_is_ready(tmp_path: Path) -> None:
    slow = f"time.sleep(0.3); Path({str(tmp_path)!r}, 'ready').touch(); time.sleep(600)"
    eager = f"print('saw ready:', Path({str(tmp_path)!r}, 'ready').exists()); time.sleep(600)"
    children = (
        f"python('slow', {slow!r}, is_ready=(folder / 'ready').exists), python('eager', {eager!r})"
    )
    with supervise(tmp_path, children) as process:
        assert "saw ready: True" in read_until(process, "saw ready")


def test_a_child_that_does_not_get_ready_fails_the_start(tmp_path: Path) -> None:
    children = f"python('api', {FOREVER!r}, is_ready=lambda: False, ready_seconds=0.5)"
    with supervise(tmp_path, children) as process:
        output = read_until(process, "FAILED")
        assert output.endswith("FAILED: api was not ready after 0.5 s\n")
        assert process.wait(DEADLINE_SECONDS) == 1
        assert "ALL READY" not in output


def test_a_stop_during_the_start_does_not_claim_to_be_ready(tmp_path: Path) -> None:
    children = f"python('api', {FOREVER!r}, is_ready=lambda: False)"
    with supervise(tmp_path, children) as process:
        read_until(process, "api │ up")
        process.send_signal(signal.SIGINT)
        assert process.stdout is not None
        assert "ALL READY" not in process.stdout.read()
        assert process.wait(DEADLINE_SECONDS) == 0


# Blocked until it is waited for, so that a signal that comes at once is not missed.
NOTE_THE_SIGNAL = """
import pathlib, signal, sys
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
print('up', flush=True)
signal.sigwait([signal.SIGTERM])
pathlib.Path(sys.argv[1]).touch()
"""


def test_a_bound_process_gets_the_signal_that_was_asked_for(tmp_path: Path) -> None:
    inner = ["-c", NOTE_THE_SIGNAL, str(tmp_path / "told")]
    code = textwrap.dedent(f"""
        import signal, subprocess, sys
        from server.processes import bound_to_parent
        child = subprocess.Popen(
            bound_to_parent([sys.executable, *{inner!r}], signal.SIGTERM), stdout=subprocess.PIPE
        )
        child.stdout.readline()
        print(child.pid)
    """)
    command = [sys.executable, "-c", code]
    ended = subprocess.run(
        command, capture_output=True, text=True, check=True, timeout=DEADLINE_SECONDS
    )
    assert wait_for_end([int(ended.stdout)]) == []
    assert (tmp_path / "told").exists()


def test_a_process_whose_parent_is_gone_already_does_not_start(tmp_path: Path) -> None:
    command = bound_to_parent(["touch", str(tmp_path / "started")])
    orphan = subprocess.run(["sh", "-c", '"$@"; exit $?', "sh", *command], check=False)
    assert orphan.returncode != 0
    assert not (tmp_path / "started").exists()


def test_a_machine_without_setpriv_runs_the_command_as_it_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("server.processes._find_setpriv", lambda: None)
    assert bound_to_parent(["trainer", "run"]) == ["trainer", "run"]
