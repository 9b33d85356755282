"""One of pytest-xdist's own processes, as a fork of one that has loaded what the tests import.

`python -m tests.services.pytest_process VARIABLES OPTIONS... CODE` does what execnet would have
started Python for: the code, with the variables of the environment as they were without forks.
"""

import json
import os
import sys


def main() -> None:
    """What execnet then reads and writes are the standard files of this process."""
    _, variables, *_, code = sys.argv
    for name, value in json.loads(variables).items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
    exec(code, {"__name__": "__main__"})


if __name__ == "__main__":
    main()
