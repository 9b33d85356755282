"""Registered images are looked at several at once, and what is found is stored together."""

import time
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select, text

from server.db import is_postgresql, session_scope
from server.models import Assignment, Image
from server.models.image import ImageState
from server.schemas.image import ManifestLine
from server.services.images import importing, manifests, verifying
from server.settings import get_settings
from tests.server.factories import make_project

pytestmark = pytest.mark.usefixtures("database")


def register(names: list[str]) -> int:
    project_id = make_project()
    lines = ((n, ManifestLine(uri=name)) for n, name in enumerate(names, 1))
    importing.register_manifest(project_id, lines)
    return project_id


def states() -> dict[str, str]:
    with session_scope(read_only=True) as session:
        rows = session.execute(select(Image.external_id, Image.state))
        return {name: str(state) for name, state in rows}


def test_a_batch_is_stored_in_two_statements(
    jpeg: Callable[..., bytes], statements: list[tuple[str, Any]]
) -> None:
    root = get_settings().images
    root.mkdir(parents=True)
    names = [f"{n}.jpg" for n in range(12)]
    for n, name in enumerate(names[:-2]):
        (root / name).write_bytes(jpeg(n, (64 + n, 48)))
    (root / names[-2]).write_bytes(b"no picture")
    register(names)
    statements.clear()
    assert verifying.verify_registered() == 12
    assert len([text for text, _ in statements if text.startswith("UPDATE")]) == 2
    with session_scope(read_only=True) as session:
        images = session.scalars(select(Image).order_by(Image.id)).all()
        for n, image in enumerate(images[:-2]):
            assert (image.state, image.width, image.height) == (ImageState.READY, 64 + n, 48)
            assert image.storage_key == f"images/{image.content_hash[:2]}/{image.content_hash}.jpeg"
            assert (image.note, image.reject_reason) == (None, None)
        for image, reason in zip(images[-2:], ("not a JPEG", "No such file"), strict=True):
            assert (image.state, image.storage_key, image.width) == ("rejected", None, None)
            assert reason in (image.reject_reason or "")
        assignments = session.scalars(select(Assignment).order_by(Assignment.image_id)).all()
        assert [each.state for each in assignments] == ["open"] * 10 + ["void"] * 2


def test_a_slow_file_keeps_no_other_waiting(
    jpeg: Callable[..., bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verifying, "SETTLE_SECONDS", 0.02)
    met: list[bool] = []

    def read(uri: str, _settings: object) -> bytes:
        until = time.monotonic() + 20
        while uri == "slow.jpg" and time.monotonic() < until:
            if [states()[name] for name in ("1.jpg", "2.jpg")] == ["ready", "ready"]:
                met.append(True)
                break
            time.sleep(0.01)
        return jpeg(len(uri))

    monkeypatch.setattr(manifests, "read_uri", read)
    register(["slow.jpg", "1.jpg", "2.jpg"])
    assert verifying.verify_registered() == 3
    assert met == [True]
    assert set(states().values()) == {"ready"}


def test_what_somebody_else_has_settled_meanwhile_stays(
    jpeg: Callable[..., bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    def read(_uri: str, _settings: object) -> bytes:
        with session_scope() as session:
            image = session.scalars(select(Image)).one()
            image.state, image.reject_reason = ImageState.REJECTED, "by somebody else"
        return jpeg(1)

    monkeypatch.setattr(manifests, "read_uri", read)
    register(["1.jpg"])
    assert verifying.verify_registered() == 1
    with session_scope(read_only=True) as session:
        image = session.scalars(select(Image)).one()
        assert (image.state, image.reject_reason) == ("rejected", "by somebody else")
        assert image.storage_key is None


def test_a_storage_that_is_away_is_told_and_changes_nothing(
    jpeg: Callable[..., bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(manifests, "read_uri", lambda *_: jpeg(1))
    monkeypatch.setattr(
        verifying.files, "store", lambda *_: (_ for _ in ()).throw(OSError(5, "away"))
    )
    register([f"{n}.jpg" for n in range(verifying.MOST_FAILURES)])
    with pytest.raises(OSError, match="away"):
        verifying.verify_registered()
    assert set(states().values()) == {"registered"}


def test_with_nothing_to_do_no_table_is_gone_through() -> None:
    register(["1.jpg"])
    with session_scope(read_only=True) as session:
        if is_postgresql(session):
            # A table of one row is read as it is, whatever indexes there are.
            session.execute(text("SET LOCAL enable_seqscan = off"))
            session.execute(text("SET LOCAL enable_bitmapscan = off"))
        waiting = verifying.waiting(0, 10)
        dialect = session.get_bind().dialect
        sql = waiting.compile(dialect=dialect, compile_kwargs={"literal_binds": True})
        explain = "EXPLAIN " if is_postgresql(session) else "EXPLAIN QUERY PLAN "
        plan = "\n".join(str(row) for row in session.execute(text(f"{explain}{sql}")))
    assert "ix_images_registered" in plan
