"""One run, from top to bottom: read, train, score, save, predict, report."""

import os
import signal
import sys
import time
from pathlib import Path
from types import FrameType
from typing import Literal, Self

import torch
from pydantic import ValidationError

from trainer.adaptation import Adaptation, make_accelerator
from trainer.checkpoint import Provenance, TrainedSegmenter, save_checkpoint, shape_of
from trainer.contract import (
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
from trainer.data.batches import prefetched
from trainer.data.cards import resolve_card
from trainer.data.domains import load_domains
from trainer.errors import BadInput, NonFiniteLoss, describe
from trainer.evaluate import score_on_labels, score_on_masks
from trainer.files import sha256, write_atomically
from trainer.models.segmenter import build_segmenter
from trainer.predict import predict_images
from trainer.progress import Means, Reporter
from trainer.resume import Position, load_state, save_state
from trainer.schedule import poly

SUCCEEDED, FAILED, BAD_INPUT = 0, 1, 2
SELECTION = "last step, running average of the weights"
PREDICTIONS_A_LINE = 10


class Interrupted(Exception):
    """The run was asked to stop."""


class StopSignals:
    """While entered, SIGTERM and SIGINT only set `requested`."""

    def __init__(self) -> None:
        self.requested = False

    def __enter__(self) -> Self:
        self._before = {
            each: signal.signal(each, self._request) for each in (signal.SIGTERM, signal.SIGINT)
        }
        return self

    def __exit__(self, *_: object) -> None:
        for each, handler in self._before.items():
            signal.signal(each, handler)

    def _request(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002
        self.requested = True


def train(run_dir: Path) -> int:
    """Run `run_dir/config.json` to its end, going on where an earlier start was stopped.

    Returns:
        The exit status: 0 when it succeeded or was interrupted, 1 when a loss was not finite or
        disk or memory is full, 2 for bad input.
    """
    with Reporter(run_dir) as report, StopSignals() as stop:
        try:
            Run(run_dir, report, stop).execute()
        except Interrupted:
            report(Finished(status="interrupted"))
        except (NonFiniteLoss, BadInput, OSError, torch.OutOfMemoryError) as error:
            report(Failed(error=str(error)))
            sys.stderr.write(f"error: {error}\n")
            return BAD_INPUT if isinstance(error, BadInput) else FAILED
        else:
            report(Finished(status="succeeded"))
    return SUCCEEDED


def read_config(run_dir: Path) -> tuple[TrainConfig, str]:
    """The run's configuration with absolute paths, and the sha256 of its file.

    Raises:
        BadInput: the file is missing or wrong; names the field.
    """
    path = run_dir / "config.json"
    try:
        content = path.read_bytes()
        config = TrainConfig.model_validate_json(content)
    except OSError as error:
        raise BadInput(f"{path}: cannot read the configuration: {error}") from error
    except ValidationError as error:
        raise BadInput(f"{path}: {describe(error)}") from error
    changes: dict[str, object] = {
        name: resolve_card(card, run_dir)
        for name, card in (
            ("source", config.source),
            ("target", config.target),
            ("validation", config.validation),
        )
        if card
    }
    for name in ("labels", "initial_weights"):
        if (file := getattr(config, name)) is not None:
            changes[name] = (run_dir / file).resolve()
    return config.model_copy(update=changes), sha256(content)


def prepare_device(config: TrainConfig) -> torch.device:
    """Choose the device and set what makes it fast.

    Raises:
        BadInput: the configuration asks for a device that is not there.
    """
    torch.set_num_threads(config.threads or len(os.sched_getaffinity(0)))
    # The adversarial gradients are so small that denormals double the time of a step on a CPU.
    torch.set_flush_denormal(True)
    torch.set_float32_matmul_precision("high")
    if config.device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if config.device.startswith("cuda") and not torch.cuda.is_available():
        raise BadInput(f"device: {config.device!r} is asked for, but there is no CUDA device")
    return torch.device(config.device)


class Run:
    """One run in one directory."""

    def __init__(self, run_dir: Path, report: Reporter, stop: StopSignals) -> None:
        self.run_dir, self.report, self.stop = run_dir, report, stop
        self.config, config_sha256 = read_config(run_dir)
        self.device = prepare_device(self.config)
        self.domains = load_domains(self.config)
        self.steps = self.config.warmup_steps + self.config.steps
        torch.manual_seed(self.config.seed)
        segmenter = build_segmenter(shape_of(self.config))
        segmenter.load_initial_weights(
            self.config.initial_weights, self.config.initial_weights_sha256
        )
        self.adaptation = Adaptation(
            self.config, segmenter, make_accelerator(self.config, self.device)
        )
        self.trained = TrainedSegmenter(self.adaptation.average.network, shape_of(self.config))
        labels = self.config.labels
        start = Position(
            config_sha256=config_sha256,
            labels_sha256=sha256(labels.read_bytes()) if labels else None,
        )
        self.position = load_state(run_dir, self.adaptation, start)
        self._seconds_before, self._started = self.position.seconds, time.perf_counter()

    def execute(self) -> None:
        """Train, then predict, then report."""
        self.report(
            Started(
                steps=self.steps,
                device=str(self.device),
                source_images=len(self.domains.source.images) if self.domains.source else 0,
                target_images=len(self.domains.all_target),
                labelled_images=self.domains.labelled,
                validation_images=len(self.domains.validation.images)
                if self.domains.validation
                else 0,
                first_step=self.position.step,
            )
        )
        if self.steps == 0:
            self._evaluate_and_save(0)
        self._train()
        if self.config.predict:
            self._predict()
        self._write_report()

    def _train(self) -> None:
        config, means = self.config, Means()
        uses_target = config.supervision is not Supervision.SOURCE_ONLY
        first, warm_up = self.position.step, config.warmup_steps
        source = prefetched(self.domains.source, first, self.steps) if self.domains.source else None
        target = prefetched(self.domains.target, max(first - warm_up, 0), config.steps)
        for number in range(first, self.steps):
            adapting = uses_target and number >= warm_up
            source_batch = next(source) if source else None
            target_batch = next(target) if adapting else None
            losses = self.adaptation.step(number, source_batch, target_batch)
            means.add(losses, config.batch_size * ((source is not None) + adapting))
            step = number + 1
            if due(step, config.report_every, self.steps):
                self._report_progress(step, means)
            if step == warm_up or (
                step > warm_up and due(step - warm_up, config.evaluate_every, config.steps)
            ):
                self._evaluate_and_save(step)
            if self.stop.requested and step < self.steps:
                if self.position.step != step:
                    self.adaptation.settle()
                    self._save(step)
                raise Interrupted

    def _report_progress(self, step: int, means: Means) -> None:
        losses, images_per_second, seconds_per_step = means.take()
        self.report(
            Progress(
                step=step,
                steps=self.steps,
                phase=self._phase(step),
                losses=losses,
                learning_rate=self.config.learning_rate * poly(step - 1, self.steps),
                images_per_second=images_per_second,
                eta_seconds=seconds_per_step * (self.steps - step),
            )
        )

    def _phase(self, step: int) -> Literal["warm-up", "adaptation"]:
        return "warm-up" if step <= self.config.warmup_steps else "adaptation"

    def _evaluate_and_save(self, step: int) -> None:
        self.adaptation.settle()
        score = self._score()
        self.report(Evaluated(step=step, phase=self._phase(step), score=score))
        after_warm_up = {"source_only": score} if step == self.config.warmup_steps else {}
        self.position = self.position.model_copy(update={"latest": score, **after_warm_up})
        self._save(step)

    def _score(self) -> Score:
        if masked := self.domains.validation:
            return score_on_masks(self.trained, masked.images, masked.lookup)
        if self.domains.held_out.labels:
            return score_on_labels(
                self.trained, self.domains.held_out.images, self.domains.held_out.labels
            )
        return Score()

    def _save(self, step: int) -> None:
        seconds = self._seconds_before + time.perf_counter() - self._started
        self.position = self.position.model_copy(update={"step": step, "seconds": seconds})
        made_from = Provenance(self.position.config_sha256, self.position.labels_sha256)
        saved = save_checkpoint(self.run_dir, step, self.trained, self.position.latest, made_from)
        save_state(self.run_dir, self.adaptation, self.position)
        self.report(saved)

    def _predict(self) -> None:
        total = len(self.domains.all_target)

        def done(count: int) -> None:
            if due(count, PREDICTIONS_A_LINE, total):
                self.report(Predicting(done=count, total=total))
            if self.stop.requested:
                raise Interrupted

        predict_images(self.trained, self.domains.all_target, self.run_dir / "predictions", done)

    def _write_report(self) -> None:
        report = Report(
            supervision=self.config.supervision,
            selected_step=self.position.step,
            selection=SELECTION,
            score=self.position.latest,
            source_only=self.position.source_only,
            seconds=self._seconds_before + time.perf_counter() - self._started,
            device=str(self.device),
            labelled_images=self.domains.labelled,
        )
        write_atomically(self.run_dir / "report.json", report.model_dump_json(indent=2).encode())


def due(count: int, every: int, last: int) -> bool:
    """Whether something that happens every so often, and at the last, happens now."""
    return count % every == 0 or count == last
