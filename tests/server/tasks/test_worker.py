"""What a worker does while it lives: runs start, end, and start by themselves."""

import base64
import json
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from server.db import session_scope
from server.models import Image
from server.models.image import ImageState
from server.queue import get_app
from server.services.runs import runs
from server.settings import get_settings
from tests.server.factories import (
    add_images,
    add_label,
    eventually,
    make_project,
    make_trainable_project,
    make_user,
    picture,
    run_row,
)
from tests.server.tasks.conftest import HANG_FIRST, SUCCEED, await_state, queue_run, trainer_of


def test_a_worker_takes_runs_one_after_the_other(worker: None, project_id: int) -> None:
    run_ids = [queue_run(project_id, SUCCEED) for _ in range(3)]
    for run_id in run_ids:
        await_state(run_id, "succeeded")
    finished = [run_row(run_id) for run_id in run_ids]
    assert [run.attempt for run in finished] == [1, 1, 1]
    spans = sorted(
        (run.started_at, run.finished_at)
        for run in finished
        if run.started_at is not None and run.finished_at is not None
    )
    assert len(spans) == 3
    assert all(one[1] <= other[0] for one, other in pairwise(spans))


def test_a_run_whose_message_was_lost_starts_all_the_same(
    worker: None, project_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("server.queue.send", lambda *_message: None)
        run_id = queue_run(project_id, SUCCEED)
    await_state(run_id, "succeeded")


def broken_messages() -> Iterator[bytes]:
    """What a full disk, another program or a half-written file leaves for a worker to read."""
    yield from (b"", b"{", b"null", b"[]", b"{}", b"\xff\x00", b'{"properties": 1}', b"[" * 100_000)
    body = base64.b64encode(b"[[], {}, {}]").decode()
    good: dict[str, Any] = {
        "body": body,
        "content-type": "application/json",
        "content-encoding": "utf-8",
        "headers": {"task": "sweep", "id": "1"},
        "properties": {"delivery_tag": "1", "delivery_info": {}, "body_encoding": "base64"},
    }
    for field in good:
        for wrong in (None, [], {}, 5, "\ud800"):
            yield json.dumps(good | {field: wrong}).encode()
    for content in (b"5", b"[1]", b"[[], {}, 5]", b"no JSON"):
        yield json.dumps(good | {"body": base64.b64encode(content).decode()}).encode()


def test_a_message_that_cannot_be_read_ends_no_worker(worker: None, project_id: int) -> None:
    with get_app().connection() as connection:
        for number, content in enumerate(broken_messages()):
            if get_settings().broker_url is not None:
                connection.default_channel.client.lpush("runs", content)
            else:
                folder = Path(connection.transport_options["data_folder_in"])
                (folder / f"{number:020}_broken.runs.msg").write_bytes(content)
    await_state(queue_run(project_id, SUCCEED), "succeeded")


def test_cancelling_reaches_the_worker(worker: None, project_id: int) -> None:
    run_id = queue_run(project_id, HANG_FIRST)
    trainer = trainer_of(run_id)
    with session_scope() as session:
        runs.cancel(session, run_id)
    await_state(run_id, "cancelled")
    assert not trainer.exists()


def test_new_labels_start_a_run_by_themselves(worker: None) -> None:
    project_id = make_trainable_project(name="Automatic", labels=1, retrain_after=2)
    (image_id,) = add_images(project_id, ["another"])
    add_label(project_id, image_id, make_user())

    def finished() -> list[bool]:
        with session_scope(read_only=True) as session:
            found = runs.list_all(session, project_id)
        return [run.automatic for run in found if run.state == "succeeded"]

    eventually(lambda: finished() == [True])


def test_pictures_of_a_manifest_are_verified(worker: None) -> None:
    project_id = make_project()
    folder = get_settings().images
    folder.mkdir(parents=True)
    (folder / "good.png").write_bytes(picture(1))
    (folder / "bad.png").write_text("not a picture")
    with session_scope() as session:
        rows = [
            Image(project_id=project_id, external_id=name, uri=name, split="train",
                  state=ImageState.REGISTERED.value)
            for name in ("good.png", "bad.png")
        ]  # fmt: skip
        session.add_all(rows)
        session.flush()
        ids = [row.id for row in rows]

    def states() -> list[str]:
        with session_scope(read_only=True) as session:
            return [session.get_one(Image, image_id).state for image_id in ids]

    eventually(lambda: states() == ["ready", "rejected"])
