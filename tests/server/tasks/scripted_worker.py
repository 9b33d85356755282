"""A worker whose trainer is the scripted one, which hangs or succeeds as the run's seed says."""

import sys
from functools import partial

from server.services.runs import execution
from server.tasks import app
from tests.server.services.runs import scripted_trainer

if __name__ == "__main__":
    command = (sys.executable, scripted_trainer.__file__, "as_seeded")
    execution.execute = partial(execution.execute, command=command)
    app.start(
        ["--quiet", "worker", "--pool=threads", "--concurrency=2", "--queues=default,runs",
         "--loglevel=WARNING"]
    )  # fmt: skip
