"""Archives that mean harm: each is refused by name, or handled."""

import io
import stat
import struct
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from server.services.dataset_uploads import archives
from server.services.dataset_uploads.archives import BadArchive, Limits, Unpacked

LIMITS = Limits(files=100, bytes=2**20, file_bytes=2**19)
Members = list[tuple[str | zipfile.ZipInfo, bytes]]


def made(folder: Path, members: Members, method: int = zipfile.ZIP_DEFLATED) -> Path:
    path = folder / "a.zip"
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return path


def taken(path: Path, limits: Limits = LIMITS) -> tuple[dict[str, bytes], Unpacked]:
    found: dict[str, bytes] = {}

    def store(name: str, pieces: Iterator[bytes]) -> str | None:
        found[name] = b"".join(pieces)
        return None

    return found, archives.unpack(path, limits, store, lambda _done, _all: None)


def test_pictures_are_taken_and_the_rest_is_counted(tmp_path: Path) -> None:
    path = made(tmp_path, [
        ("set/images/", b""), ("set/images/a.jpg", b"one"), ("set/masks/a.PNG", b"two"),
        ("set/card.yaml", b"ids: {0: Road}"), ("set/readme.txt", b"x"), ("notes", b"x"),
        ("__MACOSX/set/._a.jpg", b"x"), ("set/.DS_Store", b"x"), ("set/images/Thumbs.db", b"x"),
        ("set/images/\u732b.png", b"cat"), ("windows\\images\\b.png", b"b"),
    ])  # fmt: skip
    found, unpacked = taken(path)
    assert found == {
        "set/images/a.jpg": b"one", "set/masks/a.PNG": b"two", "set/images/\u732b.png": b"cat",
        "windows/images/b.png": b"b",
    }  # fmt: skip
    assert unpacked.card == "ids: {0: Road}"
    assert unpacked.left_out == {".txt": 1, "without an ending": 1, "hidden": 3}
    assert unpacked.refused == []


def link() -> zipfile.ZipInfo:
    info = zipfile.ZipInfo("images/link.png")
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    return info


def device() -> zipfile.ZipInfo:
    info = zipfile.ZipInfo("images/device.png")
    info.external_attr = (stat.S_IFCHR | 0o777) << 16
    return info


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("../../etc/cron.d/a.png", "leads out of its folder"),
        ("images/../../a.png", "leads out of its folder"),
        ("..\\..\\a.png", "leads out of its folder"),
        ("/etc/a.png", "absolute"),
        ("C:\\a.png", "absolute"),
        ("\\\\host\\share\\a.png", "absolute"),
        ("images/a\u202egnp.png", "direction of writing"),
        ("images/" + "x" * 600 + ".png", "longer than"),
        ("images/inner.zip", "archive within the archive"),
        ("inner.tar.gz", "archive within the archive"),
        (link(), "a link"),
        (device(), "not a file"),
    ],
)
def test_a_member_is_refused_by_its_name(
    tmp_path: Path, name: str | zipfile.ZipInfo, reason: str
) -> None:
    found, unpacked = taken(made(tmp_path, [(name, b"x"), ("images/good.png", b"good")]))
    assert found == {"images/good.png": b"good"}
    [(shown, why)] = unpacked.refused
    assert reason in why
    assert "\u202e" not in shown


def test_one_name_twice(tmp_path: Path) -> None:
    members: Members = [
        ("a.png", b"1"),
        ("Caf\u00e9.png", b"2"),
        ("Cafe\u0301.png", b"3"),
        ("A.png", b"4"),
    ]
    found, unpacked = taken(made(tmp_path, members))
    assert found == {"a.png": b"1", "Caf\u00e9.png": b"2", "A.png": b"4"}
    assert unpacked.refused == [("Cafe\u0301.png", "this name is in the archive twice")]


def patched(path: Path, signature: bytes, offset: int, value: bytes) -> Path:
    content = bytearray(path.read_bytes())
    at = content.index(signature) + offset
    content[at : at + len(value)] = value
    path.write_bytes(content)
    return path


def encrypted(path: Path) -> Path:
    return patched(path, b"PK\1\2", 8, struct.pack("<H", 1))


def says_less(path: Path) -> Path:
    """A member that unpacks to more than the directory says."""
    patched(path, b"PK\1\2", 24, struct.pack("<I", 10))
    return patched(path, b"PK\3\4", 22, struct.pack("<I", 10))


def broken(path: Path) -> Path:
    return patched(path, b"PK\3\4", 40, b"\xff" * 8)


@pytest.mark.parametrize(
    ("harm", "reason"),
    [(encrypted, "encrypted"), (says_less, "damaged"), (broken, "damaged")],
)
def test_what_a_member_says_of_itself_is_held_against_what_comes(
    tmp_path: Path, harm: Callable[[Path], Path], reason: str
) -> None:
    content = bytes(range(256)) * 40
    found, unpacked = taken(harm(made(tmp_path, [("images/a.png", content)])))
    [(name, why)] = unpacked.refused
    assert name == "images/a.png"
    assert reason in why
    assert found == {}


def test_bombs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    zeros = bytes(2**19)
    path = made(tmp_path, [("images/a.png", zeros)])
    assert taken(path)[0] == {"images/a.png": zeros}, "small ones may be packed well"
    monkeypatch.setattr(archives, "SMALL", 1000)
    [(_, why)] = taken(path)[1].refused
    assert "200 times" in why
    path = made(tmp_path, [("images/a.png", zeros + b"1")])
    [(_, why)] = taken(path)[1].refused
    assert "larger than" in why
    path = made(tmp_path, [(f"images/{n}.png", zeros) for n in range(3)])
    with pytest.raises(BadArchive, match="more than 1,048,576 bytes"):
        taken(path)
    path = made(tmp_path, [("a.png", zeros)], zipfile.ZIP_BZIP2)
    [(_, why)] = taken(path)[1].refused
    assert "packed in a way" in why


def test_very_many_members(tmp_path: Path) -> None:
    path = made(tmp_path, [(f"{n}.png", b"x") for n in range(101)], zipfile.ZIP_STORED)
    with pytest.raises(BadArchive, match="more than 100 members"):
        taken(path)
    assert len(taken(path, Limits(101, 2**20, 2**20))[0]) == 101
    # One that says it has few, and has a long list.
    hidden = patched(path, b"PK\5\6", 8, struct.pack("<HH", 1, 1))
    with pytest.raises(BadArchive):
        taken(hidden)


@pytest.mark.parametrize("content", [b"", b"PK\5\6", b"no archive" * 100, b"PK\3\4" + bytes(100)])
def test_what_is_no_archive(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.zip"
    path.write_bytes(content)
    with pytest.raises(BadArchive):
        taken(path)


def test_whatever_bytes_are_wrong_it_is_refused_or_taken(tmp_path: Path) -> None:
    whole = made(tmp_path, [("images/a.png", b"abc" * 50), ("masks/a.png", b"x")]).read_bytes()
    for place in range(len(whole)):
        content = bytearray(whole)
        content[place] ^= 0xFF
        path = tmp_path / "b.zip"
        path.write_bytes(content)
        try:
            found, _ = taken(path)
        except BadArchive:
            continue
        assert sum(map(len, found.values())) <= LIMITS.bytes
    assert io.BytesIO(whole)
