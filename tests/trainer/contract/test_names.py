"""Names: kept as given, compared normalised, refused only for harm."""

import os
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from trainer.contract.names import (
    MAX_NAME,
    comparable,
    same_twice,
    shown,
    why_no_path,
    why_refused,
    why_unsafe,
)

NAMES = st.text(st.characters(codec="utf-8"), max_size=60)
BYTES = st.binary(min_size=1, max_size=60)


@pytest.mark.parametrize(
    "name",
    [
        "Screenshot 2026-11-29 at 3.05.11\u202fPM.png",  # macOS
        "a\u00a0b.png",
        "a\u3000b.png",
        "\u0646\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645.jpg",
        "👩\u200d🚗.png",
        "hy\u00adphen.png",
        "\u200f\u0639\u0631\u0628\u064a.png",
        "next\u0085line\u2028.png",
        "a\\b:c*?.png",
        " blanks .png",
        "x" * MAX_NAME,
    ],
)
def test_takes_what_people_write(name: str) -> None:
    assert why_refused(name) is None
    assert why_no_path(name) is None


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("", "empty"),
        (" \u3000", "empty"),
        ("a\x00b.png", r"control character (\x00)"),
        ("a\nb.png", r"control character (\x0a)"),
        ("a\x9bb.png", r"control character (\x9b)"),
        ("caf\udce9.png", "not valid UTF-8"),
        ("\ud800.png", "not valid UTF-8"),
        ("gnp.\u202etxt", r"direction of writing (\u202e)"),
        ("x" * (MAX_NAME + 1), f"longer than {MAX_NAME}"),
        ("\U0001d160" * (MAX_NAME // 2), f"longer than {MAX_NAME}"),
    ],
)
def test_refuses_what_does_harm_with_the_reason(name: str, why: str) -> None:
    assert why in (why_refused(name) or "")


@pytest.mark.parametrize("code", [0x85, 0x2028, 0x2029, *range(0x202A, 0x202F),
                                  *range(0x2066, 0x206A), 0xFFF9, 0xFDD0, 0xFFFE, 0x10FFFF])  # fmt: skip
def test_a_new_name_reads_as_one_line_from_one_end(code: int) -> None:
    assert why_unsafe(f"a{chr(code)}b")
    assert chr(code) not in (why_unsafe(f"a{chr(code)}b") or "")


@pytest.mark.parametrize(
    "name",
    ["\u200f\u0639\u0631\u0628\u064a", "\u0646\u0645\u06cc\u200c\u062e\u0648", "👩\u200d🚗", "🏴\U000e0067\U000e007f", "hy\u00adphen", "a\u3000b"],
)  # fmt: skip
def test_a_new_name_may_be_of_any_script(name: str) -> None:
    assert why_unsafe(name) is None


@given(NAMES)
def test_what_no_file_may_be_called_is_no_new_name_either(name: str) -> None:
    assert (why_refused(name) or why_unsafe(name)) == why_unsafe(name)


@pytest.mark.parametrize("path", ["/etc/passwd", "../a.png", "a/../b.png", "..", "a/\x7f.png", ""])
def test_a_path_stays_below_its_folder(path: str) -> None:
    assert why_no_path(path)


@pytest.mark.parametrize("path", ["a/b.png", "..a/b..png", "a/...", "C:/a.png"])
def test_dots_within_a_name_are_no_way_out(path: str) -> None:
    assert why_no_path(path) is None


@given(NAMES)
@example("Ha\u0302user/cafe\u0301.png")
@example("\u212b\u1e9b\u0323\ufb2c")
@example("각")
def test_all_spellings_of_a_name_compare_alike(name: str) -> None:
    spellings = {unicodedata.normalize(form, name) for form in ("NFC", "NFD")} | {name}
    assert {comparable(spelling) for spelling in spellings} == {comparable(name)}
    assert comparable(comparable(name)) == comparable(name)
    assert len({why_refused(spelling) for spelling in spellings}) == 1


@given(NAMES, NAMES)
@example("a\u202fb", "ab")
@example("a\u00a0b", "a b")
@example("ﬁ", "fi")
@example("²", "2")
@example("A", "a")
def test_names_that_look_otherwise_stay_two(one: str, other: str) -> None:
    same = unicodedata.normalize("NFD", one) == unicodedata.normalize("NFD", other)
    assert (comparable(one) == comparable(other)) is same


@given(BYTES)
@example("café.png".encode("latin-1"))
@example(b"\xff\xfe\x1b[31m")
def test_any_file_name_can_be_shown(raw: bytes) -> None:
    name = os.fsdecode(raw)
    line = shown(name)
    assert line.encode().decode() == line
    assert len(line.splitlines()) == 1
    assert why_refused(line) in (None, "the name is empty")
    if why_refused(name) is None and not set(name) & set("\u0085\u2028\u2029"):
        assert line == name


def test_shows_a_byte_that_is_no_utf_8_as_shells_do() -> None:
    assert shown(os.fsdecode(b"caf\xe9.png")) == r"caf\xe9.png"


@given(st.lists(NAMES, max_size=8))
@example(["é", "x", "e\u0301"])
def test_finds_two_names_that_are_one(names: list[str]) -> None:
    pair = same_twice(names)
    assert (pair is None) is (len({comparable(name) for name in names}) == len(names))
    if pair:
        assert comparable(pair[0]) == comparable(pair[1])
