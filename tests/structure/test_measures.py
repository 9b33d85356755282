"""The figures about a checkout, on one small enough to count by hand."""

from pathlib import Path

import pytest

from tests.structure.measures import Room, measure

FILES = {
    "server/__init__.py": "",
    "server/main.py": "from server.services import labels, runs\nimport server.db\n",
    "server/db.py": "STATE = State.READY.value\n",
    "server/services/__init__.py": "",
    "server/services/labels.py": "from server.services.runs.claims import Claim\ntiles = 1\n",
    "server/services/runs/__init__.py": "",
    "server/services/runs/claims.py": "import server.db\n\n\nclass Claim:\n    id: int\n",
    "trainer/bench.py": "quartiles = 2\nself_training = 3\n",
    "frontend/src/main.tsx": 'import { App } from "./features/app"\n',
    "frontend/src/features/app.tsx": 'import { Tiles } from "@/lib/tiles"\nmode === "tiles"\n',
    "frontend/src/features/app.test.tsx": 'mode === "tiles"\n',
    "frontend/src/lib/tiles.ts": "",
    "frontend/src/api/schema.gen.ts": "tiles\n",
    "tests/test_main.py": "tiles\n\n",
}


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    for path, text in FILES.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    return tmp_path


def test_arrows_are_between_what_lies_directly_in_a_room(checkout: Path) -> None:
    found = {room["path"]: Room(**room) for room in measure(checkout)["rooms"]}
    assert found["server"] == Room("server", parts=3, arrows=3, modules=3, lines=10)
    assert found["server/services"] == Room("server/services", 2, 1, 2, 7)
    assert found["server/services/runs"] == Room("server/services/runs", 1, 0, 2, 5)
    assert found["frontend/src"] == Room("frontend/src", 3, 2, 1, 3)


def test_what_is_counted_is_what_is_shipped(checkout: Path) -> None:
    figures = measure(checkout)
    assert figures["files that name the kind of label `tiles`"] == {
        "server": 1, "frontend/src": 1, "all": 2,
    }  # fmt: skip
    assert figures["files that name a term of the loss"]["self_training"] == 1
    assert figures["mode ==="] == {"lines": 1, "files": 1}
    assert figures[".value in server"] == {"lines": 1, "files": 1}
    assert figures["longest classes"] == [(2, "Claim (server/services/runs/claims.py:4)")]
    assert figures["lines"] == {
        "server": 10, "trainer and scenes": 2, "frontend": 3, "tests": 3, "all": 18,
    }  # fmt: skip
