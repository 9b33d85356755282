"""docs/development.md against the tree: its map, its layers, and the files that its lists name."""

import re
import tomllib
from pathlib import Path

import pytest

from tests.structure.measures import KIND, TERMS
from tests.structure.sources import FRONTEND, PYTHON, product

ROOT = Path(__file__).parents[2]
GUIDE = ROOT / "docs/development.md"
LONGEST = 120
EXAMPLES = {
    "A term of the loss": re.compile("|".join(TERMS)),
    "A kind of label": KIND,
    "A label format": re.compile("label.studio", re.IGNORECASE),
    "A backbone": re.compile("vgg16"),
    "A page": re.compile("quality-page|QualityPage"),
}
"""Of each list something that there is already, by how files name it."""


def section(title: str) -> str:
    """The text below a heading, up to the next of its level."""
    _, _, after = GUIDE.read_text(encoding="utf-8").partition(f"\n## {title}\n")
    assert after, f"there is no section {title!r}"
    return after.partition("\n## ")[0]


def mapped() -> list[str]:
    """The rooms in the first column of the map."""
    rows = [line.split("|")[1] for line in section("The map").splitlines() if line.startswith("|")]
    return [room for cell in rows for room in re.findall(r"`([^`]+)`", cell)]


def rooms() -> set[str]:
    """Folders of modules: Python packages, and folders of the frontend with TypeScript."""
    files = [init for name in (*PYTHON, "tests") for init in (ROOT / name).rglob("__init__.py")]
    files += (ROOT / FRONTEND).rglob("*.ts*")
    return {file.parent.relative_to(ROOT).as_posix() for file in files}


def test_every_room_is_on_the_map_and_every_room_of_the_map_is_there() -> None:
    assert sorted(rooms() - set(mapped())) == []
    assert sorted(set(mapped()) - rooms()) == []
    assert sorted(mapped()) == sorted(set(mapped()))


def test_the_guide_shows_the_layers_that_are_checked() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    shown = " ".join(section("The contracts").split())
    for contract in settings["tool"]["importlinter"]["contracts"]:
        for container in {*contract.get("containers", ())} - {"scenes"}:
            assert f"{container}: {' > '.join(contract['layers'])}" in shown


def lists() -> dict[str, list[str]]:
    """By what is to be added: the files and rooms to touch."""
    _, *parts = re.split(r"\n\*\*(.+?)\.\*\*", section("To add"))
    return {
        title: re.findall(r"`((?:server|trainer|frontend|docs|tests)/[^`]*)`", text)
        for title, text in zip(parts[::2], parts[1::2], strict=True)
    }


def test_the_lists_name_files_that_are_there() -> None:
    named = [path for paths in lists().values() for path in paths]
    assert named
    assert [path for path in named if not (ROOT / path).exists()] == []


@pytest.mark.parametrize("title", EXAMPLES)
def test_a_list_names_every_file_that_its_example_is_in(title: str) -> None:
    assert set(lists()) == set(EXAMPLES)
    files = [file.path for file in product(ROOT) if EXAMPLES[title].search(file.text)]
    named = lists()[title]
    missing = [path for path in files if not {path, path.rpartition("/")[0]} & set(named)]
    assert files
    assert missing == []


def test_the_guide_stays_short() -> None:
    assert len(GUIDE.read_text(encoding="utf-8").splitlines()) <= LONGEST
