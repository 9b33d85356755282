"""The categories of a project: their order, colours and keys, and the keys a person prefers."""

from collections import Counter
from collections.abc import Mapping, Sequence

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from server.errors import BadInput, Conflict
from server.models import Answer, Category, CategoryKey, Label, Project
from server.schemas.project import CategoryChange, CategoryIn
from trainer.contract.names import comparable

PALETTE = (
    "#4e9de6", "#a35d3a", "#f2a33a", "#7d5ba6", "#e477b4", "#3f9b4f", "#e8d33f", "#8f8f3a",
    "#2f5fd0", "#e0483e", "#17a6a6", "#9ad15a", "#c39b78", "#5a6b7b", "#f58a78", "#b0a1e8",
    "#70443c", "#38d0a0", "#d0d0d0", "#404a8c",
)  # fmt: skip
KEYS = "abcdefghijklmnopqrstuvwxyz0123456789"


def make(wanted: Sequence[CategoryIn]) -> list[Category]:
    """New categories in this order, with the colours and keys that were left open."""
    keys = _with_free_keys(wanted)
    return [
        Category(
            position=position,
            name=category.name,
            color=category.color or PALETTE[position % len(PALETTE)],
            key=keys[position],
        )
        for position, category in enumerate(wanted)
    ]


def _with_free_keys(wanted: Sequence[CategoryIn]) -> list[str | None]:
    taken = {category.key for category in wanted if category.key}
    keys = []
    for category in wanted:
        letters = (*category.name.lower(), *KEYS)
        key = category.key or next((k for k in letters if k in KEYS and k not in taken), None)
        taken.add(key or "")
        keys.append(key)
    return keys


def change(session: Session, project: Project, wanted: Sequence[CategoryChange]) -> None:
    """Give a project these categories, in this order.

    Raises BadInput for an id that is none of the project's, Conflict `category-in-use` when one
    that a label names is left out.
    """
    stored = {category.id: category for category in project.categories}
    for index, category in enumerate(wanted):
        if category.id is not None and category.id not in stored:
            raise BadInput(
                f"categories[{index}].id: this project has no category {category.id}",
                code="unknown-category",
            )
    removed = stored.keys() - {category.id for category in wanted}
    _refuse_in_use(session, project, [stored[i] for i in removed])
    for kept in stored.values():
        # Two categories may swap names or keys: no row may be in the way of another.
        kept.name, kept.key = f"\n{kept.id}", None
    session.flush()
    changed = make(wanted)
    for position, (category, made) in enumerate(zip(wanted, changed, strict=True)):
        if category.id is not None:
            kept = changed[position] = stored[category.id]
            kept.position, kept.name, kept.key = position, made.name, made.key
            kept.color = category.color or kept.color
    project.categories = changed
    session.flush()


def _refuse_in_use(session: Session, project: Project, removed: Sequence[Category]) -> None:
    if not removed:
        return
    # Searchable answers are of current labels alone; their history names categories too.
    used = set(session.scalars(
        select(Answer.category_id)
        .where(Answer.category_id.in_([category.id for category in removed])).distinct()
    ))  # fmt: skip
    used = used or _used_in_history(session, project.id)
    for category in removed:
        if category.id in used:
            raise Conflict(
                f"categories: {category.name!r} can not be removed: there are labels that name it",
                code="category-in-use",
            )


def _used_in_history(session: Session, project_id: int) -> set[int]:
    query = (
        select(Label.present, Label.absent, Label.unsure, Label.prefilled)
        .where(Label.project_id == project_id)
        .execution_options(yield_per=1000)
    )
    return {i for lists in session.execute(query) for ids in lists for i in ids}


def keys_of(session: Session, project: Project, user_id: int) -> dict[str, str]:
    """The keys that a person labels with, by category name.

    A category for which they chose none has the project's, unless they use that for another.
    """
    chosen = _chosen(session, project.id, user_id)
    taken = set(chosen.values())
    keys = {}
    for category in project.categories:
        own = None if category.key in taken else category.key
        key = chosen.get(category.id, own)
        if key is not None:
            keys[category.name] = key
    return keys


def _chosen(session: Session, project_id: int, user_id: int) -> dict[int, str]:
    query = select(CategoryKey.category_id, CategoryKey.key).where(
        CategoryKey.project_id == project_id, CategoryKey.user_id == user_id
    )
    return dict(session.execute(query).all())


def choose_keys(session: Session, project: Project, user_id: int, keys: Mapping[str, str]) -> None:
    """Replace the keys that a person chose. Raises BadInput for a conflict, and then keeps them."""
    ids = {comparable(category.name): category.id for category in project.categories}
    if unknown := sorted(name for name in keys if comparable(name) not in ids):
        raise BadInput(
            f"keys: there is no category {unknown[0]!r} in this project", code="unknown-category"
        )
    if twice := [key for key, n in Counter(keys.values()).items() if n > 1]:
        names = " and ".join(repr(name) for name, key in keys.items() if key == twice[0])
        raise BadInput(f"keys: {twice[0]!r} is chosen for {names}", code="key-taken")
    forget_keys(session, project.id, user_id)
    session.add_all(
        CategoryKey(
            user_id=user_id, project_id=project.id, category_id=ids[comparable(name)], key=key
        )
        for name, key in keys.items()
    )
    session.flush()


def forget_keys(session: Session, project_id: int, user_id: int) -> None:
    """Give a person the project's own keys again."""
    session.execute(
        delete(CategoryKey).where(
            CategoryKey.project_id == project_id, CategoryKey.user_id == user_id
        )
    )
