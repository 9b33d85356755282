"""Images are found by a name in which it does not matter how its accents are written.

Revision: 0007
Revises: 0006
"""

from collections.abc import Iterator
from itertools import count
from pathlib import PurePosixPath
from unicodedata import normalize

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

images = sa.table(
    "images",
    sa.column("id", sa.Integer()),
    sa.column("project_id", sa.Integer()),
    sa.column("external_id", sa.String()),
    sa.column("comparable_id", sa.String()),
)


def upgrade() -> None:
    op.add_column(
        "images", sa.Column("comparable_id", sa.String(500), nullable=False, server_default="")
    )
    op.execute(images.update().values(comparable_id=images.c.external_id))
    _compose()
    op.create_index(
        "ix_images_comparable_id", "images", ["project_id", "comparable_id"], unique=True
    )


def _compose() -> None:
    """Write accents in one way; of two images that are then called alike, one gets a number."""
    query = sa.select(images.c.project_id, images.c.external_id, images.c.id).order_by(images.c.id)
    alike: dict[tuple[int, str], list[tuple[str, int]]] = {}
    for project_id, name, image_id in op.get_bind().execute(query):
        if not name.isascii():
            alike.setdefault((project_id, normalize("NFC", name)), []).append((name, image_id))
    for (project_id, composed), named in list(alike.items()):
        # Who is called so exactly keeps the name.
        first, *others = sorted(named, key=lambda one: one[0] != composed)
        _update(first[1], comparable_id=composed)
        for name, image_id in others:
            free = next(
                n for n in _numbered(name) if (project_id, normalize("NFC", n)) not in alike
            )
            alike[project_id, normalize("NFC", free)] = []
            _update(image_id, external_id=free, comparable_id=normalize("NFC", free))


def _numbered(name: str) -> Iterator[str]:
    path = PurePosixPath(name)
    stem = name.removesuffix(path.suffix)[:400]
    return (f"{stem} ({number}){path.suffix[:50]}" for number in count(2))


def _update(image_id: int, **columns: str) -> None:
    op.execute(images.update().where(images.c.id == image_id).values(**columns))


def downgrade() -> None:
    op.drop_index("ix_images_comparable_id", "images")
    op.drop_column("images", "comparable_id")
