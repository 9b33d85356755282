"""One run, from top to bottom: read, train, judge, save, select, predict, report."""

import signal
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import Literal, Self

import torch

from trainer.contract import (
    Breakdown,
    CheckpointSaved,
    Evaluated,
    Failed,
    Finished,
    Predicting,
    Progress,
    Report,
    Score,
    Started,
    Supervision,
    TrainConfig,
)
from trainer.data.batches import Batch, SourceBatch, TargetBatch, loaded
from trainer.data.domains import load_domains
from trainer.data.labels import TargetLabel
from trainer.data.samples import say_left_out
from trainer.device.setup import prepare_device
from trainer.errors import (
    BAD_INPUT,
    FAILED,
    BadInput,
    NonFiniteLoss,
    in_one_line,
    is_memory_full,
)
from trainer.inference.predict import predict_images
from trainer.method.step import Adaptation, make_accelerator
from trainer.models.checkpoint import (
    Provenance,
    TrainedSegmenter,
    all_complete,
    find_complete,
    link_as,
    load_segmenter,
    path_of,
    save_checkpoint,
    shape_of,
)
from trainer.models.initial import start_network
from trainer.report.page import write_report
from trainer.run.processes import FailedElsewhere, Processes, leave
from trainer.run.progress import Means, Reporter, peak_memory
from trainer.run.pseudo_labels import read_pseudo_labels, write_pseudo_labels
from trainer.run.resume import Candidate, Position, load_state, save_state
from trainer.run.selection import Judge
from trainer.run_folder.atomic import sha256
from trainer.run_folder.config import (
    as_file,
    has_begun,
    read_config,
    with_absolute_paths,
    write_config,
)
from trainer.run_folder.progress_log import read_history
from trainer.terminal import say

SUCCEEDED = 0
PREDICTIONS_A_LINE = 10


class Interrupted(Exception):
    """The run was asked to stop."""


class StopSignals:
    """While entered, SIGTERM, SIGINT and a terminal that is closed only set `requested`."""

    def __init__(self) -> None:
        self.requested = False

    def __enter__(self) -> Self:
        # nohup ignores SIGHUP, and so do we then.
        self._before = {
            each: signal.signal(each, self._request)
            for each in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
            if each != signal.SIGHUP or signal.getsignal(each) != signal.SIG_IGN
        }
        return self

    def __exit__(self, *_: object) -> None:
        for each, handler in self._before.items():
            signal.signal(each, handler)

    def _request(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002
        self.requested = True


def train(run_dir: Path, config: TrainConfig | None = None) -> int:
    """Run `run_dir/config.json` to its end, going on where an earlier start was stopped.

    A `config` takes that file's place once all that the run needs is there and has been checked;
    until then nothing is written. No run may have begun in the folder then.

    Started by `torchrun`, all processes train one run, of which the first one speaks.

    Returns:
        The exit status: 0 when it succeeded or was interrupted, 1 when a loss was not finite or
        disk or memory is full, 2 for bad input.
    """
    # Bad input then leaves the folder as it is, rather than being the first that it tells.
    refused = config is not None or has_begun(run_dir)
    with Reporter(run_dir) as report, StopSignals() as stop:
        try:
            run = Run(run_dir, report, stop, config)
            refused = False
            run.execute()
        except Interrupted:
            report(Finished(status="interrupted"))
        except (
            NonFiniteLoss,
            BadInput,
            FailedElsewhere,
            OSError,
            MemoryError,
            RuntimeError,
        ) as error:
            if isinstance(error, RuntimeError) and not is_memory_full(error):
                raise
            told, is_bad = in_one_line(error), isinstance(error, BadInput)
            report(Failed(error=told), kept=not (refused and is_bad))
            say(sys.stderr, f"error: {told}\n")
            return BAD_INPUT if isinstance(error, BadInput) else FAILED
        else:
            report(Finished(status="succeeded"))
        finally:
            leave()
    return SUCCEEDED


class Run:
    """One run in one directory."""

    def __init__(
        self, run_dir: Path, report: Reporter, stop: StopSignals, new: TrainConfig | None
    ) -> None:
        self.run_dir, self.report, self.stop = run_dir, report, stop
        if new is None:
            self.config, config_sha256 = read_config(run_dir)
        else:
            self.config, config_sha256 = with_absolute_paths(new, run_dir), sha256(as_file(new))
        accelerator = make_accelerator(self.config, prepare_device(self.config))
        self.device: torch.device = accelerator.device
        self.everyone = Processes(accelerator)
        self.steps = self.config.warmup_steps + self.config.steps
        with self.everyone.together():
            if self.everyone.is_main:
                say_left_out(self.config.source, self.config.target, self.config.validation)
            self.domains = load_domains(self.config, self.everyone.part)
            self.judge = Judge(self.config, self.domains)
            self.adaptation = Adaptation(self.config, start_network(self.config), accelerator)
            labels = self.config.labels
            start = Position(
                config_sha256=config_sha256,
                labels_sha256=sha256(labels.read_bytes()) if labels else None,
            )
            self.position, of_state = load_state(
                run_dir, self.adaptation, start, self.judge.prefers
            )
            self.notes = self.domains.notes + of_state
        if new is not None:
            self.everyone.alone(lambda: write_config(run_dir, new))
        self._behind_selected: tuple[int, Breakdown] | None = None
        """Step and breakdown of the checkpoint to be selected, if it was evaluated since the start."""
        self._seconds_before, self._started_at = self.position.seconds, time.perf_counter()

    def execute(self) -> None:
        """Train; then predict and report with the checkpoint that was selected."""
        self.report(self._started())
        self.everyone.alone(self._announce_saved)
        if self.position.step == self.config.warmup_steps == 0 and self._begins_trained():
            self.everyone.alone(lambda: self._evaluate_and_save(0))
        self._train()
        if self.everyone.is_main:
            self._conclude()

    def _announce_saved(self) -> None:
        """Say what earlier starts saved: whoever listened may have missed it.

        The checkpoint of the step that the run goes on from is saved again when it is not whole.
        """
        step = self.position.step
        if step and not find_complete(self.run_dir, step, self.position.config_sha256):
            self._save(step)
        for saved in all_complete(self.run_dir, self.position.config_sha256):
            self.report(saved)

    def _begins_trained(self) -> bool:
        """Whether the network is worth a score before the first step."""
        return self.config.start_from is not None or self.steps == 0

    def _started(self) -> Started:
        domains = self.domains
        return Started(
            steps=self.steps,
            device=self._device_name(),
            source_images=len(domains.source.images) if domains.source else 0,
            target_images=len(domains.all_target),
            labelled_images=domains.labelled,
            validation_images=len(domains.validation.images) if domains.validation else 0,
            first_step=self.position.step,
            notes=self.notes,
        )

    def _device_name(self) -> str:
        return "cpu" if self.device.type == "cpu" else str(self.device)

    def _train(self) -> None:
        warm_up, first = self.config.warmup_steps, self.position.step
        source = self._source_batches(first)
        target: Iterator[TargetBatch] = iter(())
        means = Means(self.everyone)
        for number in range(first, self.steps):
            if number == max(first, warm_up):
                with means.paused():
                    target = self._target_batches(number - warm_up)
            with means.waiting(), self.everyone.together():
                of_source = next(source, None)
                of_target = next(target, None)
            losses = self.adaptation.step(number, of_source, of_target)
            means.add(losses, self.config.batch_size * sum(map(bool, (of_source, of_target))))
            self._look_up(number + 1, means)

    def _source_batches(self, first: int) -> Iterator[SourceBatch]:
        """From step `first` on; none without a source domain."""
        return self._loaded(self.domains.source, first, self.steps)

    def _target_batches(self, first: int) -> Iterator[TargetBatch]:
        """From step `first` of the adaptation on; none where the target is not trained on."""
        if self.config.supervision is Supervision.SOURCE_ONLY:
            return iter(())
        batches = self.domains.target
        if self.config.makes_labels:
            batches = replace(batches, labels=self._pseudo_labels(make=first == 0))
        return self._loaded(batches, first, self.config.steps)

    def _loaded(self, make: Callable[[int], Batch] | None, first: int, end: int) -> Iterator[Batch]:
        pinned = self.device.type == "cuda"
        workers = self.config.loader_workers
        return loaded(make, first, end, workers, pin_memory=pinned) if make else iter(())

    def _pseudo_labels(self, *, make: bool) -> list[TargetLabel]:
        """One for each target image that is trained on; all processes read what the first wrote."""
        if make:
            with self.report.working("labelling"):
                self.everyone.alone(self._write_pseudo_labels)
        with self.everyone.together():
            images = self.domains.target.images
            return read_pseudo_labels(self.run_dir, self.config.categories, images)

    def _write_pseudo_labels(self) -> None:
        source, target = self.domains.source, self.domains.target
        if source is None:
            raise LookupError("pseudo labels without a source domain")
        shares, sure_share = torch.from_numpy(source.shares), self.config.pseudo_sure_share
        write_pseudo_labels(self.run_dir, self._trained(), target.images, shares, sure_share)

    def _look_up(self, step: int, means: Means) -> None:
        """Report, evaluate and stop after `step` steps, each when it is time to."""
        if due(step, self.config.report_every, self.steps):
            self._report_progress(step, means)
        if self._is_evaluated(step):
            self.adaptation.settle()
            with means.paused():
                self.everyone.alone(lambda: self._evaluate_and_save(step))
        if self.everyone.any(self.stop.requested) and step < self.steps:
            self.adaptation.settle()
            self.everyone.alone(lambda: self._save_unless_saved(step))
            raise Interrupted

    def _is_evaluated(self, step: int) -> bool:
        adapted = step - self.config.warmup_steps
        every, last = self.config.evaluate_every, self.config.steps
        return adapted == 0 or (adapted > 0 and due(adapted, every, last))

    def _report_progress(self, step: int, means: Means) -> None:
        self.adaptation.settle()
        interval, weights = means.take(), self.adaptation.objective.weights
        rates = self.adaptation.learning_rates
        self.report(
            Progress(
                step=step,
                steps=self.steps,
                phase=self._phase(step),
                loss=sum(weights.get(name, 0) * loss for name, loss in interval.losses.items()),
                losses=interval.losses,
                learning_rate=rates["backbone"],
                learning_rates=rates,
                images_per_second=interval.images_per_second,
                eta_seconds=interval.seconds_per_step * (self.steps - step),
                memory_bytes=peak_memory(self.device),
                data_share=interval.data_share,
            )
        )

    def _phase(self, step: int) -> Literal["warm-up", "adaptation"]:
        return "warm-up" if step <= self.config.warmup_steps else "adaptation"

    def _evaluate_and_save(self, step: int) -> None:
        with self.report.working("evaluating"):
            trained, measured = self.judge.assess(self._trained())
        score = measured.score
        self.report(Evaluated(step=step, phase=self._phase(step), score=score))
        changes: dict[str, object] = {
            "latest": score,
            "presence_scale": trained.shape.presence_scale,
            "presence_offsets": trained.shape.presence_offsets,
        }
        if step == self.config.warmup_steps:
            changes["source_only"] = score
        best = self.position.best
        if self.judge.prefers(score, best.score if best else None):
            changes["best"] = Candidate(step=step, score=score)
        self.position = self.position.model_copy(update=changes)
        if self.position.best is None or self.position.best.step == step:
            self._behind_selected = step, measured.breakdown
        self._save(step)

    def _trained(self) -> TrainedSegmenter:
        """The network that is scored and saved, with the newest calibration of presence."""
        calibration = {
            name: getattr(self.position, name) for name in ("presence_scale", "presence_offsets")
        }
        shape = shape_of(self.config).model_copy(update=calibration)
        return TrainedSegmenter(self.adaptation.average.network, shape)

    def _save_unless_saved(self, step: int) -> None:
        if self.position.step != step:
            self._save(step)

    def _save(self, step: int) -> None:
        position = self.position.model_copy(update={"step": step, "seconds": self._seconds()})
        made_from = Provenance(position.config_sha256, position.labels_sha256)
        saved = save_checkpoint(self.run_dir, step, self._trained(), position.latest, made_from)
        link_as(self.run_dir, step, "last")
        if position.best and position.best.step == step:
            link_as(self.run_dir, step, "best")
        save_state(self.run_dir, self.adaptation, position)
        self.position = position
        self.report(saved)

    def _seconds(self) -> float:
        return self._seconds_before + time.perf_counter() - self._started_at

    def _conclude(self) -> None:
        last = Candidate(step=self.position.step, score=self.position.latest)
        selected = self._whole(self.position.best or last)
        segmenter = load_segmenter(path_of(self.run_dir, selected.step), self.device)
        if self.config.predict:
            self._predict(segmenter)
        with self.report.working("reporting"):
            breakdown = self._breakdown(selected, segmenter)
            write_report(self.run_dir, self.config, self._report(selected, last, breakdown))

    def _whole(self, selected: Candidate) -> Candidate:
        """The candidate, or the next best one when its checkpoint is not whole any more.

        Raises:
            BadInput: no checkpoint is.
        """
        config_sha256 = self.position.config_sha256
        if find_complete(self.run_dir, selected.step, config_sha256):
            return selected
        best: CheckpointSaved | None = None
        for saved in all_complete(self.run_dir, config_sha256):
            if best is None or self._takes_the_place(saved.score, best.score):
                best = saved
        if best is None:
            raise BadInput(f"{path_of(self.run_dir, selected.step)}: is damaged, as all others are")
        self.notes += (
            f"the checkpoint of step {selected.step}, which was selected, is damaged; "
            f"step {best.step} is selected in its place",
        )
        if self.position.best:
            link_as(self.run_dir, best.step, "best")
        return Candidate(step=best.step, score=best.score)

    def _takes_the_place(self, later: Score, earlier: Score) -> bool:
        """Where no score decides, the later one does."""
        return self.judge.prefers(later, earlier) or not self.judge.prefers(earlier, later)

    def _breakdown(self, selected: Candidate, segmenter: TrainedSegmenter) -> Breakdown:
        if self._behind_selected and self._behind_selected[0] == selected.step:
            return self._behind_selected[1]
        return self.judge.measure(segmenter).breakdown

    def _report(self, selected: Candidate, last: Candidate, breakdown: Breakdown) -> Report:
        return Report(
            supervision=self.config.supervision,
            selected_step=selected.step,
            selection=self.judge.selection,
            score=selected.score,
            source_only=self.position.source_only,
            seconds=self._seconds(),
            device=self._device_name(),
            labelled_images=self.domains.labelled,
            last_step=last.step,
            last_score=last.score,
            losses=read_history(self.run_dir).final_losses(),
            breakdown=breakdown,
            notes=self.notes,
        )

    def _predict(self, segmenter: TrainedSegmenter) -> None:
        images = self.domains.all_target

        def done(count: int) -> None:
            if due(count, PREDICTIONS_A_LINE, len(images)):
                self.report(Predicting(done=count, total=len(images)))
            if self.stop.requested:
                raise Interrupted

        predict_images(segmenter, images, self.run_dir / "predictions", done)


def due(count: int, every: int, last: int) -> bool:
    """Whether something that happens every so often, and at the last, happens now."""
    return count % every == 0 or count == last
