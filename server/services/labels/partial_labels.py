"""Labels of one category: what a sweep says of an image beside all that was said before.

A person has one current label of an image. An answer for one category alone makes a new revision
with this answer and everything else as it was. Without an earlier label it is *partial*: training
sees its answers, the other categories count as not asked, and the image still waits to be labelled
as a whole. The label that is given then keeps the answers for categories that it does not name.
"""

from collections.abc import Sequence
from typing import Any

from server.models import Image, Label, Project
from server.models.label import AnswerValue


def answered(
    earlier: Label | None, project: Project, image: Image, category_id: int, value: AnswerValue
) -> Label:
    """The next revision, with one category's answer changed; its annotator and times are open.

    An earlier skip said nothing. Points and tiles stay, but for those of a category that is not
    present.
    """
    before = None if earlier is None or earlier.skipped is not None else earlier
    gone = None if value == AnswerValue.PRESENT else category_id
    label = Label(
        project_id=project.id,
        image_id=image.id,
        points=[p for p in before.points if p["category_id"] != gone] if before else [],
        tiles=_without(before.tiles, gone) if before else None,
        prefilled=before.prefilled if before else [],
        prefilled_by=before.prefilled_by if before else None,
        blind=before.blind if before else False,
        partial=before is None or before.partial,
        resolves=before is not None and before.resolves,
    )
    for said in AnswerValue:
        kept = [i for i in getattr(before, said.value) if i != category_id] if before else []
        own = [category_id] if said == value else []
        setattr(label, said.value, _in_order(project, [*kept, *own]))
    return label


def is_whole(label: Label, project: Project) -> bool:
    """Whether a label names all categories."""
    return _named(label).issuperset(category.id for category in project.categories)


def is_correction(earlier: Label | None, label: Label, project: Project) -> bool:
    """Whether a label without a lease only corrects what its annotator said in sweeps."""
    if earlier is None or not earlier.partial or label.skipped is not None or label.resolves:
        return False
    return _named(label) <= _named(earlier) and not is_whole(label, project)


def keep(earlier: Label | None, label: Label, project: Project) -> None:
    """Let a label of the whole image keep a partial one's answers for what it does not name.

    A skip keeps none: it says that the image can not be judged.
    """
    if earlier is None or not earlier.partial or label.skipped is not None:
        return
    named = _named(label)
    for said in AnswerValue:
        kept = [i for i in getattr(earlier, said.value) if i not in named]
        setattr(label, said.value, _in_order(project, [*getattr(label, said.value), *kept]))


def _named(label: Label) -> set[int]:
    """Ids of the categories of which a label says anything."""
    return {*label.present, *label.absent, *label.unsure}


def _in_order(project: Project, ids: Sequence[int]) -> list[int]:
    return [category.id for category in project.categories if category.id in ids]


def _without(tiles: dict[str, Any] | None, category_id: int | None) -> dict[str, Any] | None:
    if tiles is None:
        return None
    present = {i: indices for i, indices in tiles["present"].items() if i != str(category_id)}
    return tiles | {"present": present}
