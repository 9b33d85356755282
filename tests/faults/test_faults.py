"""A few rounds of faults; `make faults` plays many more."""

from pathlib import Path

from tests.faults import rounds
from tests.faults.rounds import Rounds, orphans
from tests.faults.site import running_site

FAULTS = (
    rounds.cut_state,
    rounds.empty_redis,
    rounds.restart_postgres,
    rounds.full_disk,
    rounds.kill_worker,
)


def test_faults_lose_nothing(tmp_path: Path) -> None:
    with running_site(tmp_path, embedded=False) as site:
        played = Rounds(site, seed=1)
        with played.labelling():
            for number, fault in enumerate(FAULTS, 1):
                outcome = played.play(number, fault)
                assert not outcome.broken, (outcome, site.said())
            assert not played.end(), site.said()
    assert not orphans(tmp_path)
