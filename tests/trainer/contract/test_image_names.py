"""Which image a name in a label file stands for."""

import contextlib
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainer.contract.image_names import Claims, ImageNames, MatchedBy, NoMatch, path_of
from trainer.contract.lines import lines_of
from trainer.contract.places import inside

SPELLINGS = (
    "{}",
    "./{}",
    "/home/me/data/{}",
    r"C:\data\{}",
    r"\\nas\share\{}",
    "//nas/share/{}",
    "file:///home/me/{}",
    "https://host.example/bucket/{}?sig=a%2Fb",
    "s3://bucket/{}",
    "gs://bucket/data/{}",
    "images/train/{}",
    "data/../images/{}",
)


def find(text: str, *names: str) -> tuple[str, str]:
    name, by = ImageNames(names, "the project").find(text)
    return name, by.value


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("escape", [False, True])
def test_a_folder_that_contradicts_is_another_camera(spelling: str, escape: bool) -> None:
    def said(path: str) -> str:
        path = path.replace("/", "\\") if "\\" in spelling else path
        return spelling.format(path.replace("/", "%2F") if escape else path)

    assert find(said("cam1/000001.png"), "cam1/000001.png")[0] == "cam1/000001.png"
    with pytest.raises(NoMatch, match=r"cam1/000001\.png"):
        find(said("cam2/000001.png"), "cam1/000001.png")
    both = "cam1/000001.png", "cam2/000001.png"
    assert find(said("cam2/000001.png"), *both)[0] == "cam2/000001.png"
    with pytest.raises(NoMatch, match=r"cam1/000001\.png, cam2/000001\.png"):
        find(said("cam3/000001.png"), *both)


@pytest.mark.parametrize(
    ("text", "names", "found"),
    [
        ("1.png", ["1.png", "cam1/1.png"], ("1.png", "exact")),
        ("1.png", ["cam1/1.png"], ("cam1/1.png", "name_alone")),
        ("cam2/1.png", ["1.png"], ("1.png", "name_alone")),
        ("https://host/1.png", ["cam1/1.png"], ("cam1/1.png", "name_alone")),
        ("/data/cam1/1.png", ["1.png", "cam1/1.png"], ("cam1/1.png", "path_ending")),
        ("cam1/1.png", ["day1/cam1/1.png"], ("day1/cam1/1.png", "path_ending")),
        ("http://h/1.png", ["https://h/1.png"], ("https://h/1.png", "name_alone")),
        ("e\u0301.png", ["\u00e9.png"], ("\u00e9.png", "exact")),
        ("cam%201/1.png", ["cam 1/1.png", "cam 2/1.png"], ("cam 1/1.png", "path_ending")),
        ("100%.png", ["100%.png"], ("100%.png", "exact")),
        ("c:/CAM/1.png", [r"C:\CAM\1.png"], (r"C:\CAM\1.png", "path_ending")),
        ("b/1.png", ["b\\1.png"], ("b\\1.png", "path_ending")),
    ],
)
def test_how_an_image_is_known(text: str, names: list[str], found: tuple[str, str]) -> None:
    assert find(text, *names) == found


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("1.png", ["cam1/1.png", "cam2/1.png"]),
        ("cam2/1.png", ["1.png", "cam1/1.png"]),
        ("cam1/1.png", ["day1/cam1/1.png", "day2/cam1/1.png"]),
        ("day3/cam1/1.png", ["day1/cam1/1.png"]),
        ("1.jpg", ["1.png"]),
        ("11.png", ["1.png"]),
        ("https://cam2.example/1.png", ["https://cam1.example/1.png"]),
        ("https://h/1.png?t=2", ["https://h/1.png?t=1"]),
        ("https://h/a/1.png", ["https://h/1.png"]),
        ("1.PNG", ["1.png"]),
        ("", ["1.png"]),
        ("/", ["1.png"]),
        ("\0http://h/", ["https://h/1.png"]),
        ("1.png/\0http://h", ["https://h/1.png"]),
        ("1.png/%00http://h", ["https://h/1.png"]),
    ],
)
def test_what_is_no_image_for_certain(text: str, names: list[str]) -> None:
    with pytest.raises(NoMatch):
        find(text, *names)


parts = st.lists(st.sampled_from(["a", "b", "c"]), min_size=1, max_size=4).map("/".join)


@given(names=st.sets(parts, min_size=1, max_size=8), text=parts, root=st.sampled_from(["", "/x/"]))
def test_no_image_whose_folders_contradict_is_ever_found(
    names: set[str], text: str, root: str
) -> None:
    said = path_of(root + text).parts
    try:
        found, by = find(root + text, *sorted(names))
    except NoMatch:
        assert root + text not in names
        return
    other = tuple(found.split("/"))
    length = min(len(said), len(other))
    assert said[-length:] == other[-length:]
    assert (by == "exact") == (root + text == found)
    for rival in names - {found}:
        shared = tuple(rival.split("/"))
        assert by == "exact" or said[-len(shared) :] != shared or len(shared) < length


@given(
    names=st.sets(
        st.text(string.printable + "é\u0301%\u2028", min_size=1, max_size=8), min_size=1, max_size=5
    )
)
def test_every_name_is_found_by_itself(names: set[str]) -> None:
    index = ImageNames(names, "the project")
    assert [index.find(name) for name in names] == [(name, MatchedBy.EXACT) for name in names]


@given(text=st.text(max_size=30))
def test_any_text_is_looked_up_without_another_error(text: str) -> None:
    for name in ("a/1.png", "https://h/1.png"):
        with contextlib.suppress(NoMatch):
            assert find(text, name)[0] == name


def test_one_image_is_not_two_of_a_file() -> None:
    claims = Claims()
    claims.add("1.png", "cam1/1.png", MatchedBy.NAME_ALONE)
    claims.add("1.png", "./cam1/1.png", MatchedBy.NAME_ALONE)
    claims.check("1.png", MatchedBy.NAME_ALONE)
    claims.add("1.png", "cam2/1.png", MatchedBy.NAME_ALONE)
    with pytest.raises(NoMatch, match=r"cam1/1\.png and cam2/1\.png .* 1\.png"):
        claims.check("1.png", MatchedBy.NAME_ALONE)
    claims.add("1.png", "1.png", MatchedBy.EXACT)
    claims.check("1.png", MatchedBy.EXACT)
    with pytest.raises(NoMatch, match="by its own name"):
        claims.check("1.png", MatchedBy.NAME_ALONE)


def test_lines_end_where_a_file_of_lines_says() -> None:
    assert lines_of(b"") == []
    assert lines_of("\ufeffa\u2028\u2029\x85\x0b\x0cb\r\nc\n\nd".encode()) == [
        "a\u2028\u2029\x85\x0b\x0cb", "c", "", "d",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("value", "moved"),
    [
        (-0.5, 0), (-0.3, 0), (0, 0), (63.9995, 63.9995), (64, 63.999), (64.00064, 63.999),
        (64.5, 63.999), (64.6, None), (-0.6, None), (float("nan"), None), (float("inf"), None),
    ],
)  # fmt: skip
def test_a_hair_outside_is_inside(value: float, moved: float | None) -> None:
    assert inside(value, 64) == moved
