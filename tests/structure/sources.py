"""The source files of a checkout, and which of them import which."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PYTHON = ("server", "trainer", "scenes")
FRONTEND = "frontend/src"
_TEST = re.compile(r"(\.test\.|\.fixture\.|/testing/)")
_FROM = re.compile(r"""(?:\bfrom|\bimport\s*\(|\bimport)\s*["']([@.][^"']*)["']""")


@dataclass(frozen=True)
class Source:
    """One file of the product."""

    path: str
    """Below the checkout, with slashes."""
    text: str

    @property
    def lines(self) -> int:
        return len(self.text.splitlines())

    @property
    def module(self) -> str:
        """Its path without its ending; of a package, the folder's."""
        return self.path.rpartition(".")[0].removesuffix("/__init__").removesuffix("/index")


def product(root: Path) -> list[Source]:
    """The code that is shipped: no tests, no generated client, no stylesheets."""
    found = [file for name in PYTHON for file in read(root, name, ("py",))]
    return found + [file for file in read(root, FRONTEND, ("ts", "tsx")) if not is_test(file)]


def is_test(file: Source) -> bool:
    return _TEST.search(file.path) is not None


def is_painter(file: Source) -> bool:
    """Whether it draws scenes: its tiles are of roofs and pavements."""
    return file.path.startswith(("scenes/", "trainer/data/scene"))


def read(root: Path, folder: str, endings: tuple[str, ...]) -> list[Source]:
    """The files below a folder, which may be missing."""
    paths = sorted(path for ending in endings for path in (root / folder).rglob(f"*.{ending}"))
    return [
        Source(path.relative_to(root).as_posix(), path.read_text(encoding="utf-8"))
        for path in paths
        if "node_modules" not in path.parts and ".gen." not in path.name
    ]


def imports(files: list[Source]) -> dict[str, set[str]]:
    """By module: the modules of the same checkout that it imports."""
    known = {file.module for file in files}
    return {file.module: _imported(file, known) - {file.module} for file in files}


def _imported(file: Source, known: set[str]) -> set[str]:
    names = _python(file) if file.path.endswith(".py") else _typescript(file)
    # What is no module is something in one.
    return {name if name in known else name.rpartition("/")[0] for name in names} & known


def _python(file: Source) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.text)):
        if isinstance(node, ast.Import):
            yield from (alias.name.replace(".", "/") for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}".replace(".", "/") for alias in node.names)


def _typescript(file: Source) -> Iterator[str]:
    folder = file.path.rpartition("/")[0]
    for name in _FROM.findall(file.text):
        yield _without_dots(
            name.replace("@/", f"{FRONTEND}/") if name[0] == "@" else f"{folder}/{name}"
        )


def _without_dots(path: str) -> str:
    parts: list[str] = []
    for part in path.split("/"):
        if part == "..":
            parts.pop()
        elif part != ".":
            parts.append(part)
    return "/".join(parts)
