"""Making labels current; what they say of each category is kept beside them, to be searched."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from sqlalchemy import delete, insert, select, update
from sqlalchemy.orm import Session

from server.db import utcnow
from server.models import Answer, Image, Label
from server.models.label import AnswerValue


def replace(session: Session, image: Image, label: Label) -> None:
    """Make a new revision the annotator's current label of the image, which must be locked."""
    replace_all(session, [(image, label)])


def replace_all(session: Session, given: Sequence[tuple[Image, Label]]) -> None:
    """Make new revisions their annotators' current labels of images, which must be locked.

    At most one an annotator and image. Brings up to date what is known of the images: whether
    they are labelled, and disputed. Of a gold image nothing is searched for.
    """
    if not given:
        return
    _retire(session, [label for _, label in given])
    session.add_all(label for _, label in given)
    session.flush()
    own = [(image, label) for image, label in given if not label.gold]
    rows = [row for _, label in own for row in _rows(label)]
    if rows:
        session.execute(insert(Answer), rows)
    _summarise(session, {image.id: image for image, _ in own})


def _retire(session: Session, successors: Sequence[Label]) -> None:
    pairs = {(label.image_id, label.annotator_id) for label in successors}
    current = select(Label.id, Label.image_id, Label.annotator_id).where(
        Label.image_id.in_({image_id for image_id, _ in pairs}), Label.current
    )
    ids = [i for i, *pair in session.execute(current) if tuple(pair) in pairs]
    if not ids:
        return
    session.execute(delete(Answer).where(Answer.label_id.in_(ids)))
    session.execute(update(Label).where(Label.id.in_(ids)).values(current=False))


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


def _summarise(session: Session, images: Mapping[int, Image]) -> None:
    kinds: defaultdict[int, list[tuple[bool, bool]]] = defaultdict(list)
    of_images = Label.image_id.in_(images)
    rows = select(Label.image_id, Label.resolves, Label.partial).where(
        of_images, Label.current, Label.skipped.is_(None)
    )
    for image_id, resolves, partial in session.execute(rows):
        kinds[image_id].append((resolves, partial))
    disputed = set(
        session.scalars(select(Image.id).where(Image.id.in_(images), Answer.is_disputed(Image.id)))
    )
    for image_id, image in images.items():
        image.labelled = not all(partial for _, partial in kinds[image_id])
        is_decided = any(resolves for resolves, _ in kinds[image_id])
        is_open = image_id in disputed and not is_decided
        image.disputed_at = (image.disputed_at or utcnow()) if is_open else None
