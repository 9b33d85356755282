"""docs/security.md against the tests that it names."""

import ast
import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
GUIDE = TESTS.parent / "docs/security.md"
NAMED = re.findall(r"`([\w/]+\.py)::(\w+)`", GUIDE.read_text(encoding="utf-8"))


@pytest.mark.parametrize(("path", "name"), NAMED, ids=[name for _, name in NAMED])
def test_each_promise_is_tested(path: str, name: str) -> None:
    tree = ast.parse((TESTS / path).read_text(encoding="utf-8"))
    assert name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_promises_name_tests() -> None:
    promises = [
        line
        for line in GUIDE.read_text(encoding="utf-8").partition("## Promises")[2].splitlines()
        if line.startswith("| ") and not line.startswith("| promise |")
    ]
    assert len(promises) >= 20
    assert [line for line in promises if "::test_" not in line] == []
