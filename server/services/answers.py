"""What current labels say of each category, kept beside the labels so that it can be searched."""

from sqlalchemy import ColumnElement, Exists, and_, delete, exists, insert, or_, select, update
from sqlalchemy.orm import Session, aliased

from server.db import utcnow
from server.models import Answer, Image, Label
from server.models.label import AnswerValue


def replace(session: Session, image: Image, label: Label) -> None:
    """Make a new revision the annotator's current label of the image, which must be locked.

    Brings up to date what is known of the image: whether it is labelled, and disputed. Of a gold
    image nothing is searched for.
    """
    mine = and_(Label.image_id == image.id, Label.annotator_id == label.annotator_id, Label.current)
    session.execute(delete(Answer).where(Answer.label_id.in_(select(Label.id).where(mine))))
    session.execute(update(Label).where(mine).values(current=False))
    session.add(label)
    session.flush()
    if label.gold:
        return
    rows = _rows(label)
    if rows:
        session.execute(insert(Answer), rows)
    _summarise(session, image)


def _rows(label: Label) -> list[dict[str, object]]:
    if label.skipped is not None:
        return []
    said = (
        (AnswerValue.PRESENT, label.present),
        (AnswerValue.ABSENT, label.absent),
        (AnswerValue.UNSURE, label.unsure),
    )
    return [
        {"label_id": label.id, "category_id": i, "image_id": label.image_id, "value": value.value}
        for value, ids in said
        for i in ids
    ]


def _summarise(session: Session, image: Image) -> None:
    current = and_(Label.image_id == image.id, Label.current, Label.skipped.is_(None))
    kinds = session.execute(select(Label.resolves, Label.partial).where(current)).all()
    image.labelled = not all(partial for _, partial in kinds)
    is_decided = any(resolves for resolves, _ in kinds)
    disputed = not is_decided and session.scalar(select(is_disputed(image.id)))
    image.disputed_at = (image.disputed_at or utcnow()) if disputed else None


def counts() -> ColumnElement[bool]:
    """Whether a label is one that training sees: current, no skip, not gold and not overruled.

    A reviewer's decision overrules all other labels of its image, and earlier decisions.
    """
    decision = aliased(Label)
    is_overruled = exists().where(
        decision.image_id == Label.image_id,
        decision.current,
        decision.resolves,
        or_(~Label.resolves, decision.id > Label.id),
    )
    return and_(Label.current, Label.skipped.is_(None), Label.gold.is_(False), ~is_overruled)


def is_disputed(image_id: object, category_id: int | None = None) -> Exists:
    """Whether one label calls a category present in the image and another calls it absent."""
    one, other = aliased(Answer), aliased(Answer)
    contradiction = exists().where(
        one.image_id == image_id,
        one.value == AnswerValue.PRESENT.value,
        other.image_id == one.image_id,
        other.category_id == one.category_id,
        other.value == AnswerValue.ABSENT.value,
    )
    return (
        contradiction
        if category_id is None
        else contradiction.where(one.category_id == category_id)
    )
