"""Rounds of faults for as long as they may take: `make faults [SEED=...] [MINUTES=...]`."""

import argparse
import random
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.faults.rounds import EMBEDDED, TEAM, Fault, Outcome, Rounds, orphans
from tests.faults.site import running_site

SHARE_EMBEDDED = 0.3
console = Console(soft_wrap=True, highlight=False)


def main() -> int:
    """Play rounds; the exit status is 1 when anything was lost."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    parser.add_argument("--minutes", type=float, default=10)
    asked = parser.parse_args()
    console.print(f"seed {asked.seed}, {asked.minutes:g} minutes")
    outcomes = []
    for embedded, share in ((False, 1 - SHARE_EMBEDDED), (True, SHARE_EMBEDDED)):
        until = time.monotonic() + 60 * asked.minutes * share
        outcomes += play(asked.seed, until, embedded=embedded)
    summarize(outcomes)
    return int(any(outcome.broken for outcome in outcomes))


def play(seed: int, until: float, *, embedded: bool) -> list[Outcome]:
    """Rounds on one site until the time is up, each fault before any comes twice."""
    kinds, outcomes = EMBEDDED if embedded else TEAM, []
    chance = random.Random(f"{seed} {embedded}")
    console.print("SQLite and files" if embedded else "PostgreSQL and the Redis protocol")
    with tempfile.TemporaryDirectory(prefix="weakseg-faults-") as name:
        folder = Path(name)
        with running_site(folder, embedded=embedded) as site:
            rounds = Rounds(site, seed)
            with rounds.labelling():
                order: list[Fault] = []
                while time.monotonic() < until or not outcomes:
                    order = order or chance.sample(kinds, len(kinds))
                    outcomes.append(rounds.play(len(outcomes) + 1, order.pop()))
                    tell(seed, outcomes[-1])
            last = Outcome(len(outcomes) + 1, "the end", 0, outcomes[-1].labels, rounds.end())
            outcomes.append(last)
            if any(outcome.broken for outcome in outcomes):
                console.print(site.said(), markup=False)
        last.broken += orphans(folder)
        tell(seed, last)
    return outcomes


def tell(seed: int, outcome: Outcome) -> None:
    """One line of one round, and what it broke."""
    verdict = "broken" if outcome.broken else "held"
    console.print(
        f"seed {seed} round {outcome.number:3} {outcome.fault:18} {outcome.seconds:5.1f} s, "
        f"{outcome.labels} labels acknowledged: {verdict}"
    )
    for what in outcome.broken:
        console.print(f"    {what}", markup=False)


def summarize(outcomes: list[Outcome]) -> None:
    """How often each fault was played, and how often something broke."""
    played = Counter(outcome.fault for outcome in outcomes)
    broke = Counter(outcome.fault for outcome in outcomes if outcome.broken)
    table = Table("fault", "rounds", "broken")
    for fault, count in sorted(played.items()):
        table.add_row(fault, str(count), str(broke[fault]))
    console.print(table)


if __name__ == "__main__":
    sys.exit(main())
