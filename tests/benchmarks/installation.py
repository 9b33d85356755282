"""An empty installation for benchmarks of the server."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from server import db, migrations
from tests.services.postgres import fresh_database


@contextmanager
def empty_installation(data: Path, database: str, server: str, **settings: str) -> Iterator[None]:
    """Settings of this process, and of those that it starts, for an empty migrated database.

    `database` is SQLite or PostgreSQL, whose server is `server`; `settings` are variables besides.
    """
    with fresh_database(server) as url:
        os.environ |= {"WEAKSEG_DATA": str(data), **settings}
        os.environ.pop("WEAKSEG_DATABASE_URL", None)
        if database == "PostgreSQL":
            os.environ["WEAKSEG_DATABASE_URL"] = url
        db.dispose()
        migrations.upgrade(db.get_engine())
        yield
        db.dispose()
