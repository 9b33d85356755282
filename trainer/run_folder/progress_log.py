"""What a run has said so far, read from its `progress.jsonl`."""

import math
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from trainer.contract import Evaluated, Progress, ProgressLine
from trainer.contract.lines import lines_of

FILE = "progress.jsonl"
_line: TypeAdapter[ProgressLine] = TypeAdapter(ProgressLine)


@dataclass(frozen=True)
class History:
    """What a run said, by step. Steps that were done twice, after a stop, count once."""

    progress: dict[int, Progress] = field(default_factory=dict)
    evaluations: dict[int, Evaluated] = field(default_factory=dict)

    def losses(self) -> dict[str, dict[int, float]]:
        """Each loss by step."""
        found: dict[str, dict[int, float]] = {}
        for step, line in sorted(self.progress.items()):
            for name, value in line.losses.items():
                found.setdefault(name, {})[step] = value
        return found

    def final_losses(self) -> dict[str, float]:
        """Mean of each loss over the last tenth of the lines that have it."""
        values = {name: list(by_step.values()) for name, by_step in self.losses().items()}
        latest = {name: each[-math.ceil(len(each) / 10) :] for name, each in values.items()}
        return {name: sum(each) / len(each) for name, each in latest.items()}


def read_history(run_dir: Path) -> History:
    """The lines of `progress.jsonl`, of all starts of the run; nothing when there are none yet."""
    history, path = History(), run_dir / FILE
    # A fault of the disk, or a start that was killed, may have left bytes that are no text.
    for text in lines_of(path.read_bytes(), errors="replace") if path.exists() else ():
        try:
            line = _line.validate_json(text)
        except ValidationError:
            continue
        if isinstance(line, Progress):
            history.progress[line.step] = line
        elif isinstance(line, Evaluated):
            history.evaluations[line.step] = line
    return history
