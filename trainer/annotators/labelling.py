"""Annotators at work on a project: leases, answers and sweeps, many people at once."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from trainer.annotators.api import Api, Refused
from trainer.annotators.person import Person
from trainer.annotators.trail import Clocked
from trainer.data.labels import ABSENT, PRESENT
from trainer.data.marking import Question
from trainer.data.views import View, Views

AHEAD = 4
"""Images that somebody holds at once."""
WAIT_SECONDS = 0.05
BEAT_SECONDS = 20.0
"""Leases are renewed at least as often."""
NO_MASK = "simulated: no mask is known of this image"
NO_LONGER_OURS = {"lease-lost", "image-taken", "not-ready"}


def _nobody(_tally: "Tally") -> None:
    """Nobody wants to know."""


@dataclass
class Tally:
    """What has been done so far, by all."""

    limit: int | None = None
    """Labels that may be given in all; None: as many as there are images."""
    note: Callable[["Tally"], object] = _nobody
    labels: int = 0
    skipped: int = 0
    lost: int = 0
    sweeps: int = 0
    active_ms: int = 0
    wall_ms: int = 0
    begun: float = field(default_factory=time.monotonic)
    _promised: int = 0

    @property
    def is_reached(self) -> bool:
        """Whether there are as many labels as there may be."""
        return self.limit is not None and self.labels + self.skipped >= self.limit

    def reserve(self, most: int) -> int:
        """How many images somebody may take, who will label them or give them back."""
        if self.limit is None:
            return most
        free = max(min(most, self.limit - self.labels - self.skipped - self._promised), 0)
        self._promised += free
        return free

    def give_back(self, count: int) -> None:
        """Images that were reserved and are not at work any more."""
        if self.limit is not None:
            self._promised -= count

    def done(self, clock: Clocked | None) -> None:
        """One label more; without a clock, an image that was skipped."""
        if clock is None:
            self.skipped += 1
        else:
            self.labels += 1
            self.add_time(clock)
        self.note(self)

    def add_time(self, clock: Clocked) -> None:
        """Time that somebody spent."""
        self.active_ms += clock.active_ms
        self.wall_ms += clock.wall_ms


@dataclass(frozen=True)
class Job:
    """What all annotators have in common."""

    project_id: int
    question: Question
    views: Views
    speed: float
    """Simulated seconds in one real one; 0: as fast as it goes."""
    fetches_pictures: bool
    tally: Tally


class Annotator:
    """A person at a browser."""

    def __init__(self, api: Api, person: Person, job: Job) -> None:
        self._api = api
        self._person = person
        self._job = job

    async def label(self) -> None:
        """Label images until there are none left, or enough are labelled."""
        job = self._job
        while not job.tally.is_reached:
            reserved = job.tally.reserve(AHEAD)
            if not reserved:  # others are at the last ones, and may yet give some back
                await asyncio.sleep(WAIT_SECONDS)
                continue
            held: list[Any] = []
            try:
                leases = f"/projects/{job.project_id}/leases"
                held = await self._api.post(leases, {"count": reserved}, "lease")
                if not held:
                    return
                job.tally.give_back(reserved - len(held))
                reserved = len(held)
                while held:
                    await self._label(held[0], [lease["id"] for lease in held])
                    held.pop(0)
                    job.tally.give_back(1)
                    reserved -= 1
            finally:
                job.tally.give_back(reserved)
                if held:
                    ids = {"lease_ids": [lease["id"] for lease in held]}
                    await self._api.post("/leases/release", ids, "release")

    async def _label(self, lease: dict[str, Any], held: Sequence[str]) -> None:
        image, job = lease["image"], self._job
        view = await asyncio.to_thread(job.views.of, image["external_id"])
        await self._look(image)
        body: dict[str, Any] = {"lease_id": lease["id"]}
        clock = None
        if view is None:
            body |= {"skipped": NO_MASK, "timing": {"wall_ms": 0}}
        else:
            answer = self._person.answer(view, job.question)
            clock = answer.clock
            body |= answer.body()
            if lease["prefill"]:
                body["prefilled_by"] = lease["prefill"]["by"]
            await self._spend(clock, lambda: self._renew(held))
        try:
            await self._api.send(
                "PUT",
                f"/images/{image['id']}/label",
                "label",
                json=body,
                headers={"Idempotency-Key": uuid4().hex},
            )
        except Refused as refusal:
            if refusal.code not in NO_LONGER_OURS:
                raise
            job.tally.lost += 1
            return
        job.tally.done(clock)

    async def sweep(self, categories: Sequence[str]) -> None:
        """Sweep each category until nothing is left of it."""
        for category in categories:
            while await self._sweep_page(category):
                pass

    async def _sweep_page(self, category: str) -> bool:
        job = self._job
        page = await self._api.post(
            f"/projects/{job.project_id}/sweeps", {"category": category}, "sweep"
        )
        if not page:
            return False
        for image in page["images"]:
            await self._look(image)
        known, unknown = await asyncio.to_thread(self._views, page["images"])
        names = f"{category}: {' '.join(view.name for _, view in known)}"
        answers, clock = self._person.sweep(
            [view for _, view in known], category, job.question, names
        )
        said = list(zip([number for number, _ in known], answers, strict=True))
        body = {
            "present": [number for number, answer in said if answer == PRESENT],
            "absent": [number for number, answer in said if answer == ABSENT],
            "unsure": [number for number, answer in said if answer not in (PRESENT, ABSENT)]
            + unknown,
            "timing": clock.body(),
        }
        await self._spend(clock, lambda: self._api.post(f"/sweeps/{page['id']}/heartbeat"))
        stored = await self._api.send("PUT", f"/sweeps/{page['id']}/answers", "answers", json=body)
        job.tally.lost += len(stored["taken"])
        job.tally.sweeps += 1
        job.tally.add_time(clock)
        job.tally.note(job.tally)
        return True

    def _views(self, images: Sequence[Any]) -> tuple[list[tuple[int, View]], list[int]]:
        """(id, view) of those whose masks are known, and the ids of the others."""
        found = [(image["id"], self._job.views.of(image["external_id"])) for image in images]
        known = [(number, view) for number, view in found if view is not None]
        return known, [number for number, view in found if view is None]

    async def _look(self, image: dict[str, Any]) -> None:
        if self._job.fetches_pictures:
            await self._api.get(image["url"].removeprefix("/api/v1"), "picture")

    async def _renew(self, held: Sequence[str]) -> Any:
        return await self._api.post("/leases/heartbeat", {"lease_ids": list(held)}, "heartbeat")

    async def _spend(self, clock: Clocked, renew: Callable[[], Any]) -> None:
        """Let the label's wall time pass, at the speed that is asked for."""
        if not self._job.speed:
            return
        until = time.monotonic() + clock.wall_ms / 1000 / self._job.speed
        while (left := until - time.monotonic()) > 0:
            await asyncio.sleep(min(left, BEAT_SECONDS))
            if left > BEAT_SECONDS:
                await renew()
