"""That a label becomes a row in one place alone."""

import ast
from collections.abc import Iterator
from pathlib import Path

import server

SERVER = Path(server.__file__).parent
STORE = SERVER / "services/labels/store.py"


def makers(path: Path) -> Iterator[int]:
    """Lines that make a row of `Label`, with its class or with `insert`."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            called, arguments = ast.unparse(node.func), map(ast.unparse, node.args)
            inserts = called.endswith("insert") and "Label" in arguments
            if inserts or called in ("Label", "label.Label", "models.Label"):
                yield node.lineno


def test_labels_are_made_by_the_store_alone() -> None:
    made = {path for path in SERVER.rglob("*.py") if list(makers(path))}
    assert made == {STORE}


def test_it_would_be_seen(tmp_path: Path) -> None:
    path = tmp_path / "elsewhere.py"
    path.write_text("session.add(Label(image_id=1))\nsession.execute(insert(Label), rows)\n")
    assert list(makers(path)) == [1, 2]
