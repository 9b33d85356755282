"""One run, from top to bottom: read, train, evaluate, save, select, predict, report."""

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Literal

import torch

from trainer.contract import (
    Breakdown,
    Evaluated,
    Failed,
    Finished,
    Predicting,
    Progress,
    Report,
    Started,
    Supervision,
    TrainConfig,
)
from trainer.data.batches import (
    Batch,
    SourceBatch,
    SourceBatches,
    TargetBatch,
    TargetBatches,
    loaded,
)
from trainer.data.domains import load_domains
from trainer.data.labels import TargetLabel
from trainer.data.samples import say_left_out
from trainer.device.setup import prepare_device
from trainer.errors import (
    BAD_INPUT,
    FAILED,
    BadInput,
    NonFinite,
    in_one_line,
    is_memory_full,
)
from trainer.inference.predict import predict_images
from trainer.method.frozen_features import keep_features, remove_features
from trainer.method.step import Adaptation, make_accelerator
from trainer.models.checkpoint import (
    TrainedSegmenter,
    load_segmenter,
    path_of,
)
from trainer.models.initial import start_network
from trainer.report.page import write_report
from trainer.run.processes import FailedElsewhere, Processes, leave
from trainer.run.progress import Means, Reporter, peak_memory
from trainer.run.pseudo_labels import read_pseudo_labels, write_pseudo_labels
from trainer.run.resume import Candidate, Position
from trainer.run.selection import Evaluator
from trainer.run.state import RunState
from trainer.run.stopping import Interrupted, StopSignals
from trainer.run.warm_up import warm_up_of
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
            NonFinite,
            BadInput,
            FailedElsewhere,
            OSError,
            MemoryError,
            RuntimeError,
        ) as error:
            if isinstance(error, RuntimeError) and not is_memory_full(error):
                raise
            if not refused:
                remove_features(run_dir)
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
            self.evaluator = Evaluator(self.config, self.domains)
            self.adaptation = Adaptation(self.config, start_network(self.config), accelerator)
            labels = self.config.labels
            start = Position(
                config_sha256=config_sha256,
                labels_sha256=sha256(labels.read_bytes()) if labels else None,
            )
            self.warm_up = warm_up_of(
                self.config, self.adaptation, self.domains.source, alone=self.everyone.count == 1
            )
            self.state = RunState(run_dir, self.adaptation, start, self.evaluator.prefers)
            self.features = keep_features(
                self.config, self.adaptation.segmenter, self._trained_domains(), run_dir
            )
            self.state.notes = self.domains.notes + self.features.notes + self.state.notes
            self.is_warm = self.state.position.step == 0 and self._takes_warm_up_over()
        if new is not None:
            self.everyone.alone(lambda: write_config(run_dir, new))
        self._selected: tuple[int, Breakdown] | None = None
        """Step and breakdown of the checkpoint to be selected, if it was evaluated since the start."""

    def execute(self) -> None:
        """Train; then predict and report with the checkpoint that was selected."""
        self.report(self._started())
        if self.is_warm:
            self._evaluate_and_save(self.config.warmup_steps)
        else:
            self.everyone.alone(self._announce_saved)
        if self.state.position.step == self.config.warmup_steps == 0 and self._begins_trained():
            self.everyone.alone(lambda: self._evaluate_and_save(0))
        self._train()
        if self.everyone.is_main:
            remove_features(self.run_dir)
            self._conclude()

    def _takes_warm_up_over(self) -> bool:
        if not self.warm_up.take_over(self.adaptation):
            return False
        steps = self.config.warmup_steps
        self.state.begin_at(
            steps, f"{steps} steps of warm-up are those of an earlier run (warm_ups)"
        )
        return True

    def _train(self) -> None:
        config, first = self.config, self.state.position.step
        source = self._source_batches(first)
        target: Iterator[TargetBatch] = iter(())
        means = Means(self.everyone)
        for number in range(first, self.steps):
            if number == max(first, config.warmup_steps):
                with means.paused():
                    target = self._target_batches(number - config.warmup_steps)
            with means.waiting(), self.everyone.together():
                of_source = next(source, None) if config.shows_source(number) else None
                of_target = next(target, None)
            losses = self.adaptation.step(
                number,
                self.features.begin("source", of_source),
                self.features.begin("target", of_target),
            )
            means.add(losses, config.batch_size * sum(map(bool, (of_source, of_target))))
            step = number + 1
            if due(step, config.report_every, self.steps):
                self._report_progress(step, means)
            if self._is_evaluated(step):
                self.adaptation.settle()
                if step == config.warmup_steps:
                    self.warm_up.keep(self.adaptation)
                with means.paused():
                    self.everyone.alone(partial(self._evaluate_and_save, step))
            if self.everyone.any(self.stop.requested) and step < self.steps:
                self.adaptation.settle()
                self.everyone.alone(partial(self._save_unless_saved, step))
                raise Interrupted

    def _trained_domains(self) -> dict[str, SourceBatches | TargetBatches]:
        domains: dict[str, SourceBatches | TargetBatches] = {}
        if self.domains.source:
            domains["source"] = self.domains.source
        if self.config.supervision is not Supervision.SOURCE_ONLY:
            domains["target"] = self.domains.target
        return domains

    def _started(self) -> Started:
        domains = self.domains
        return Started(
            steps=self.steps,
            device=self._device_name(),
            source_images=len(domains.source.images) if domains.source else 0,
            target_images=len(domains.all_target),
            labelled_images=domains.labelled,
            validation_images=len(domains.validation.images) if domains.validation else 0,
            first_step=self.state.position.step,
            notes=self.state.notes,
        )

    def _device_name(self) -> str:
        return "cpu" if self.device.type == "cpu" else str(self.device)

    def _announce_saved(self) -> None:
        """Say what earlier starts saved: whoever listened may have missed it.

        The checkpoint of the step that the run goes on from is saved again when it is not whole.
        """
        if (step := self.state.missing()) is not None:
            self.report(self.state.save(step))
        for saved in self.state.saved():
            self.report(saved)

    def _begins_trained(self) -> bool:
        """Whether the network is worth a score before the first step."""
        return self.config.start_from is not None or self.steps == 0

    def _source_batches(self, first: int) -> Iterator[SourceBatch]:
        """Of the steps from `first` on that show it; none without a source domain."""
        numbers = [n for n in range(first, self.steps) if self.config.shows_source(n)]
        return self._loaded(self.domains.source, numbers)

    def _target_batches(self, first: int) -> Iterator[TargetBatch]:
        """From step `first` of the adaptation on; none where the target is not trained on."""
        if self.config.supervision is Supervision.SOURCE_ONLY:
            return iter(())
        batches = self.domains.target
        if self.config.makes_labels:
            batches = replace(batches, labels=self._pseudo_labels(make=first == 0))
        return self._loaded(batches, range(first, self.config.steps))

    def _loaded(
        self, make: Callable[[int], Batch] | None, numbers: Sequence[int]
    ) -> Iterator[Batch]:
        pinned = self.device.type == "cuda"
        workers = self.config.loader_workers
        return loaded(make, numbers, workers, pin_memory=pinned) if make else iter(())

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
        write_pseudo_labels(self.run_dir, self.state.network(), target.images, shares, sure_share)

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
            calibrated, measured = self.evaluator.assess(self.state.network())
        self.report(Evaluated(step=step, phase=self._phase(step), score=measured.score))
        if self.state.take_in(step, calibrated, measured.score):
            self._selected = step, measured.breakdown
        self.report(self.state.save(step))

    def _save_unless_saved(self, step: int) -> None:
        if self.state.position.step != step:
            self.report(self.state.save(step))

    def _conclude(self) -> None:
        last, selected = self.state.last, self.state.select()
        segmenter = load_segmenter(path_of(self.run_dir, selected.step), self.device)
        if self.config.predict:
            self._predict(segmenter)
        with self.report.working("reporting"):
            if self._selected and self._selected[0] == selected.step:
                breakdown = self._selected[1]
            else:
                breakdown = self.evaluator.measure(segmenter).breakdown
            write_report(self.run_dir, self.config, self._report(selected, last, breakdown))

    def _report(self, selected: Candidate, last: Candidate, breakdown: Breakdown) -> Report:
        return Report(
            supervision=self.config.supervision,
            selected_step=selected.step,
            selection=self.evaluator.selection,
            score=selected.score,
            source_only=self.state.position.source_only,
            seconds=self.state.seconds,
            device=self._device_name(),
            labelled_images=self.domains.labelled,
            last_step=last.step,
            last_score=last.score,
            losses=read_history(self.run_dir).final_losses(),
            breakdown=breakdown,
            notes=self.state.notes,
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
