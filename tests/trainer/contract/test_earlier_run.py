"""The files of a run folder that an earlier version wrote: they read the same, and nothing is lost."""

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter

from tests.earlier import holds
from trainer.contract import (
    CheckpointInfo,
    ImagePrediction,
    ProgressLine,
    Report,
    TrainConfig,
    WeakLabel,
)

FOLDER = Path(__file__).parent / "earlier_run"
KINDS: dict[str, Any] = {
    "config.json": TrainConfig,
    "report.json": Report,
    "checkpoint.json": CheckpointInfo,
    "labels.jsonl": WeakLabel,
    "progress.jsonl": ProgressLine,
    "predictions.jsonl": ImagePrediction,
}


@pytest.mark.parametrize("name", KINDS)
def test_a_file_of_an_earlier_version_reads_the_same(name: str) -> None:
    text = (FOLDER / name).read_text(encoding="utf-8")
    kind: TypeAdapter[Any] = TypeAdapter(KINDS[name])
    for content in text.splitlines() if name.endswith("jsonl") else [text]:
        earlier = json.loads(content)
        now = kind.dump_python(kind.validate_json(content), mode="json")
        assert holds(now, earlier), (now, earlier)


def test_every_file_is_read() -> None:
    assert {path.name for path in FOLDER.iterdir()} == set(KINDS)
