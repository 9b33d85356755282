"""How far a run has come: its position, the checkpoints that it saved and the best of them."""

import time
from pathlib import Path

from trainer.contract import CheckpointSaved, Score, TrainConfig
from trainer.errors import BadInput
from trainer.method.step import Adaptation
from trainer.models.checkpoint import (
    Provenance,
    TrainedSegmenter,
    all_complete,
    find_complete,
    link_as,
    path_of,
    save_checkpoint,
    shape_of,
)
from trainer.run.resume import Candidate, Position, Prefers, load_state, save_state


class RunState:
    """The state of one run, in memory and in its folder."""

    def __init__(
        self, run_dir: Path, adaptation: Adaptation, start: Position, prefers: Prefers
    ) -> None:
        self.position, self.notes = load_state(run_dir, adaptation, start, prefers)
        self._run_dir, self._adaptation, self._prefers = run_dir, adaptation, prefers
        self._seconds_before, self._started_at = self.position.seconds, time.perf_counter()

    @property
    def config(self) -> TrainConfig:
        """The run's."""
        return self._adaptation.config

    @property
    def seconds(self) -> float:
        """What the run has taken, in all its starts."""
        return self._seconds_before + time.perf_counter() - self._started_at

    @property
    def last(self) -> Candidate:
        """The newest checkpoint."""
        return Candidate(step=self.position.step, score=self.position.latest)

    def network(self) -> TrainedSegmenter:
        """The network that is scored and saved, with the newest calibration of presence."""
        calibration = {
            name: getattr(self.position, name) for name in ("presence_scale", "presence_offsets")
        }
        shape = shape_of(self.config).model_copy(update=calibration)
        return TrainedSegmenter(self._adaptation.average.network, shape)

    def take_in(self, step: int, calibrated: TrainedSegmenter, score: Score) -> bool:
        """Remember an evaluation; whether its checkpoint would be selected now."""
        changes: dict[str, object] = {
            "latest": score,
            "presence_scale": calibrated.shape.presence_scale,
            "presence_offsets": calibrated.shape.presence_offsets,
        }
        if step == self.config.warmup_steps:
            changes["source_only"] = score
        best = self.position.best
        if self._prefers(score, best.score if best else None):
            changes["best"] = Candidate(step=step, score=score)
        self.position = self.position.model_copy(update=changes)
        return self.position.best is None or self.position.best.step == step

    def begin_at(self, step: int, why: str) -> None:
        """Go on from a step to which nothing of this run has led."""
        self.position = self.position.model_copy(update={"step": step})
        self.notes += (why,)

    def save(self, step: int) -> CheckpointSaved:
        """Write the checkpoint of a step, and all that the run needs to go on from it."""
        position = self.position.model_copy(update={"step": step, "seconds": self.seconds})
        made_from = Provenance(position.config_sha256, position.labels_sha256)
        saved = save_checkpoint(self._run_dir, step, self.network(), position.latest, made_from)
        link_as(self._run_dir, step, "last")
        if position.best and position.best.step == step:
            link_as(self._run_dir, step, "best")
        save_state(self._run_dir, self._adaptation, position)
        self.position = position
        return saved

    def missing(self) -> int | None:
        """The step that the run goes on from, if its checkpoint is not whole."""
        step = self.position.step
        whole = step == 0 or find_complete(self._run_dir, step, self.position.config_sha256)
        return None if whole else step

    def saved(self) -> list[CheckpointSaved]:
        """The checkpoints that are whole, the newest last."""
        return list(all_complete(self._run_dir, self.position.config_sha256))

    def select(self) -> Candidate:
        """The best checkpoint, or the next best one when it is not whole any more.

        Raises:
            BadInput: no checkpoint is.
        """
        selected = self.position.best or self.last
        if find_complete(self._run_dir, selected.step, self.position.config_sha256):
            return selected
        best: CheckpointSaved | None = None
        for saved in self.saved():
            if best is None or self._takes_the_place(saved.score, best.score):
                best = saved
        if best is None:
            path = path_of(self._run_dir, selected.step)
            raise BadInput(f"{path}: is damaged, as all others are")
        self.notes += (
            f"the checkpoint of step {selected.step}, which was selected, is damaged; "
            f"step {best.step} is selected in its place",
        )
        if self.position.best:
            link_as(self._run_dir, best.step, "best")
        return Candidate(step=best.step, score=best.score)

    def _takes_the_place(self, later: Score, earlier: Score) -> bool:
        """Where no score decides, the later one does."""
        return self._prefers(later, earlier) or not self._prefers(earlier, later)
