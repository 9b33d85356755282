"""Eight rounds of faults; `make faults` plays many more."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.faults import rounds
from tests.faults.rounds import Fault, Rounds, orphans
from tests.faults.site import running_site


@pytest.fixture
def forked(forked_product: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """All that is started here; `make faults` starts each process from nothing."""
    for name, value in forked_product.items():
        monkeypatch.setenv(name, value)


@pytest.mark.usefixtures("forked")
@pytest.mark.parametrize(
    ("embedded", "faults"),
    [
        pytest.param(
            False,
            (rounds.cut_state, rounds.empty_redis, rounds.restart_postgres, rounds.full_disk,
             rounds.kill_worker),
            id="postgresql and redis",
        ),
        pytest.param(
            True, (rounds.cut_broker, rounds.cut_checkpoint, rounds.kill_web), id="sqlite and files"
        ),
    ],
)  # fmt: skip
def test_faults_lose_nothing(tmp_path: Path, embedded: bool, faults: Sequence[Fault]) -> None:
    with running_site(tmp_path, embedded=embedded) as site:
        played = Rounds(site, seed=1)
        with played.labelling():
            for number, fault in enumerate(faults, 1):
                outcome = played.play(number, fault)
                assert not outcome.broken, (outcome, site.said())
            assert not played.end(), site.said()
    assert not orphans(tmp_path)
