"""Figures about the code, each counted as its docstring says."""

import ast
import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tests.structure.sources import FRONTEND, Source, imports, is_painter, is_test, product, read

KIND = re.compile(r"(?<!quar)(?<!quan)tiles", re.IGNORECASE)
"""The kind of label whose files are counted; quartiles and quantiles are something else."""
KIND_BY_NAME = re.compile('"tiles"')
TERMS = ("self_training", "category_alignment", "source_presence")
LONG = 40
PARTS = ("server", "trainer", FRONTEND)
_MODE = re.compile(r"\bmode\s*[!=]==")
_VALUE = re.compile(r"\.value\b")


@dataclass(frozen=True)
class Room:
    """A folder of modules."""

    path: str
    parts: int
    """Modules and rooms directly inside, less its own `__init__`."""
    arrows: int
    """Pairs of those of which one imports the other, or something in it."""
    modules: int
    lines: int


def rooms(files: list[Source]) -> list[Room]:
    """Every folder with modules in it or below it, the outer before the inner."""
    arrows = [(a, b) for a, targets in imports(files).items() for b in targets]
    folders = {
        "/".join(parts[:depth])
        for file in files
        for parts in [file.path.split("/")]
        for depth in range(1, len(parts))
    } - {"frontend"}
    return [_room(path, files, arrows) for path in sorted(folders)]


def _room(path: str, files: list[Source], arrows: list[tuple[str, str]]) -> Room:
    inside = [file for file in files if file.path.startswith(f"{path}/")]

    def part(module: str) -> str:
        return module.removeprefix(f"{path}/").partition("/")[0]

    within = [file.module for file in inside if file.module != path]
    pairs = {(part(a), part(b)) for a, b in arrows if {a, b} <= set(within)}
    return Room(
        path,
        parts=len({part(module) for module in within}),
        arrows=sum(a != b for a, b in pairs),
        modules=sum("/" not in file.path.removeprefix(f"{path}/") for file in inside),
        lines=sum(file.lines for file in inside),
    )


def longest(files: list[Source], kinds: tuple[type[ast.AST], ...]) -> list[tuple[int, str]]:
    """Lines and place of each function or class of the Python files, the longest first."""
    found = [
        (node.end_lineno - node.lineno + 1, f"{node.name} ({file.path}:{node.lineno})")
        for file in files
        if file.path.endswith(".py")
        for node in ast.walk(ast.parse(file.text))
        if isinstance(node, kinds)
    ]
    return sorted(found, reverse=True)


def naming(files: list[Source], word: re.Pattern[str]) -> dict[str, int]:
    """How many files of each part of the product, the painter aside, have a word in them."""
    hits = [file.path for file in files if word.search(file.text) and not is_painter(file)]
    parts = {part: sum(path.startswith(f"{part}/") for path in hits) for part in PARTS}
    return {part: count for part, count in parts.items() if count}


def matching(files: list[Source], word: re.Pattern[str]) -> dict[str, int]:
    """How many lines, in how many files, have a word in them."""
    counts = [sum(word.search(line) is not None for line in f.text.splitlines()) for f in files]
    return {"lines": sum(counts), "files": sum(count > 0 for count in counts)}


def lines(root: Path) -> dict[str, int]:
    """Lines of code, comments and blank ones too; the generated client is left out."""
    frontend = read(root, FRONTEND, ("ts", "tsx", "css"))
    parts = {
        "server": read(root, "server", ("py",)),
        "trainer and scenes": [*read(root, "trainer", ("py",)), *read(root, "scenes", ("py",))],
        "frontend": [file for file in frontend if not is_test(file)],
        "tests": [*read(root, "tests", ("py", "js")), *filter(is_test, frontend)],
    }
    counted = {part: sum(file.lines for file in files) for part, files in parts.items()}
    return counted | {"all": sum(counted.values())}


def measure(root: Path) -> dict[str, Any]:
    """Everything, as plain data."""
    files = product(root)
    server = [file for file in files if file.path.startswith("server/")]
    frontend = [file for file in files if file.path.startswith(FRONTEND)]
    functions = longest(files, (ast.FunctionDef, ast.AsyncFunctionDef))
    label, by_name = naming(files, KIND), naming(files, KIND_BY_NAME)
    return {
        "rooms": [asdict(room) for room in rooms(files)],
        "longest functions": functions[:3],
        "functions": {"all": len(functions), f"over {LONG}": sum(n > LONG for n, _ in functions)},
        "longest classes": longest(files, (ast.ClassDef,))[:3],
        "mode ===": matching(frontend, _MODE),
        ".value in server": matching(server, _VALUE),
        "files that name the kind of label `tiles`": label | {"all": sum(label.values())},
        "files that know it by the string": by_name | {"all": sum(by_name.values())},
        "files that name a term of the loss": {
            term: sum(naming(files, re.compile(term)).values()) for term in TERMS
        },
        "lines": lines(root),
    }
