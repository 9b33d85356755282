"""What a new project still needs: before people can label, and before a run can start."""

from datetime import timedelta
from typing import Literal, NamedTuple

from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session

from server.db import utcnow
from server.errors import WeaksegError
from server.models import Project, Run, SeenWorker
from server.models.gold import GoldState
from server.models.member import MemberRole
from server.models.run import RunState
from server.schemas.project import FirstStep, FirstSteps, ImageCounts
from server.services import datasets, members
from server.services.images import counting
from server.services.quality import gold_set

SEEN_WITHIN = timedelta(minutes=3)
"""A worker that was heard of longer ago may have gone: each says once a minute that it is there."""

State = Literal["open", "working", "problem", "done"]
_Key = Literal["images", "categories", "members", "source", "truth", "worker", "run"]
_AT_WORK = (RunState.QUEUED, RunState.RUNNING, RunState.INTERRUPTED)


class _Found(NamedTuple):
    state: State
    detail: str


def look(session: Session, project: Project) -> FirstSteps:
    """Each step and how far it is; none once a run has succeeded, which needs no more of them."""
    succeeded = exists().where(Run.project_id == project.id, Run.state == RunState.SUCCEEDED)
    if session.scalar(select(succeeded)):
        return FirstSteps(done=True, steps=[])
    found: dict[_Key, _Found] = {
        "images": _images(counting.of_projects(session, [project.id])[project.id]),
        "categories": _categories(project),
        "members": _members(session, project),
        "source": _dataset(project, project.source, "A run learns from a labelled dataset."),
        "truth": _truth(session, project),
        "worker": _worker(session),
        "run": _run(session, project),
    }
    steps = [FirstStep(key=key, state=it.state, detail=it.detail) for key, it in found.items()]
    return FirstSteps(done=False, steps=steps)


def _images(counts: ImageCounts) -> _Found:
    if counts.total == 0:
        return _Found("open", "The photographs of the target domain.")
    if counts.registered:
        checked = counts.total - counts.registered
        return _Found("working", f"{checked:,} of {counts.total:,} are checked; workers do it.")
    if counts.ready == 0:
        return _Found("problem", f"All {counts.total:,} were rejected.")
    rejected = f", {counts.rejected:,} rejected" if counts.rejected else ""
    return _Found("done", f"{counts.ready:,} checked{rejected}.")


def _categories(project: Project) -> _Found:
    number = len(project.categories)
    if number == 0:
        return _Found("open", "What people look for.")
    return _Found("done", f"{number} to look for.")


def _members(session: Session, project: Project) -> _Found:
    found = members.list_all(session, project)
    labelling = [one for one in found if one.role != MemberRole.VIEWER and one.user.active]
    if all(one.role == MemberRole.LEAD for one in labelling):
        return _Found("open", "Only who leads the project can label so far.")
    who = "one person" if len(labelling) == 1 else f"{len(labelling)} people"
    return _Found("done", f"Open to {who}.")


def _dataset(project: Project, name: str | None, purpose: str) -> _Found:
    if name is None:
        return _Found("open", purpose)
    try:
        datasets.get_usable(name, {category.name for category in project.categories})
    except WeaksegError as error:
        return _Found("problem", f"{error.detail}.")
    return _Found("done", f"{name}.")


def _truth(session: Session, project: Project) -> _Found:
    if project.validation is not None:
        return _dataset(project, project.validation, "")
    gold = gold_set.status(session, project.id)
    match gold.state:
        case GoldState.MAKING:
            return _Found("working", f"{gold.made:,} of {gold.wanted:,} gold images are made.")
        case GoldState.FAILED:
            return _Found("problem", f"Gold images: {gold.error}.")
        case None:
            return _Found("open", "Gold images measure people, a validation set measures runs.")
    return _Found("done", f"{gold.made:,} gold images.")


def _worker(session: Session) -> _Found:
    seen = session.scalar(select(func.max(SeenWorker.seen_at)))
    if seen is None:
        return _Found("open", "None was heard of yet. The command weakseg worker starts one.")
    if utcnow() - seen > SEEN_WITHIN:
        return _Found("problem", f"None was heard of since {seen:%Y-%m-%d %H:%M} UTC.")
    return _Found("done", "It answers.")


def _run(session: Session, project: Project) -> _Found:
    last = session.execute(
        select(Run.id, Run.state)
        .where(Run.project_id == project.id)
        .order_by(Run.id.desc())
        .limit(1)
    ).one_or_none()
    if last is None:
        return _Found("open", "One without labels shows what the source alone comes to.")
    if last.state in _AT_WORK:
        return _Found("working", f"Run {last.id} is {last.state}.")
    return _Found("problem", f"Run {last.id} {last.state}.")
