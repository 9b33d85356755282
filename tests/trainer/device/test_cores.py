import os

import pytest

from trainer.device.cores import cores_here


@pytest.mark.parametrize(
    ("cores", "processes", "share"), [(8, None, 8), (8, "2", 4), (3, "2", 1), (1, "4", 1)]
)
def test_the_processes_of_a_run_share_the_cores_that_they_may_use(
    monkeypatch: pytest.MonkeyPatch, cores: int, processes: str | None, share: int
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(cores)))
    monkeypatch.delenv("LOCAL_WORLD_SIZE", raising=False)
    if processes:
        monkeypatch.setenv("LOCAL_WORLD_SIZE", processes)
    assert cores_here() == share
