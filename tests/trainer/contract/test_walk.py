"""The one walk of a folder: what it finds, and what it says that it left out."""

import os
import re
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trainer.contract import DatasetCard
from trainer.contract.walk import (
    KEPT_BY_PROGRAMS,
    PICTURE_SUFFIXES,
    describe_left_out,
    is_hidden,
    pictures_below,
    pictures_of,
)

NFC, NFD = (unicodedata.normalize(form, "Größe") for form in ("NFC", "NFD"))


def put(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")


def test_every_ending_of_a_picture_is_found_in_any_case(tmp_path: Path) -> None:
    names = ["a.JPE", "b.jfif", "c.HEIC", "d.Jpeg", "e.avif", "f.tif", "x/y/g.ppm", "z.MPO"]
    put(tmp_path, *names)
    found = pictures_below(tmp_path)
    assert list(found.names) == names
    assert list(found.paths) == [tmp_path / name for name in names]
    assert describe_left_out(found.left_out) == ""


def test_what_is_left_out_is_counted_by_reason(tmp_path: Path) -> None:
    put(tmp_path, "a.png", "._a.png", ".DS_Store", ".thumbs/a.png", "@eaDir/a.png/b.jpg")
    put(tmp_path, ".ipynb_checkpoints/a.png", "__MACOSX/a.png", "Thumbs.db", "x/Desktop.ini")
    put(tmp_path, "b.gif", "x/c.GIF", "d.pdf", "README", "e.a strange ending")
    (tmp_path / "gone.png").symlink_to(tmp_path / "nowhere.png")
    (tmp_path / "self.png").symlink_to("self.png")
    os.mkfifo(tmp_path / "pipe.png")
    found = pictures_below(tmp_path)
    assert found.names == ("a.png",)
    assert describe_left_out(found.left_out) == (
        "left out: 8 hidden, 2 linked to nothing, 1 not a file, 1 with another ending, "
        "1 without an ending, 2 .gif, 1 .pdf"
    )


def test_links_are_followed_and_never_in_a_circle(tmp_path: Path) -> None:
    folder, elsewhere = tmp_path / "images", tmp_path / "elsewhere"
    put(folder, "own/1.png")
    put(elsewhere, "2.png", "deep/3.png")
    (folder / "linked").symlink_to(elsewhere)
    (folder / "again").symlink_to(elsewhere)
    (folder / "one.png").symlink_to(elsewhere / "2.png")
    (elsewhere / "deep" / "up").symlink_to(elsewhere)
    (folder / "own" / "loop").symlink_to(folder)
    (folder / "to-itself").symlink_to("to-itself")
    found = pictures_below(folder)
    assert found.names == (
        "again/2.png", "again/deep/3.png", "linked/2.png", "linked/deep/3.png", "one.png",
        "own/1.png",
    )  # fmt: skip
    assert found.left_out == {"linked in a circle": 3, "without an ending": 1}


def test_a_folder_that_cannot_be_opened_is_counted(tmp_path: Path) -> None:
    put(tmp_path, "a.png")
    here = os.open(tmp_path, os.O_RDONLY)
    for _ in range(20):  # deeper than a path may be long, for whoever may open every folder
        os.mkdir("d" * 250, dir_fd=here)
        here, above = os.open("d" * 250, os.O_RDONLY, dir_fd=here), here
        os.close(above)
    os.close(here)
    found = pictures_below(tmp_path)
    assert (found.names, found.left_out) == (("a.png",), {"not readable": 1})


def card(root: Path, images: str) -> DatasetCard:
    return DatasetCard(name="x", root=root, images=images)


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("images/*", ["images/1.png", "images/2.jpg"]),
        ("images/**", ["images/1.png", "images/2.jpg", "images/x/3.png", "images/y/z/4.png"]),
        ("images/**/*.png", ["images/1.png", "images/x/3.png", "images/y/z/4.png"]),
        ("**/z/*", ["images/y/z/4.png"]),
        ("images/*/*", ["images/x/3.png"]),
        ("images/?/[0-9].png", ["images/x/3.png"]),
        ("images/1.png", ["images/1.png"]),
        ("images/{part}/{n}.png", ["images/x/3.png"]),
        ("./images/x/../*.jpg", ["images/x/../2.jpg"]),
        ("*.png", []),
        ("nowhere/**/*", []),
    ],
)
def test_a_pattern_finds_what_it_names(tmp_path: Path, pattern: str, names: list[str]) -> None:
    put(tmp_path, "images/1.png", "images/2.jpg", "images/x/3.png", "images/y/z/4.png")
    put(tmp_path, "images/x/._3.png")
    assert list(pictures_of(card(tmp_path, pattern)).names) == names


@pytest.mark.parametrize("pattern", ["/etc/*", "", "images/*/../x/*"])
def test_a_pattern_that_leads_nowhere_is_an_error(tmp_path: Path, pattern: str) -> None:
    with pytest.raises(ValueError, match=r"path below the root|back out of a folder"):
        pictures_of(card(tmp_path, pattern))


def test_what_a_pattern_does_not_ask_for_is_not_left_out(tmp_path: Path) -> None:
    put(tmp_path, "images/1.png", "images/1.txt", "images/.1.png", "masks/1.gif", "images/x/2.png")
    assert pictures_of(card(tmp_path, "images/*.png")).left_out == {"hidden": 1}
    assert pictures_of(card(tmp_path, "images/*")).left_out == {
        "hidden": 1, ".txt": 1, "folders deeper than the pattern": 1,
    }  # fmt: skip


def test_a_hidden_folder_that_is_named_is_meant(tmp_path: Path) -> None:
    put(tmp_path, ".cache/1.png", ".cache/x/.thumbs/2.png")
    assert pictures_of(card(tmp_path, ".cache/*")).names == (".cache/1.png",)
    named = pictures_of(card(tmp_path, ".cache/*/.thumbs/*"))
    assert named.names == (".cache/x/.thumbs/2.png",)


@pytest.mark.parametrize(("on_disk", "in_card"), [(NFC, NFD), (NFD, NFC)])
def test_a_pattern_finds_both_spellings(tmp_path: Path, on_disk: str, in_card: str) -> None:
    put(tmp_path, f"{on_disk}/x/1-{on_disk}.png")
    for pattern in (f"{in_card}/**/*", f"*/*/*-{in_card}.png"):
        found = pictures_of(card(tmp_path, pattern))
        assert found.names == (f"{on_disk}/x/1-{on_disk}.png",)
        assert all(path.is_file() for path in found.paths)


def test_a_name_that_is_not_utf_8_is_found(tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"caf\xe9.png")).write_bytes(b"")
    assert pictures_below(tmp_path).names == ("caf\udce9.png",)


PATHS = st.lists(st.sampled_from(["a", "b", "1.png", "2.jpg"]), min_size=1, max_size=4)


@settings(deadline=None)
@given(st.lists(PATHS.map("/".join), max_size=8))
def test_what_a_folder_has_is_found_or_counted(
    tmp_path_factory: pytest.TempPathFactory, paths: list[str]
) -> None:
    root = tmp_path_factory.mktemp("walk")
    for path in paths:
        if not (root / path).is_dir() and all(not (p).is_file() for p in (root / path).parents):
            put(root, path)
    found = pictures_below(root)
    files = sorted(p.relative_to(root) for p in root.rglob("*") if p.is_file())
    assert [Path(name) for name in found.names] == [p for p in files if p.suffix]
    assert sum(found.left_out.values()) == len([p for p in files if not p.suffix])


def test_the_browser_knows_the_same_endings_and_hidden_names() -> None:
    here = Path(__file__).parents[3] / "frontend/src/lib/chosen.ts"
    text = here.read_text(encoding="utf-8")
    lists = text.partition("const PICTURE_ENDINGS")[2].partition("const HIDDEN")[0]
    texts = re.findall(r'"(.*?)"', lists)
    endings = {word for part in texts for word in part.split() if word.startswith(".")}
    assert endings == PICTURE_SUFFIXES
    names = {part.replace("\\r", "\r") for part in texts if is_hidden(part.replace("\\r", "\r"))}
    assert names - {part for part in texts if part.startswith(".")} == set(KEPT_BY_PROGRAMS)
