"""A whole simulation: accounts, a project and its masks, rounds of labelling, and runs in between."""

import asyncio
import secrets
from collections.abc import (
    AsyncIterator,
    Callable,
    Coroutine,
    Iterable,
    Mapping,
    Sequence,
)
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from trainer.annotators.api import Api, Latencies, Refused, connect
from trainer.annotators.labelling import Annotator, Job, Tally
from trainer.annotators.mistakes import NONE, Mistakes
from trainer.annotators.person import Person
from trainer.annotators.times import TimeModel, fit_times, parse_labels, read_times
from trainer.contract import DatasetCard, Supervision
from trainer.contract.lines import lines_of
from trainer.data.marking import Question
from trainer.data.views import Views
from trainer.errors import BadInput

FROM_PROJECT = "project"
"""Times that are fitted to the labels which the project has."""
POLL_SECONDS = 2.0
ENDED = ("succeeded", "failed", "cancelled")


@dataclass(frozen=True)
class Runs:
    """Which runs are asked for, and after how many labels."""

    after: tuple[int, ...]
    supervisions: tuple[Supervision, ...]
    recipe: str | None = None
    overrides: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Simulation:
    """What is to be simulated."""

    address: str
    project: str
    """Name or number."""
    cards: tuple[DatasetCard, ...]
    token: str | None = None
    email: str | None = None
    password: str | None = None
    annotators: int = 4
    labels: int | None = None
    speed: float = 0.0
    times: str = "literature"
    mistakes: Mistakes = NONE
    seed: int = 0
    sweeps: bool = False
    fetches_pictures: bool = True
    accounts: str = "simulated"
    runs: Runs | None = None


Note = Callable[[int, int | None], object]
"""Told (done, of how many; None where nobody knows)."""


def _nobody(_done: int, _total: int | None) -> None:
    """Nobody wants to know."""


@dataclass(frozen=True)
class Watch:
    """Whom to tell of progress."""

    masks: Note = _nobody
    sign_in: Note = _nobody
    labels: Note = _nobody
    runs: Note = _nobody


@dataclass(frozen=True)
class Outcome:
    """What a simulation came to."""

    tally: Tally
    latencies: Latencies
    seconds: float
    """Of labelling, by the clock on the wall here."""
    runs: list[dict[str, Any]]
    """The runs that were waited for, as the server tells of them."""
    accuracy_page: str | None = None
    """Where people see what the runs came to."""


async def simulate(wanted: Simulation, watch: Watch) -> Outcome:
    """Label a project as people would.

    Raises:
        BadInput: an unknown project, masks or times that cannot be read, too few rights, or a server
            that cannot be reached.
    """
    latencies = Latencies()
    async with AsyncExitStack() as stack:
        lead = await _entered(stack, wanted, latencies)
        project = await _find_project(lead, wanted.project)
        question = Question.of_project(project)
        times = await _times(lead, project, wanted.times)
        views = await asyncio.to_thread(Views, wanted.cards, question.categories, watch.masks)
        tally = Tally(note=lambda so_far: watch.labels(*_progress(so_far, project, wanted)))
        job = Job(
            project["id"], question, views, wanted.speed, wanted.fetches_pictures, tally
        )  # fmt: skip
        apis = await _people(stack, lead, project, wanted, watch)
        people = [
            Annotator(api, Person(number, times, wanted.mistakes, wanted.seed), job)
            for number, api in enumerate(apis)
        ]
        loop = asyncio.get_running_loop()
        begun = loop.time()
        if wanted.sweeps:
            await together(each.sweep(question.categories) for each in people)
        elif wanted.runs is None:
            tally.limit = wanted.labels
            await together(each.label() for each in people)
        else:
            queued = await _label_and_queue(lead, project, people, job, wanted)
            seconds = loop.time() - begun
            ended = await _waited(lead, project["id"], queued, watch)
            return Outcome(tally, latencies, seconds, ended, _accuracy_page(wanted, project))
        return Outcome(tally, latencies, loop.time() - begun, [])


def _progress(tally: Tally, project: dict[str, Any], wanted: Simulation) -> tuple[int, int | None]:
    if wanted.sweeps:
        return tally.sweeps, None
    left = project["images"]["answers_wanted"] - project["images"]["answers"]
    return tally.labels + tally.skipped, wanted.labels if wanted.labels is not None else left


async def together(works: Iterable[Coroutine[Any, Any, None]]) -> None:
    """Do all at once; when one fails or all are cancelled, none goes on.

    Raises:
        what the first raised that failed, once the others have given back what they held.
    """
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _entered(stack: AsyncExitStack, wanted: Simulation, latencies: Latencies) -> Api:
    """The caller's own connection."""
    api = connect(wanted.address, latencies, wanted.token)
    await stack.enter_async_context(api.client)
    if wanted.token is None:
        if not (wanted.email and wanted.password):
            raise BadInput("give --token, or --email and a password")
        await _sign_in(stack, api, wanted.email, wanted.password)
    return api


async def _sign_in(stack: AsyncExitStack, api: Api, email: str, password: str) -> None:
    await api.post("/session", {"email": email, "password": password}, "sign in")
    stack.push_async_callback(api.send, "DELETE", "/session", "sign out")


async def _find_project(api: Api, name_or_number: str) -> dict[str, Any]:
    projects = await api.get("/projects", "projects")
    for field_name in ("name", "id"):
        for project in projects:
            if str(project[field_name]) == name_or_number:
                return dict(await api.get(f"/projects/{project['id']}", "project"))
    known = ", ".join(project["name"] for project in projects) or "none"
    raise BadInput(f"there is no project {name_or_number!r}; known are: {known}")


async def _times(lead: Api, project: dict[str, Any], text: str) -> TimeModel:
    if text != FROM_PROJECT:
        return read_times(text)
    where = f"project {project['name']!r}"
    try:
        snapshot = await lead.post(f"/projects/{project['id']}/snapshots", kind="snapshot")
    except Refused as refusal:
        raise BadInput(f"{where}: its labels' times: {refusal}") from refusal
    content = await lead.get(snapshot["url"].removeprefix("/api/v1"), "labels")
    return fit_times(parse_labels(lines_of(content), where), where)


async def _people(
    stack: AsyncExitStack,
    lead: Api,
    project: dict[str, Any],
    wanted: Simulation,
    watch: Watch,
) -> Sequence[Api]:
    """A connection for each annotator: an admin makes accounts for them, others label themselves.

    In a project that is not open to everybody they become members.
    """
    me = await lead.get("/me", "me")
    if me["role"] != "admin" or "admin" not in me["scopes"]:
        if wanted.annotators > 1:
            raise BadInput("--annotators: several need accounts, which an admin makes for them")
        return [lead]
    accounts = {user["email"]: user["id"] for user in await lead.get("/users", "accounts")}
    apis = []
    for number in range(1, wanted.annotators + 1):
        email = f"{wanted.accounts}-{number:02d}@annotators.invalid"
        password = secrets.token_urlsafe(24)
        fields = {"password": password, "must_change": False}
        if email in accounts:
            change = f"/users/{accounts[email]}"
            await lead.send("PATCH", change, "account", json={**fields, "active": True})
        else:
            await lead.post("/users", {"email": email, "role": "annotator", **fields}, "account")
        if not project["open_to_everybody"]:
            await _join(lead, project["id"], email)
        api = connect(wanted.address, lead.latencies)
        await stack.enter_async_context(api.client)
        await _sign_in(stack, api, email, password)
        apis.append(api)
        watch.sign_in(number, wanted.annotators)
    return apis


async def _join(lead: Api, project_id: int, email: str) -> None:
    body = {"email": email, "role": "annotator"}
    try:
        await lead.post(f"/projects/{project_id}/members", body, "member")
    except Refused as refusal:
        if refusal.code != "member-already":
            raise


async def _label_and_queue(
    lead: Api, project: dict[str, Any], people: Sequence[Annotator], job: Job, wanted: Simulation
) -> list[int]:
    """Label up to each of the counts, and ask for the runs of each. Gives the ids of the runs."""
    runs = wanted.runs or Runs((), ())
    queued: list[int] = []
    last = wanted.labels
    stops = [count for count in sorted(runs.after) if last is None or count <= last]
    async with _no_automatic_runs(lead, project):
        for count in stops:
            job.tally.limit = count
            await together(each.label() for each in people)
            queued += await _queue(lead, project["id"], runs, is_first=not queued)
    if last is None or last > job.tally.labels:
        job.tally.limit = last
        await together(each.label() for each in people)
    return queued


async def _queue(lead: Api, project_id: int, runs: Runs, *, is_first: bool) -> list[int]:
    """Runs that learn from no label are asked for once."""
    ids = []
    for supervision in runs.supervisions:
        if not (is_first or supervision.is_oracle):
            continue
        body = {
            "recipe": runs.recipe,
            "supervision": supervision.value,
            "overrides": dict(runs.overrides),
        }
        run = await lead.post(f"/projects/{project_id}/runs", body, "run")
        ids.append(int(run["id"]))
    return ids


@asynccontextmanager
async def _no_automatic_runs(lead: Api, project: dict[str, Any]) -> AsyncIterator[None]:
    """The project's own runs would come between those that are asked for."""
    before, path = project["retrain_after"], f"/projects/{project['id']}"
    if before is None:
        yield
        return
    await lead.send("PATCH", path, "project", json={"retrain_after": None})
    try:
        yield
    finally:
        await lead.send("PATCH", path, "project", json={"retrain_after": before})


def _accuracy_page(wanted: Simulation, project: dict[str, Any]) -> str:
    return f"{wanted.address.rstrip('/')}/projects/{project['id']}/accuracy"


async def _waited(
    lead: Api, project_id: int, ids: Sequence[int], watch: Watch
) -> list[dict[str, Any]]:
    """The runs once all of them have ended."""
    while True:
        # One request for all: each of a run alone would bring its configuration and report too.
        listed = {run["id"]: run for run in await lead.get(f"/projects/{project_id}/runs", "runs")}
        if gone := [number for number in ids if number not in listed]:
            raise BadInput(f"run {gone[0]} is not there any more")
        runs = [listed[number] for number in ids]
        total = sum(run["steps"] for run in runs)
        done = sum(run["steps"] if run["state"] in ENDED else run["step"] for run in runs)
        watch.runs(done, total)
        if all(run["state"] in ENDED for run in runs):
            return runs
        await asyncio.sleep(POLL_SECONDS)
