"""Projects: creation, change, and how far each one is."""

import threading
from collections import OrderedDict
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, time
from statistics import median

from sqlalchemy import ColumnElement, Select, and_, bindparam, case, func, inspect, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import set_committed_value

from server.db import Base, utcnow
from server.errors import BadInput, Conflict, NotFound
from server.models import AuditEvent, Category, GoldSet, Image, Label, Project
from server.models.image import ImageState
from server.models.member import MemberRole
from server.models.project import SEEN
from server.queue import send_after_commit
from server.schemas.project import (
    AnnotatorPace,
    ProjectChange,
    ProjectIn,
    SkipCount,
)
from server.services import audit, categories, datasets, members
from server.services.audit import Thing
from trainer.contract.names import comparable
from trainer.recipes import RECIPES


def create(session: Session, wanted: ProjectIn, creator_id: int | None = None) -> Project:
    """A new project, which its creator leads.

    Raises Conflict when the name is taken, BadInput for unknown names in it.
    """
    settings = wanted.model_dump(exclude={"categories"})
    _refuse_unknown_names(settings)
    project = Project(**settings)
    _refuse_two_overlaps(project)
    project.categories = categories.make(wanted.categories)
    session.add(project)
    _flush(session, wanted.name)
    said = _settings(project, settings)
    audit.record(session, AuditEvent.PROJECT_MADE, _thing(project), after=said)
    if creator_id is not None:
        members.join(session, project, creator_id, MemberRole.LEAD)
    return project


WORDS = frozenset({"name", "description"})
"""What people write: the audit log has that it changed, and not what it says."""


def _thing(project: Project) -> Thing:
    return Thing("project", project.id, project.id)


def _settings(project: Project, names: Iterable[str]) -> dict[str, object]:
    """A project's settings of these names as the audit log has them; of categories their ids."""
    said: dict[str, object] = {name: getattr(project, name) for name in names if name not in WORDS}
    return said | {"categories": [category.id for category in project.categories]}


def _flush(session: Session, name: str) -> None:
    try:
        session.flush()
    except IntegrityError as error:
        raise Conflict(f"there is already a project {name!r}", code="name-taken") from error


def _refuse_unknown_names(settings: dict[str, object]) -> None:
    recipe = settings.get("recipe")
    if recipe is not None and recipe not in RECIPES:
        raise BadInput(f"recipe: there is no recipe {recipe!r}; there are {', '.join(RECIPES)}")
    for field in ("source", "validation"):
        name = settings.get(field)
        if isinstance(name, str):
            try:
                datasets.get(name)
            except NotFound as error:
                raise BadInput(f"{field}: {error.detail}") from error


def get(session: Session, project_id: int) -> Project:
    """Raises NotFound."""
    project = session.get(Project, project_id)
    if project is None or project.deleted_at is not None:
        raise missing(project_id)
    # A session forgets what nobody holds, and a request asks for its project several times.
    session.info.setdefault("projects", {})[project_id] = project
    return project


def require_open(project: Project) -> Project:
    """The project, in which work is done. Raises Conflict `archived`."""
    if project.archived_at is not None:
        raise Conflict("this project is archived: nothing is done in it", code="archived")
    return project


def missing(project_id: int) -> NotFound:
    """NotFound for an unknown project id."""
    return NotFound(f"there is no project {project_id}")


KEPT = 64
"""Projects that a process keeps in memory."""
_kept: OrderedDict[int, Project] = OrderedDict()
_guard = threading.Lock()
_VERSION = select(Project.version).where(Project.id == bindparam("project"))


def seen(session: Session, project_id: int, version: str | None = None) -> Project:
    """A project with its categories, to be looked at alone: nothing that is changed on it is stored.

    It is the same for all who ask for it, and is read again once it has another version; who has
    read that in this transaction hands it in. Raises NotFound.
    """
    seen_here: dict[int, Project] = session.info.setdefault(SEEN, {})
    if project_id not in seen_here:
        version = version or session.scalar(_VERSION, {"project": project_id})
        if version is None:
            raise missing(project_id)
        seen_here[project_id] = _keep(session, project_id, version)
    return seen_here[project_id]


def _keep(session: Session, project_id: int, version: str) -> Project:
    with _guard:
        kept = _kept.get(project_id)
        if kept is not None and kept.version == version:
            _kept.move_to_end(project_id)
            return kept
    copy = _copy(get(session, project_id))
    with _guard:
        _kept[project_id] = copy
        _kept.move_to_end(project_id)
        if len(_kept) > KEPT:
            _kept.popitem(last=False)
    return copy


def _copy(project: Project) -> Project:
    copy = Project(**_columns(project))
    copy.categories = [Category(**_columns(category)) for category in project.categories]
    gold_set = project.gold_set and GoldSet(**_columns(project.gold_set))
    set_committed_value(copy, "gold_set", gold_set)
    return copy


def _columns(row: Base) -> dict[str, object]:
    return {column.key: getattr(row, column.key) for column in inspect(type(row)).column_attrs}


def category_id(project: Project, name: str) -> int:
    """Raises BadInput `unknown-category`."""
    for category in project.categories:
        if comparable(category.name) == comparable(name):
            return category.id
    raise BadInput(f"there is no category {name!r} in this project", code="unknown-category")


def list_all(session: Session, project_ids: Collection[int] | None = None) -> list[Project]:
    """All projects, or some of them, newest first."""
    query = select(Project).where(Project.deleted_at.is_(None)).order_by(Project.id.desc())
    if project_ids is not None:
        query = query.where(Project.id.in_(project_ids))
    return list(session.scalars(query))


def find_by_name(session: Session, name: str) -> Project | None:
    """The project of exactly this name."""
    named = select(Project).where(Project.name == name, Project.deleted_at.is_(None))
    return session.scalar(named)


def change(session: Session, project_id: int, wanted: ProjectChange) -> Project:
    """Change the fields that were sent; null takes a source, validation set or policy away.

    Raises NotFound, BadInput for what can not be, Conflict for a taken name and for categories
    that labels name.
    """
    project = get(session, project_id)
    changes = wanted.model_dump(exclude_unset=True)
    may_be_null = {"source", "validation", "retrain_after", "stop_below", "overlap_first"}
    if wrong := [f for f, v in changes.items() if v is None and f not in may_be_null]:
        raise BadInput(f"{wrong[0]}: can not be null")
    _refuse_unknown_names(changes)
    changes.pop("categories", None)
    if (is_archived := changes.pop("archived", None)) is not None:
        _archive(session, project, is_archived)
    with _noted(session, project, changes, wanted.categories is not None):
        if wanted.categories is not None:
            categories.change(session, project, wanted.categories)
        if project.open_to_everybody and changes.get("open_to_everybody") is False:
            members.close(session, project)
        if changes.get("idle_after_s", project.idle_after_s) != project.idle_after_s:
            project.retime_since = utcnow()
            send_after_commit(session, "retime", project.id)
        if "order" in changes:
            send_after_commit(session, "prioritise")
        if changes.get("overlap_first"):
            # Imports wait, or this for them: then all images are there that are to be counted.
            session.refresh(project, OVERLAP, with_for_update={"key_share": True})
        _set(session, project, changes)
        _flush(session, project.name)
    return project


def _set(session: Session, project: Project, changes: Mapping[str, object]) -> None:
    first_before = project.overlap_first
    for field, value in changes.items():
        setattr(project, field, value)
    _refuse_two_overlaps(project)
    if project.overlap_first != first_before:
        project.overlap_until = last_of_first(session, project)


OVERLAP = ("overlap", "overlap_share", "overlap_first", "overlap_until")
"""What says how many people label an image."""


def overlap_of(project: Project) -> tuple[object, ...]:
    """What of a project says how many people label each image: while it stays, they stay."""
    return tuple(getattr(project, name) for name in OVERLAP)


def last_of_first(session: Session, project: Project) -> int | None:
    """The last of the first images that several people are to label; None: there are fewer."""
    if project.overlap_first is None:
        return None
    own = select(Image.id).where(Image.is_own_of(project.id), Image.state != ImageState.REJECTED)
    return session.scalar(own.order_by(Image.id).offset(project.overlap_first - 1).limit(1))


def _refuse_two_overlaps(project: Project) -> None:
    if project.overlap_first is not None and project.overlap_share != 1:
        raise BadInput("overlap_share: with overlap_first there is no share, and this has to be 1")


@contextmanager
def _noted(
    session: Session, project: Project, changes: Mapping[str, object], has_categories: bool
) -> Iterator[None]:
    """Write into the audit log what becomes of a project's settings meanwhile, if anything."""
    names = [name for name in changes if name not in WORDS]
    written = [name for name in WORDS & changes.keys() if changes[name] != getattr(project, name)]
    before = _settings(project, names)
    yield
    was, is_now = audit.changes(before, _settings(project, names))
    if is_now or written or has_categories:
        said = sorted(written) + ["categories"] * has_categories
        is_now |= {"written": said}
        audit.record(
            session, AuditEvent.SETTINGS_CHANGED, _thing(project), before=was, after=is_now
        )


def _archive(session: Session, project: Project, is_archived: bool) -> None:
    if is_archived == (project.archived_at is not None):
        return
    before, after = {"archived": not is_archived}, {"archived": is_archived}
    project.archived_at = utcnow() if is_archived else None
    audit.record(session, AuditEvent.SETTINGS_CHANGED, _thing(project), before=before, after=after)


def pace(session: Session, project_id: int, annotator_id: int) -> AnnotatorPace:
    """One's own labels of whole images, and times; skips are not counted as labels."""
    get(session, project_id)
    spent = session.scalar(select(func.sum(Label.active_ms)).where(_own(project_id, annotator_id)))
    whole = session.execute(_whole_labels(project_id, annotator_id)).all()
    midnight = datetime.combine(utcnow().date(), time.min, tzinfo=UTC)
    return AnnotatorPace(
        labels=len(whole),
        active_ms=spent or 0,
        median_active_ms=round(median(active_ms for active_ms, _ in whole)) if whole else None,
        labels_today=sum(labelled_at >= midnight for _, labelled_at in whole),
    )


def _own(project_id: int, annotator_id: int) -> ColumnElement[bool]:
    return and_(Label.project_id == project_id, Label.annotator_id == annotator_id)


def _whole_labels(project_id: int, annotator_id: int) -> Select[int, datetime]:
    """Of images labelled as a whole: the time spent on all revisions, and since when."""
    first_whole = func.min(case((Label.partial.is_(False), Label.created_at)))
    counts = and_(Label.has_answers(), Label.partial.is_(False))
    return (
        select(func.sum(Label.active_ms), first_whole)
        .where(_own(project_id, annotator_id))
        .group_by(Label.image_id)
        .having(func.sum(case((counts, 1), else_=0)) > 0)
    )


def skips(session: Session, project_id: int) -> list[SkipCount]:
    """How often images were skipped for each reason, the most frequent first; at most 100."""
    get(session, project_id)
    count = func.count()
    rows = session.execute(
        select(Label.skipped, count)
        .where(
            Label.project_id == project_id,
            Label.current,
            Label.skipped.is_not(None),
            Label.gold.is_(False),
        )
        .group_by(Label.skipped)
        .order_by(count.desc(), Label.skipped)
        .limit(100)
    )
    return [SkipCount(reason=reason or "", skips=n) for reason, n in rows]
