"""The faults, who labels meanwhile, and what must be true after each of them."""

import hashlib
import os
import random
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx

from tests.faults.site import POLL, RUN, Site, flush, left_over, wait_for
from tests.services.processes import stop

STOPPED = ("failed", "cancelled", "interrupted")


class Labellers:
    """People who label all the time, send again what was not acknowledged, and forget nothing."""

    def __init__(self, site: Site, seed: int, people: int = 2) -> None:
        self._site, self._ended = site, threading.Event()
        self.acknowledged: dict[str, int] = {}
        """Image by the key of the label."""
        self.refused: list[str] = []
        images = site.get(f"/api/v1/projects/{site.project}/images")["items"]
        self._images = [int(image["id"]) for image in images]
        self._threads = [
            threading.Thread(target=self._label, args=(random.Random(f"{seed} {n}"),), daemon=True)
            for n in range(people)
        ]

    def __enter__(self) -> "Labellers":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join()

    def _label(self, chance: random.Random) -> None:
        with self._site.client() as api:
            while not self._ended.is_set():
                image, key = chance.choice(self._images), uuid4().hex
                present = chance.sample(["Road", "Car", "Tree"], chance.randint(1, 3))
                points = [{"category": present[0], "x": 10.5, "y": 20.5}]
                body = {"present": present, "absent": [], "points": points,
                        "timing": {"wall_ms": 8000}}  # fmt: skip
                self._submit(api, image, key, body)
                self._ended.wait(0.3)

    def _submit(self, api: httpx.Client, image: int, key: str, body: dict[str, Any]) -> None:
        while not self._ended.is_set():
            with suppress(httpx.TransportError):
                answer = api.put(
                    f"/api/v1/images/{image}/label", json=body, headers={"Idempotency-Key": key}
                )
                if answer.is_success:
                    self.acknowledged[key] = image
                    return
                if answer.status_code < 500:
                    self.refused.append(answer.text)
                    return
            self._ended.wait(0.1)


class Watch:
    """Looks all the time whether two trainers work on one run."""

    def __init__(self, site: Site) -> None:
        self._site, self._ended = site, threading.Event()
        self.doubled: list[str] = []
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> "Watch":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._ended.wait(POLL):
            doubled = {f: pids for f, pids in self._site.trainers().items() if len(pids) > 1}
            # One that was killed may take a moment to be gone.
            time.sleep(POLL)
            self.doubled += [
                f"{folder}: {pids}"
                for folder, pids in self._site.trainers().items()
                if len(pids & doubled.get(folder, set())) > 1
            ]


@dataclass
class Hit:
    """What a fault acts on."""

    site: Site
    run_id: int
    trainer: int
    chance: random.Random


Fault = Callable[[Hit], None]


def kill_web(hit: Hit) -> None:
    hit.site.kill("web")


def kill_worker(hit: Hit) -> None:
    hit.site.kill("worker")


def kill_trainer(hit: Hit) -> None:
    with suppress(ProcessLookupError):
        os.kill(hit.trainer, signal.SIGKILL)


def kill_all(hit: Hit) -> None:
    hit.site.kill(*hit.site.processes)
    kill_trainer(hit)


def _stop(pid: int, until: Callable[[], object]) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGSTOP)
        try:
            until()
        finally:
            os.kill(pid, signal.SIGCONT)


def stop_web(hit: Hit) -> None:
    site = hit.site
    _stop(site.processes["web"].pid, lambda: wait_for(lambda: not site.is_ready(), "silence"))


def stop_worker(hit: Hit) -> None:
    """So long that another worker takes its run; then it wakes up, and is told to leave."""
    site = hit.site

    def lost() -> int:
        return int(site.rows(f"SELECT interruptions FROM runs WHERE id = {hit.run_id}")[0][0])

    before, stopped = lost(), site.processes["worker"]
    site.start("worker")
    try:
        _stop(stopped.pid, lambda: wait_for(lambda: lost() != before, "the run to be taken away"))
    finally:
        stop(stopped)


def stop_trainer(hit: Hit) -> None:
    _stop(hit.trainer, lambda: time.sleep(hit.chance.uniform(0.1, 1)))


def empty_redis(hit: Hit) -> None:
    assert hit.site.broker
    flush(hit.site.broker)


def restart_postgres(hit: Hit) -> None:
    assert hit.site.postgres
    hit.site.postgres.stop()
    wait_for(lambda: not hit.site.is_ready(), "not ready without the database")
    hit.site.postgres.start()


def full_disk(hit: Hit) -> None:
    """The trainer can write no more than a few bytes to any file, until it has ended."""
    hit.site.limit_files(hit.run_id, 100)
    _await_end(hit)


def _await_end(hit: Hit) -> None:
    wait_for(lambda: hit.site.trainer_of(hit.run_id) != hit.trainer, "the trainer's end")


def no_folder(hit: Hit) -> None:
    """A file is where the run's results are to be stored."""
    folder = hit.site.data / "files" / "runs"
    aside = folder.with_name("runs.aside")
    if folder.exists():
        folder.rename(aside)
    folder.write_bytes(b"")
    try:
        _await_end(hit)
    finally:
        folder.unlink()
        if aside.exists():
            aside.rename(folder)


def cut_state(hit: Hit) -> None:
    kill_trainer(hit)
    for path in (hit.site.run_folder(hit.run_id) / "checkpoints").glob("training-state.*"):
        os.truncate(path, path.stat().st_size // hit.chance.choice([2, 10, 10**9]))


def cut_checkpoint(hit: Hit) -> None:
    kill_trainer(hit)
    saved = sorted((hit.site.run_folder(hit.run_id) / "checkpoints").glob("step-*.safetensors"))
    for path in saved[-1:]:
        os.truncate(path, path.stat().st_size // 2)


def lose_description(hit: Hit) -> None:
    kill_trainer(hit)
    for path in (hit.site.run_folder(hit.run_id) / "checkpoints").glob("step-*.json"):
        path.unlink()


def cut_broker(hit: Hit) -> None:
    """Messages and tables of queues are cut short, and the worker is killed."""
    broker = hit.site.data / "broker"
    for path in [*broker.glob("control/*.exchange"), *broker.glob("messages/*.msg")]:
        with suppress(FileNotFoundError):
            os.truncate(path, path.stat().st_size // 2)
    kill_worker(hit)


EVERYWHERE: tuple[Fault, ...] = (
    kill_trainer, kill_worker, cut_state, stop_worker, kill_web, full_disk, cut_checkpoint,
    kill_all, no_folder, stop_web, stop_trainer, lose_description,
)  # fmt: skip
TEAM: tuple[Fault, ...] = (*EVERYWHERE, empty_redis, restart_postgres)
EMBEDDED: tuple[Fault, ...] = (*EVERYWHERE, cut_broker)


@dataclass
class Outcome:
    """One round."""

    number: int
    fault: str
    seconds: float
    labels: int
    """Acknowledged so far."""
    broken: list[str] = field(default_factory=list)


class Rounds:
    """Hits a site, one fault after another, and looks what became of it."""

    def __init__(self, site: Site, seed: int) -> None:
        self._site, self._chance = site, random.Random(seed)
        self._labellers, self._watch = Labellers(site, seed), Watch(site)
        self._run_id: int | None = None
        self._runs: list[int] = []

    @contextmanager
    def labelling(self) -> Iterator[None]:
        with self._labellers, self._watch:
            yield

    def play(self, number: int, fault: Fault) -> Outcome:
        """One round; what is broken after it is in the outcome."""
        began = time.monotonic()
        broken: list[str] = []
        try:
            hit = self._training()
            fault(hit)
            self._recover()
            broken += self._check()
        except AssertionError as error:
            broken.append(str(error))
        seconds, labels = time.monotonic() - began, len(self._labellers.acknowledged)
        return Outcome(number, fault.__name__, seconds, labels, broken)

    def end(self) -> list[str]:
        """Let the last run succeed; what is broken then."""
        try:
            if self._run_id is not None:
                self._await_success(self._run_id)
            return [*self._check(), *self._unreachable()]
        except AssertionError as error:
            return [str(error)]

    def _training(self) -> Hit:
        """A run that trains, at some moment of it; a new one when the last has ended well."""
        at_step = self._chance.randint(1, 10)
        labels = self._labellers
        wait_for(lambda: len(labels.acknowledged) > 2 or labels.refused, "labels to train on")

        def look() -> Hit | None:
            run_id = self._go_on()
            trainer = self._site.trainer_of(run_id)
            if trainer and self._site.run(run_id)["step"] >= at_step:
                return Hit(self._site, run_id, trainer, self._chance)
            return None

        return wait_for(look, "a training")

    def _go_on(self) -> int:
        if self._run_id is not None:
            state = self._site.run(self._run_id)["state"]
            if state in STOPPED:
                self._site.post(f"/api/v1/runs/{self._run_id}/resume")
            if state != "succeeded":
                return self._run_id
        answer = self._site.post(f"/api/v1/projects/{self._site.project}/runs", RUN)
        assert answer.status_code == 201, answer.text
        self._run_id = int(answer.json()["id"])
        self._runs.append(self._run_id)
        return self._run_id

    def _recover(self) -> None:
        """All is up again, and labels are taken again."""
        self._site.start_missing()
        wait_for(self._site.is_ready, "ready again")
        before = len(self._labellers.acknowledged)
        wait_for(
            lambda: len(self._labellers.acknowledged) > before or self._labellers.refused,
            "a label after the fault",
        )

    def _await_success(self, run_id: int) -> None:
        def look() -> bool:
            self._site.start_missing()
            state = self._site.run(run_id)["state"]
            if state in STOPPED:
                self._site.post(f"/api/v1/runs/{run_id}/resume")
            return bool(state == "succeeded")

        wait_for(look, f"the success of run {run_id}")

    def _check(self) -> list[str]:
        return [*self._lost_labels(), *self._watch.doubled, *self._labellers.refused,
                *self._without_model()]  # fmt: skip

    def _lost_labels(self) -> Iterator[str]:
        acknowledged = dict(self._labellers.acknowledged)
        query = "SELECT idempotency_key, image_id FROM labels WHERE idempotency_key IS NOT NULL"
        stored: dict[str, list[int]] = {}
        for key, image in self._site.rows(query):
            stored.setdefault(key, []).append(image)
        for key, image in acknowledged.items():
            if stored.get(key) != [image]:
                yield f"label {key} of image {image} is there as {stored.get(key, [])}"

    def _without_model(self) -> Iterator[str]:
        for run_id in self._runs:
            if self._site.run(run_id)["state"] != "succeeded":
                continue
            saved = self._site.get(f"/api/v1/runs/{run_id}/checkpoints")
            selected = [each for each in saved if each["selected"]]
            if len(selected) != 1:
                yield f"run {run_id} succeeded with {len(selected)} selected checkpoints"
                continue
            content = self._site.api.get(selected[0]["url"], timeout=60).content
            if hashlib.sha256(content).hexdigest() != selected[0]["sha256"]:
                yield f"run {run_id}: the selected checkpoint does not have its hash"

    def _unreachable(self) -> Iterator[str]:
        project = self._site.project
        for image in self._site.get(f"/api/v1/projects/{project}/images")["items"]:
            answer = self._site.api.get(f"/api/v1/images/{image['id']}/file")
            if not answer.is_success:
                yield f"image {image['id']} answers {answer.status_code}"
        leases = self._site.post(f"/api/v1/projects/{project}/leases", {"count": 1})
        if not leases.is_success:
            yield f"no image is to be had: {leases.text}"


def orphans(data: Path) -> list[str]:
    """Processes that are left once everything was stopped."""
    with suppress(AssertionError):
        wait_for(lambda: not left_over(data), "the end of all processes", 30)
    return [f"process {pid} is left" for pid in left_over(data)]
