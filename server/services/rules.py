"""Rules of projects: published in versions, read by everybody in the project, with pictures.

A version is a whole: who was shown it was shown every text of it. Which one a label was given under is
the newest that its annotator had been shown by then.
"""

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import delete, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from server.db import session_scope, utcnow
from server.errors import BadInput, Conflict, NotFound
from server.models import (
    AuditEvent,
    Project,
    RulesPicture,
    RulesReading,
    RulesVersion,
    User,
)
from server.models.rules import Section
from server.pictures import BadPicture, scaled, verify_picture
from server.schemas.rules import (
    RulesIn,
    RulesOut,
    RulesPictureOut,
    RulesReaderOut,
    RulesVersionOut,
    SectionIn,
    SectionOut,
    ShownPictureOut,
)
from server.services import audit, projects, removals
from server.services.audit import Thing
from server.settings import get_settings
from server.storage import get_storage

WIDEST = 1600
"""Pixels: a wider picture is kept scaled down to that."""
MOST_PICTURES = 500
"""Of a project, in all versions."""
UNUSED_FOR = timedelta(days=1)
"""After that a picture goes that was uploaded and never published."""
AT_ONCE_SECONDS = 1.0


def current(session: Session, project_id: int) -> RulesVersion | None:
    """The rules as they are now; None where none were published."""
    newest = RulesVersion.version.desc()
    of_project = select(RulesVersion).where(RulesVersion.project_id == project_id)
    return session.scalar(of_project.order_by(newest).limit(1))


def get(session: Session, project_id: int, version: int) -> RulesVersion:
    """Raises NotFound."""
    found = session.scalar(
        select(RulesVersion).where(
            RulesVersion.project_id == project_id, RulesVersion.version == version
        )
    )
    if found is None:
        raise NotFound(f"this project has no rules of version {version}")
    return found


def versions(
    session: Session, project_id: int, before: int | None, limit: int
) -> list[RulesVersion]:
    """The versions below one, newest first."""
    query = select(RulesVersion).where(RulesVersion.project_id == project_id)
    if before is not None:
        query = query.where(RulesVersion.version < before)
    return list(session.scalars(query.order_by(RulesVersion.version.desc()).limit(limit)))


def describe_version(version: RulesVersion, *, is_for_lead: bool) -> RulesVersionOut:
    """Which version it is, without what it says."""
    author = version.author.email if is_for_lead else None
    return RulesVersionOut.from_row(version, author=author)


def describe(
    session: Session, project_id: int, version: RulesVersion | None, user_id: int, *, leads: bool
) -> RulesOut:
    """A version as somebody reads it, with the names that categories have now."""
    project = projects.get(session, project_id)
    if version is None:
        return RulesOut(version=0, created_at=None, author=None, seen=True, sections=[])
    names = {category.id: category.name for category in project.categories}
    of_project = select(RulesPicture).where(RulesPicture.project_id == project_id)
    pictures = {picture.id: picture for picture in session.scalars(of_project)}
    seen = session.get(RulesReading, (version.id, user_id)) is not None
    head = describe_version(version, is_for_lead=leads)
    sections = [_section_out(section, names, pictures) for section in version.sections]
    return RulesOut(**head.model_dump(), seen=seen, sections=sections)


def _section_out(
    section: Section, names: dict[int, str], pictures: dict[int, RulesPicture]
) -> SectionOut:
    category_id = section["category_id"]
    shown = []
    for each in section["pictures"]:
        picture = pictures.get(each["picture_id"])
        out = None if picture is None else RulesPictureOut.of(picture)
        shown.append(ShownPictureOut(caption=each["caption"], picture=out))
    return SectionOut(
        category=None if category_id is None else names.get(category_id, section["category"]),
        category_id=category_id,
        text=section["text"],
        pictures=shown,
    )


def publish(session: Session, project_id: int, author_id: int, wanted: RulesIn) -> RulesVersion:
    """Make the next version, which its author has seen; where it says the same as the one before, it is that one.

    Raises NotFound, BadInput for a category or a picture that is not the project's, Conflict
    `rules-changed` where somebody else has published meanwhile.
    """
    project = projects.get(session, project_id)
    before = current(session, project_id)
    number = before.version if before else 0
    if wanted.based_on != number:
        raise _changed(number)
    sections = _sections(project, wanted.sections)
    if before is not None and before.sections == sections:
        return before
    _show_pictures(session, project_id, sections, number + 1)
    made = RulesVersion(
        project_id=project_id, version=number + 1, sections=sections, author_id=author_id
    )
    session.add(made)
    try:
        session.flush()
    except IntegrityError as error:
        raise _changed(number + 1) from error
    session.add(RulesReading(rules_id=made.id, user_id=author_id))
    _forget_unused(session, project_id)
    audit.record(
        session,
        AuditEvent.RULES_CHANGED,
        Thing("project", project_id, project_id),
        before={"version": number},
        after={"version": made.version},
    )
    session.refresh(made)
    return made


def _changed(number: int) -> Conflict:
    return Conflict(
        f"somebody else has published version {number} meanwhile; read it first",
        code="rules-changed",
    )


def _sections(project: Project, wanted: Sequence[SectionIn]) -> list[Section]:
    """What is said, the project's own first and then by category; what says nothing is left out."""
    places = {category.id: category.position for category in project.categories}
    names = {category.id: category.name for category in project.categories}
    found: list[Section] = []
    for section in wanted:
        if section.is_empty:
            continue
        category = section.category
        category_id = None if category is None else projects.category_id(project, category)
        found.append(
            {
                "category_id": category_id,
                "category": None if category_id is None else names[category_id],
                "text": section.text,
                "pictures": [
                    {"picture_id": each.id, "caption": each.caption} for each in section.pictures
                ],
            }
        )
    return sorted(found, key=lambda each: places.get(each["category_id"] or 0, -1))


def _show_pictures(
    session: Session, project_id: int, sections: Sequence[Section], version: int
) -> None:
    """Note the version that shows pictures first. Raises BadInput for one that is not there."""
    ids = {each["picture_id"] for section in sections for each in section["pictures"]}
    shown = select(RulesPicture).where(
        RulesPicture.project_id == project_id, RulesPicture.id.in_(ids)
    )
    found = {picture.id: picture for picture in session.scalars(shown.with_for_update())}
    if missing := sorted(ids - found.keys()):
        raise BadInput(f"pictures: there is no picture {missing[0]} here", code="unknown-picture")
    for picture in found.values():
        picture.first_version = picture.first_version or version


def note_seen(session: Session, project_id: int, user_id: int, version: int) -> None:
    """That a person was shown a version; the first time counts. Raises NotFound."""
    rules = get(session, project_id, version)
    if session.get(RulesReading, (rules.id, user_id)) is not None:
        return
    try:
        with session.begin_nested():
            session.add(RulesReading(rules_id=rules.id, user_id=user_id))
    except IntegrityError:
        pass  # another page of theirs has said so at this moment


def readers(session: Session, project_id: int) -> list[RulesReaderOut]:
    """Who was shown rules, with the newest version that each was, in order of addresses."""
    newest = (
        select(RulesReading.user_id, func.max(RulesVersion.version).label("version"))
        .join(RulesVersion, RulesVersion.id == RulesReading.rules_id)
        .where(RulesVersion.project_id == project_id)
        .group_by(RulesReading.user_id)
        .subquery()
    )
    rows = session.execute(
        select(RulesReading, RulesVersion, User)
        .join(RulesVersion, RulesVersion.id == RulesReading.rules_id)
        .join(User, User.id == RulesReading.user_id)
        .join(newest, newest.c.user_id == RulesReading.user_id)
        .where(RulesVersion.project_id == project_id, RulesVersion.version == newest.c.version)
        .order_by(User.email)
    )
    return [RulesReaderOut.of(reading, version, user) for reading, version, user in rows]


# --- pictures


def add_picture(project_id: int, content: bytes) -> RulesPictureOut:
    """Verify, clean and store a picture that the next version may show.

    Raises NotFound, BadInput `picture` for one that cannot be taken, Conflict `too-many-pictures`.
    """
    with session_scope(read_only=True) as session:
        projects.get(session, project_id)
    try:
        picture = verify_picture(content, get_settings())
    except BadPicture as error:
        raise BadInput(f"file: {error}", code="picture") from error
    kept, suffix, size = picture.content, picture.suffix, (picture.width, picture.height)
    if picture.width > WIDEST:
        kept, suffix = scaled(kept, WIDEST), ".webp"
        size = WIDEST, max(1, round(picture.height * WIDEST / picture.width))
    # Each has a file of its own, so that one that is deleted takes none that others need.
    key = f"projects/{project_id}/rules/{secrets.token_hex(16)}{suffix}"
    get_storage().put_bytes(key, kept)
    with session_scope() as session:
        _forget_unused(session, project_id)
        of_project = select(func.count(RulesPicture.id)).where(
            RulesPicture.project_id == project_id
        )
        if (session.scalar(of_project) or 0) >= MOST_PICTURES:
            raise Conflict(
                f"this project's rules have {MOST_PICTURES} pictures; delete some first",
                code="too-many-pictures",
            )
        made = RulesPicture(project_id=project_id, storage_key=key, width=size[0], height=size[1])
        session.add(made)
        session.flush()
        return RulesPictureOut.of(made)


def picture_key(session: Session, project_id: int, picture_id: int) -> str:
    """Where the file of a picture is in storage. Raises NotFound."""
    return _picture(session, project_id, picture_id).storage_key


def delete_picture(project_id: int, picture_id: int) -> None:
    """Delete a picture, also out of the versions that show it. Raises NotFound."""
    with session_scope() as session:
        picture = _picture(session, project_id, picture_id)
        removals.note(session, [picture.storage_key])
        session.delete(picture)
        on = Thing("rules-picture", picture_id, project_id)
        audit.record(session, AuditEvent.DELETED, on)
    removals.work(AT_ONCE_SECONDS)


def _picture(session: Session, project_id: int, picture_id: int) -> RulesPicture:
    picture = session.get(RulesPicture, picture_id)
    if picture is None or picture.project_id != project_id:
        raise NotFound(f"there is no picture {picture_id} in the rules of this project")
    return picture


def _forget_unused(session: Session, project_id: int, now: datetime | None = None) -> None:
    """Pictures that were uploaded for rules that nobody published after all."""
    old = (now or utcnow()) - UNUSED_FOR
    unused = select(RulesPicture.id, RulesPicture.storage_key).where(
        RulesPicture.project_id == project_id,
        RulesPicture.first_version.is_(None),
        RulesPicture.created_at < old,
    )
    rows = session.execute(unused).all()
    if rows:
        removals.note(session, [row.storage_key for row in rows])
        session.execute(delete(RulesPicture).where(RulesPicture.id.in_([row.id for row in rows])))
