"""Python reads this when it starts: `python -m trainer` has a fork do the work, and waits for it.

So has each module for which the environment names the socket of a server of forks. To whoever
starts it and looks at it, it is that trainer: it has the command line, passes signals
on, and ends as the fork ends. When it is killed, so is the fork. What it cannot pass on is
SIGSTOP, and a limit that another process sets: such a test needs a trainer that starts from
nothing, as one with an option of Python before `-m` is (`python -u -m trainer`).
"""

# Nothing else is imported by the many programs of Python that are started and are no trainers.
import os
import sys

FORKS = "WEAKSEG_TEST_FORKS"
"""Each MODULE=SOCKET, with spaces between them."""


def _have_it_done(path: str) -> None:
    import json
    import resource
    import signal
    import socket

    ends = (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM)
    passed_on = {*ends, signal.SIGUSR1, signal.SIGUSR2}
    ignored = {number for number in passed_on if signal.getsignal(number) is signal.SIG_IGN}
    numbers = map(int, os.listdir("/proc/self/fd"))  # noqa: PTH208 - pathlib takes a while to load
    descriptors = [number for number in numbers if _inherited(number)]
    limits = [name for name in dir(resource) if name.startswith("RLIMIT_")]
    umask = os.umask(0o077)
    os.umask(umask)
    request = {
        "module": sys.orig_argv[2],
        "arguments": sys.orig_argv[3:],
        "environment": dict(os.environ),
        "folder": os.getcwd(),  # noqa: PTH109
        "umask": umask,
        "cores": list(os.sched_getaffinity(0)),
        "limits": {name: resource.getrlimit(getattr(resource, name)) for name in limits},
        "ignored": list(ignored),
        "descriptors": descriptors,
    }
    server = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    server.connect(path)
    # One that comes now waits: the fork may tell of itself before this process can pass it on.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, passed_on)
    socket.send_fds(server, [json.dumps(request).encode()], descriptors)
    for number in passed_on - ignored:
        signal.signal(number, lambda number, _: server.send(str(int(number)).encode()))
    signal.pthread_sigmask(signal.SIG_SETMASK, before)
    for number in descriptors:
        os.close(number)  # A reader of a pipe hears of its end when the fork closes it.
    status = int(server.recv(16))
    if status < 0:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        if signal.getsignal(-status) not in (None, signal.SIG_DFL):
            signal.signal(-status, signal.SIG_DFL)
        os.kill(os.getpid(), -status)
    os._exit(status)


def _inherited(number: int) -> bool:
    try:
        return os.get_inheritable(number)
    except OSError:
        return False  # that of the folder which was listed


def _server() -> str | None:
    """Where the forks of the module are to be had that this process is started for."""
    _, option, module, *_ = [*sys.orig_argv, "", ""]
    servers = dict(each.split("=", 1) for each in os.environ.get(FORKS, "").split())
    return servers.get(module) if option == "-m" else None


if path := _server():
    try:
        _have_it_done(path)
    finally:
        # Python goes on after an error here, with the trainer itself.
        sys.excepthook(*sys.exc_info())
        os._exit(70)
