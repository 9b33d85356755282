"""Import through its three doors, with files and manifests as strangers send them."""

import errno
import io
import json
import os
import unicodedata
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image as PillowImage
from sqlalchemy import select

from server import storage
from server.db import session_scope
from server.errors import BadInput
from server.models import Assignment, Image
from server.services.images import importing, manifests, verifying
from server.settings import get_settings
from tests.odd_pictures import (
    ASCII,
    ORIENTATION,
    exif_of,
    mpo,
    samples,
    scene,
    with_segment,
    with_tag,
)
from tests.server.one_database import ONE_DATABASE

Upload = Callable[[int, dict[str, bytes]], dict[str, Any]]
MakeProject = Callable[..., dict[str, Any]]


def encode(image: PillowImage.Image, form: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def png_header(width: int, height: int) -> bytes:
    """A PNG that claims a size and has next to no content."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        crc = zlib.crc32(kind + data).to_bytes(4, "big")
        return len(data).to_bytes(4, "big") + kind + data + crc

    header = width.to_bytes(4, "big") + height.to_bytes(4, "big") + bytes([8, 2, 0, 0, 0])
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 9))
        + chunk(b"IEND", b"")
    )  # fmt: skip


@pytest.fixture
def project_id(make_project: MakeProject) -> int:
    return int(make_project()["id"])


def shown(client: TestClient, project_id: int) -> list[dict[str, Any]]:
    return list(client.get(f"/api/v1/projects/{project_id}/images").json()["items"])


def pixels_of(client: TestClient, image: dict[str, Any]) -> np.ndarray:
    answer = client.get(image["url"])
    assert answer.status_code == 200
    return np.asarray(PillowImage.open(io.BytesIO(answer.content)).convert("RGB")).astype(int)


def test_uploading_twice_changes_nothing(
    engineer: TestClient, upload: Upload, project_id: int, jpeg: Callable[..., bytes]
) -> None:
    files = {"a.jpg": jpeg(1), "b.jpg": jpeg(2)}
    assert upload(project_id, files) == {"imported": 2, "skipped": 0, "rejected": []}
    assert upload(project_id, files) == {"imported": 0, "skipped": 2, "rejected": []}
    renamed = upload(project_id, {"renamed.jpg": jpeg(1)})
    assert renamed == {"imported": 0, "skipped": 1, "rejected": []}
    other = upload(project_id, {"a.jpg": jpeg(3)})
    assert other["rejected"] == [{"name": "a.jpg", "reason": "another image already has this name"}]
    assert [image["external_id"] for image in shown(engineer, project_id)] == ["a.jpg", "b.jpg"]


def test_a_plain_jpeg_is_kept_byte_for_byte(
    engineer: TestClient, upload: Upload, project_id: int, jpeg: Callable[..., bytes]
) -> None:
    upload(project_id, {"a.jpg": jpeg(5)})
    [image] = shown(engineer, project_id)
    answer = engineer.get(image["url"])
    assert answer.content == jpeg(5)
    assert answer.headers["content-type"] == "image/jpeg"
    assert "private" in answer.headers["cache-control"]


TOO_WIDE = png_header(30_000, 20)
BOMB = png_header(19_000, 19_000)
SMALL_JPEG = encode(PillowImage.effect_noise((64, 64), 90).convert("RGB"), "JPEG")
FRAMES = [PillowImage.new("RGB", (32, 32), color) for color in ("red", "blue")]


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("notes.jpg", b"Dear diary, this is not a picture.", "not a JPEG"),
        ("empty.jpg", b"", "not a JPEG"),
        ("truncated.jpg", SMALL_JPEG[: len(SMALL_JPEG) // 2], "damaged or cut off"),
        ("bomb.png", BOMB, "too many pixels"),
        ("large.png", png_header(8_000, 8_000), "over 60 million pixels"),
        ("one.png", encode(PillowImage.new("RGB", (1, 1)), "PNG"), "1 x 1"),
        ("wide.png", TOO_WIDE, "30000 x 20"),
        ("film.gif", encode(FRAMES[0], "GIF", save_all=True, append_images=FRAMES[1:]), "not a"),
        (
            "film.png",
            encode(FRAMES[0], "PNG", save_all=True, append_images=FRAMES[1:]),
            "animation",
        ),
        (
            "film.webp",
            encode(FRAMES[0], "WEBP", save_all=True, append_images=FRAMES[1:]),
            "animation",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
@ONE_DATABASE
def test_a_bad_file_is_rejected_with_its_reason_and_the_rest_is_imported(
    upload: Upload,
    project_id: int,
    jpeg: Callable[..., bytes],
    name: str,
    content: bytes,
    words: str,
) -> None:
    result = upload(project_id, {name: content, "good.jpg": jpeg(1)})
    assert result["imported"] == 1
    [rejected] = result["rejected"]
    assert rejected["name"] == name
    assert words in rejected["reason"]


NO_SIZE = b"II*\0\x08\0\0\0\1\0\x0e\1\2\0\4\0\0\0abc\0\0\0\0\0"
ODD_EXIF = {"exif": b"Exif\0\0\0\x08\0\2\1\x12\0\3"}


def test_whatever_is_wrong_with_a_file_the_others_of_its_request_are_imported(
    engineer: TestClient, upload: Upload, project_id: int, jpeg: Callable[..., bytes]
) -> None:
    odd = {
        "a.tif": NO_SIZE,
        "b.tif": samples()["plain.tif"][:600],
        "c.heic": b"\0\0\0\x18ftypheic\0\0\0\0mif1heic",
        "d.jpg": b"\xff\xd8\xff\xe1\0",
        "e.png": b"\x89PNG\r\n\x1a\n\0\0\0\0",
        "f.avif": samples()["told.avif"][:90],
    }
    taken = {
        "broken-exif.png": encode(scene(), "PNG", **ODD_EXIF),
        "text.tif": with_tag(encode(scene(), "TIFF"), ORIENTATION, ASCII, 6, b"right\0"),
        "nine.jpg": encode(scene(), "JPEG", exif=exif_of(ORIENTATION, 3, 1, b"\x09\0")),
        "camera.jpg": mpo(),
        "good.jpg": jpeg(1),
    }
    result = upload(project_id, odd | taken)
    assert result["imported"] == len(taken)
    assert [one["name"] for one in result["rejected"]] == list(odd)
    assert all(one["reason"] for one in result["rejected"])
    assert [one["name"] for one in result["notes"]] == list(taken)[:3]
    found = {image["external_id"]: image for image in shown(engineer, project_id)}
    assert "EXIF" in found["broken-exif.png"]["note"]
    assert found["good.jpg"]["note"] is None
    assert all(pixels_of(engineer, image).size for image in found.values())


def test_exif_rotation_is_applied_once(
    engineer: TestClient, upload: Upload, project_id: int
) -> None:
    picture = PillowImage.new("RGB", (64, 32), "black")
    picture.paste("white", (0, 0, 32, 32))
    exif = PillowImage.Exif()
    exif[0x0112] = 6  # to be turned clockwise by a quarter for viewing
    upload(project_id, {"turned.jpg": encode(picture, "JPEG", quality=95, exif=exif)})
    [image] = shown(engineer, project_id)
    assert (image["width"], image["height"]) == (32, 64)
    found = pixels_of(engineer, image)
    assert found[8, 16].min() > 240
    assert found[56, 16].max() < 15
    stored = PillowImage.open(io.BytesIO(engineer.get(image["url"]).content))
    assert 0x0112 not in stored.getexif()


def test_sixteen_bits_are_scaled_and_not_clipped(
    engineer: TestClient, upload: Upload, project_id: int
) -> None:
    ramp = np.linspace(0, 65535, 64 * 64).reshape(64, 64).astype(np.uint16)
    upload(project_id, {"deep.png": encode(PillowImage.fromarray(ramp), "PNG")})
    [image] = shown(engineer, project_id)
    expected = np.repeat((ramp / 257).astype(int)[..., None], 3, axis=2)
    assert np.abs(pixels_of(engineer, image) - expected).max() <= 1


def test_cmyk_becomes_rgb(engineer: TestClient, upload: Upload, project_id: int) -> None:
    red = PillowImage.new("CMYK", (32, 32), (0, 255, 255, 0))
    upload(project_id, {"print.jpg": encode(red, "JPEG", quality=95)})
    [image] = shown(engineer, project_id)
    r, g, b = pixels_of(engineer, image)[16, 16]
    assert r > 200
    assert max(g, b) < 60


def test_scaled_pictures_are_as_wide_as_asked_for(
    engineer: TestClient, upload: Upload, project_id: int, jpeg: Callable[..., bytes]
) -> None:
    upload(project_id, {"large.jpg": jpeg(1, (1000, 500))})
    [image] = shown(engineer, project_id)
    sizes = {
        width: PillowImage.open(
            io.BytesIO(engineer.get(f"{image['url']}?width={width}").content)
        ).size
        for width in (200, 320, 321, 5000)
    }
    assert sizes == {200: (320, 160), 320: (320, 160), 321: (640, 320), 5000: (1000, 500)}


def test_more_than_the_widest_is_the_widest_and_never_the_original(
    engineer: TestClient, upload: Upload, project_id: int, jpeg: Callable[..., bytes]
) -> None:
    upload(project_id, {"panorama.jpg": jpeg(1, (5000, 40))})
    [image] = shown(engineer, project_id)
    for asked, width in ((4096, 2560), (20_000, 5000)):
        answer = engineer.get(f"{image['url']}?width={asked}")
        assert PillowImage.open(io.BytesIO(answer.content)).width == width


def send_manifest(client: TestClient, project_id: int, *lines: object) -> Any:
    text = "\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines)
    return client.post(
        f"/api/v1/projects/{project_id}/images",
        content=text,
        headers={"Content-Type": "application/x-ndjson"},
    )


def test_a_manifest_is_registered_at_once_and_verified_later(
    engineer: TestClient, project_id: int, jpeg: Callable[..., bytes]
) -> None:
    root = get_settings().images
    (root / "cam").mkdir(parents=True)
    (root / "cam/1.jpg").write_bytes(jpeg(1))
    (root / "cam/2.jpg").write_bytes(b"no picture")
    lines = [{"uri": "cam/1.jpg", "external_id": "one"}, {"uri": "cam/2.jpg"}]
    answer = send_manifest(engineer, project_id, *lines)
    assert answer.json() == {"imported": 2, "skipped": 0, "rejected": []}
    assert {i["state"] for i in shown(engineer, project_id)} == {"registered"}
    assert send_manifest(engineer, project_id, *lines).json()["skipped"] == 2

    assert verifying.verify_registered() == 2
    one, two = shown(engineer, project_id)
    assert (one["external_id"], one["state"], one["width"]) == ("one", "ready", 64)
    assert (two["external_id"], two["state"]) == ("cam/2.jpg", "rejected")
    assert "not a JPEG" in two["reject_reason"]
    assert engineer.get(two["url"]).status_code == 404
    assert engineer.get(one["url"]).content == jpeg(1)


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (['{"uri": "a.jpg"}', "{uri: b}"], "line 2: not JSON"),
        (['{"uri": "a.jpg"}', "", "[1, 2]"], "line 3:"),
        (['{"uri": "a.jpg"}', '{"url": "b.jpg"}'], "line 2: uri"),
        (['{"uri": "a.jpg"}', '{"uri": "b.jpg", "extra": 1}'], "line 2: extra"),
        (['{"uri": "a.jpg"}', '"' + "x" * 20_000 + '"'], "line 2: longer"),
        (["[" * 10_000], "line 1: not JSON"),
        (
            ['{"uri": "a.jpg", "external_id": "1"}', '{"uri": "b.jpg", "external_id": "1"}'],
            "line 2: external_id '1' is on line 1",
        ),
    ],
)
def test_a_bad_line_is_named_and_nothing_is_imported(
    engineer: TestClient, project_id: int, lines: list[str], words: str
) -> None:
    answer = send_manifest(engineer, project_id, *lines)
    assert answer.status_code == 422
    assert words in answer.json()["detail"]
    assert shown(engineer, project_id) == []


def test_a_manifest_is_stored_in_pieces_once_all_of_it_is_right(
    engineer: TestClient, project_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importing, "BATCH", 2)
    names = ["d", "b", "cafe\u0301", 'a "quoted" \\ name', "\U0001f697", "c", "e"]
    lines: list[object] = [
        {"uri": f"{n}.jpg", "external_id": name, "split": "val"} for n, name in enumerate(names)
    ]
    assert send_manifest(engineer, project_id, *lines, {"uri": ""}).status_code == 422
    assert shown(engineer, project_id) == []

    send_manifest(engineer, project_id, lines[3])
    answer = send_manifest(engineer, project_id, *lines, lines[0]).json()
    assert answer == {"imported": 6, "skipped": 2, "rejected": []}
    order = [names[3], *(name for name in names if name != names[3])]
    assert [image["external_id"] for image in shown(engineer, project_id)] == order
    with session_scope(read_only=True) as session:
        images = session.scalars(select(Image).order_by(Image.id)).all()
        assert [image.comparable_id for image in images] == [
            unicodedata.normalize("NFC", image.external_id) for image in images
        ]
        assert {image.split for image in images} == {"val"}
        wanted = select(Assignment.image_id).where(Assignment.state == "open")
        assert sorted(session.scalars(wanted)) == [image.id for image in images]


def test_bytes_that_are_not_utf8_are_named(engineer: TestClient, project_id: int) -> None:
    answer = engineer.post(
        f"/api/v1/projects/{project_id}/images",
        content=b'{"uri": "a.jpg"}\n{"uri": "\xff\xfe"}\n',
        headers={"Content-Type": "application/x-ndjson"},
    )
    assert answer.status_code == 422
    assert "line 2" in answer.json()["detail"]


@pytest.mark.parametrize(
    "uri",
    [
        "../secret.jpg",
        "a/../../secret.jpg",
        "/etc/passwd",
        "..\\secret.jpg",
        "file:///etc/passwd",
        "file:/etc/passwd",
        "http://example.org/a.jpg",
        "https://10.0.0.1/a.jpg",
        "https://localhost/a.jpg",
        "https://[::1]/a.jpg",
        "https://[broken/a.jpg",
        "https://user:password@example.org/a.jpg",
        "s3://bucket/a.jpg",
        "a\u0000.jpg",
    ],
)
@ONE_DATABASE
def test_an_address_that_is_not_allowed_is_rejected(
    engineer: TestClient, project_id: int, uri: str
) -> None:
    answer = send_manifest(engineer, project_id, {"uri": uri}, {"uri": "good.jpg"})
    assert answer.status_code == 200
    assert answer.json()["imported"] == 1
    assert [r["name"] for r in answer.json()["rejected"]] == [uri]
    assert [i["external_id"] for i in shown(engineer, project_id)] == ["good.jpg"]


def test_an_allowed_host_in_a_private_network_is_not_fetched(
    engineer: TestClient, project_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WEAKSEG_IMAGE_HOSTS", '["localhost"]')
    get_settings.cache_clear()
    send_manifest(engineer, project_id, {"uri": "https://localhost/a.jpg"})
    verifying.verify_registered()
    [image] = shown(engineer, project_id)
    assert image["state"] == "rejected"
    assert "private network" in image["reject_reason"]


def test_a_link_out_of_the_image_folder_is_not_followed(
    engineer: TestClient, project_id: int, tmp_path: Path, jpeg: Callable[..., bytes]
) -> None:
    root = get_settings().images
    root.mkdir(parents=True)
    (tmp_path / "secret.jpg").write_bytes(jpeg(1))
    (root / "link.jpg").symlink_to(tmp_path / "secret.jpg")
    send_manifest(engineer, project_id, {"uri": "link.jpg"})
    verifying.verify_registered()
    [image] = shown(engineer, project_id)
    assert "leads out" in image["reject_reason"]


ODD_ADDRESSES = [
    "loop/a.jpg", "pipe", "cam", "x" * 300 + ".jpg", "https://localhost/%zz/a.jpg",
    "https://" + "a" * 70 + ".org/a.jpg",
]  # fmt: skip


def odd_folder(monkeypatch: pytest.MonkeyPatch) -> Path:
    root = get_settings().images
    (root / "cam").mkdir(parents=True)
    (root / "loop").symlink_to(root / "pool")
    (root / "pool").symlink_to(root / "loop")
    os.mkfifo(root / "pipe")
    monkeypatch.setenv("WEAKSEG_IMAGE_HOSTS", json.dumps(["localhost", "a" * 70 + ".org"]))
    get_settings.cache_clear()
    return root


def test_a_picture_that_cannot_be_fetched_stops_no_other(
    engineer: TestClient,
    project_id: int,
    jpeg: Callable[..., bytes],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    root = odd_folder(monkeypatch)
    (root / "odd.tif").write_bytes(NO_SIZE)
    (root / "broken-exif.png").write_bytes(encode(scene(), "PNG", **ODD_EXIF))
    (root / "good.jpg").write_bytes(jpeg(1))
    uris = [*ODD_ADDRESSES, "odd.tif", "broken-exif.png", "good.jpg"]
    answer = send_manifest(engineer, project_id, *({"uri": uri} for uri in uris))
    assert answer.json()["imported"] == len(uris)
    assert verifying.verify_registered() == len(uris)
    found = {image["external_id"]: image for image in shown(engineer, project_id)}
    assert [uri for uri in uris if found[uri]["state"] == "ready"] == uris[-2:]
    assert all(found[uri]["reject_reason"] for uri in uris[:-2])
    assert found["broken-exif.png"]["note"]
    assert verifying.verify_registered() == 0


def test_the_first_lease_passes_over_what_cannot_be_read(
    engineer: TestClient,
    project_id: int,
    jpeg: Callable[..., bytes],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (odd_folder(monkeypatch) / "good.jpg").write_bytes(jpeg(1))
    uris = [*ODD_ADDRESSES, "good.jpg"]
    send_manifest(engineer, project_id, *({"uri": uri} for uri in uris))
    answer = engineer.post(f"/api/v1/projects/{project_id}/leases", json={"count": 8})
    assert answer.status_code == 200
    assert [lease["image"]["external_id"] for lease in answer.json()] == ["good.jpg"]


@pytest.mark.parametrize("port", ["99999", "abc", "-1"])
@ONE_DATABASE
def test_a_port_that_is_none_is_rejected_at_once(
    engineer: TestClient, project_id: int, port: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WEAKSEG_IMAGE_HOSTS", '["example.org"]')
    get_settings.cache_clear()
    uri = f"https://example.org:{port}/a.jpg"
    answer = send_manifest(engineer, project_id, {"uri": uri}, {"uri": "good.jpg"})
    assert answer.json()["imported"] == 1
    [rejected] = answer.json()["rejected"]
    assert rejected["name"] == uri
    assert "not a valid address" in rejected["reason"]


@pytest.mark.parametrize("error", [RuntimeError("what?"), TypeError(), MemoryError(), KeyError(1)])
@ONE_DATABASE
def test_an_error_that_nobody_thought_of_is_that_pictures_reason(
    engineer: TestClient,
    project_id: int,
    jpeg: Callable[..., bytes],
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
) -> None:
    root = get_settings().images
    root.mkdir(parents=True)
    (root / "odd.jpg").write_bytes(jpeg(1, (99, 40)))
    (root / "good.jpg").write_bytes(jpeg(2))
    whole = PillowImage.open

    def fail(file: Any, **options: Any) -> PillowImage.Image:
        image = whole(file, **options)
        if image.width == 99:
            raise error
        return image

    monkeypatch.setattr(PillowImage, "open", fail)
    send_manifest(engineer, project_id, {"uri": "odd.jpg"}, {"uri": "good.jpg"})
    assert verifying.verify_registered() == 2
    odd, good = shown(engineer, project_id)
    assert (odd["state"], good["state"]) == ("rejected", "ready")
    assert odd["reject_reason"]


def test_no_picture_is_rejected_for_a_full_disk(
    engineer: TestClient,
    project_id: int,
    jpeg: Callable[..., bytes],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    root = get_settings().images
    root.mkdir(parents=True)
    names = [f"{n}.jpg" for n in range(3)]
    for number, name in enumerate(names):
        (root / name).write_bytes(jpeg(number))
    send_manifest(engineer, project_id, *({"uri": name} for name in names))
    whole = storage.Storage.put_bytes

    def fail(self: storage.Storage, key: str, content: bytes) -> None:
        if content == jpeg(0) or full:
            raise OSError(errno.ENOSPC, "No space left on device")
        whole(self, key, content)

    monkeypatch.setattr(storage.Storage, "put_bytes", fail)
    full = True
    assert verifying.verify_registered() == 0
    assert {image["state"] for image in shown(engineer, project_id)} == {"registered"}
    full = False
    assert verifying.verify_registered(limit=2) == 2
    states = [image["state"] for image in shown(engineer, project_id)]
    assert states == ["registered", "ready", "ready"]
    monkeypatch.setattr(storage.Storage, "put_bytes", whole)
    assert verifying.verify_registered() == 1


def test_pages_and_states(
    engineer: TestClient, upload: Upload, project_id: int, jpeg: Callable[..., bytes]
) -> None:
    upload(project_id, {f"{n}.jpg": jpeg(n) for n in range(5)})
    found: list[str] = []
    cursor = None
    while True:
        query = {"limit": 2} | ({"cursor": cursor} if cursor else {})
        page = engineer.get(f"/api/v1/projects/{project_id}/images", params=query).json()
        found += [image["external_id"] for image in page["items"]]
        if (cursor := page["next_cursor"]) is None:
            break
    assert found == [f"{n}.jpg" for n in range(5)]
    url = f"/api/v1/projects/{project_id}/images?state="
    assert len(engineer.get(url + "unlabelled").json()["items"]) == 5
    assert engineer.get(url + "rejected").json()["items"] == []
    assert engineer.get(url + "nonsense").status_code == 422


def test_other_content_types_are_refused(engineer: TestClient, project_id: int) -> None:
    answer = engineer.post(f"/api/v1/projects/{project_id}/images", json={"uri": "a"})
    assert (answer.status_code, answer.json()["code"]) == (422, "content-type")


ODD_NAMES = (
    "Screenshot 3.05\u202fPM.png",
    "a\u00a0b.png",
    "a b.png",
    "ab.png",
    "a\u3000b.png",
    "a\u00adb.png",
    "a\u200cb.png",
    "\U0001f469\u200d\U0001f697/\u200fx.png",
    "'; DROP TABLE images; --.png",
    "%00<b>&amp;.png",
)


def test_names_are_kept_as_they_are(
    engineer: TestClient, upload: Upload, project_id: int, jpeg: Callable[..., bytes]
) -> None:
    files = {name: jpeg(20 * number) for number, name in enumerate(ODD_NAMES)}
    assert upload(project_id, files) == {"imported": len(files), "skipped": 0, "rejected": []}
    assert [image["external_id"] for image in shown(engineer, project_id)] == list(ODD_NAMES)
    lines = [
        json.dumps({"image": name, "width": 64, "height": 48, "present": ["Road"]})
        for name in ODD_NAMES
    ]
    answer = engineer.post(
        f"/api/v1/projects/{project_id}/labels/import", content="\n".join(lines),
        params={"format": "jsonl"}, headers={"Content-Type": "application/octet-stream"},
    )  # fmt: skip
    assert answer.json()["imported"] == len(ODD_NAMES), answer.text


def test_folders_are_written_with_slashes(
    engineer: TestClient, upload: Upload, project_id: int, jpeg: Callable[..., bytes]
) -> None:
    upload(project_id, {".\\x\\a.jpg": jpeg(1), "./y//./b.jpg": jpeg(2)})
    assert [i["external_id"] for i in shown(engineer, project_id)] == ["x/a.jpg", "y/b.jpg"]


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("../../x\\evil.jpg", "out of its folder"),
        ("/etc/a.jpg", "absolute"),
        ("//nas/a.jpg", "absolute"),
        ("a\u202egpj.exe", "direction of writing"),
        ("a\u0085\u009b.jpg", "control character"),
        ("a\u0085b.jpg", "ends a line (U+0085)"),
        ("a\u2029b.jpg", "ends a line (U+2029)"),
        ("a\u2067b.jpg", "direction of writing (U+2067)"),
        ("a\uffffb.jpg", "no character (U+FFFF)"),
        ("x" * 501, "longer than 500 characters"),
    ],
)
@ONE_DATABASE
def test_a_name_that_does_harm_is_refused_with_the_reason(
    engineer: TestClient,
    upload: Upload,
    project_id: int,
    jpeg: Callable[..., bytes],
    name: str,
    reason: str,
) -> None:
    result = upload(project_id, {name: jpeg(1), "good.jpg": jpeg(2)})
    assert result["imported"] == 1
    assert reason in result["rejected"][0]["reason"]
    manifest = send_manifest(engineer, project_id, {"uri": name}, {"uri": "b.jpg"}).json()
    assert (manifest["imported"], len(manifest["rejected"])) == (1, 1)
    assert [i["external_id"] for i in shown(engineer, project_id)] == ["good.jpg", "b.jpg"]


def test_two_spellings_of_a_name_are_one_image(
    engineer: TestClient, upload: Upload, project_id: int, jpeg: Callable[..., bytes]
) -> None:
    composed, parts = "caf\u00e9/\uac01.jpg", "cafe\u0301/\u1100\u1161\u11a8.jpg"
    assert upload(project_id, {parts: jpeg(1)})["imported"] == 1
    assert upload(project_id, {composed: jpeg(1)})["skipped"] == 1
    other = upload(project_id, {composed: jpeg(2)})
    assert "already has this name" in other["rejected"][0]["reason"]
    assert send_manifest(engineer, project_id, {"uri": composed}).json()["skipped"] == 1
    lines = [{"uri": f"new/{name}"} for name in (composed, parts)]
    answer = send_manifest(engineer, project_id, *lines)
    assert answer.status_code == 422
    assert "line 2" in answer.json()["detail"]
    assert [i["external_id"] for i in shown(engineer, project_id)] == [parts]


def test_a_manifest_finds_a_file_that_is_spelled_otherwise_on_disk(
    engineer: TestClient, project_id: int, jpeg: Callable[..., bytes]
) -> None:
    folder = get_settings().images / "cafe\u0301"
    folder.mkdir(parents=True)
    (folder / "o\u0308 \u202f.jpg").write_bytes(jpeg(1))
    send_manifest(engineer, project_id, {"uri": "caf\u00e9/\u00f6 \u202f.jpg"})
    verifying.verify_registered()
    assert [image["state"] for image in shown(engineer, project_id)] == ["ready"]


def test_links_lead_out_of_the_image_folder_where_that_is_allowed(
    engineer: TestClient,
    project_id: int,
    tmp_path: Path,
    jpeg: Callable[..., bytes],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("WEAKSEG_IMAGE_LINKS", "true")
    get_settings.cache_clear()
    root = get_settings().images
    root.mkdir(parents=True)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/1.jpg").write_bytes(jpeg(1))
    (root / "linked").symlink_to(tmp_path / "elsewhere")
    send_manifest(engineer, project_id, {"uri": "linked/1.jpg"}, {"uri": "linked/../1.jpg"})
    verifying.verify_registered()
    assert [i["state"] for i in shown(engineer, project_id)] == ["ready"]


def test_very_many_refusals_are_counted_and_a_few_told(
    engineer: TestClient, project_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importing, "MOST_LISTED", 3)
    lines = [{"uri": f"../{number}.jpg"} for number in range(9)]
    answer = send_manifest(engineer, project_id, *lines, {"uri": "good.jpg"}).json()
    assert (answer["imported"], answer["rejected_total"]) == (1, 9)
    assert [one["name"] for one in answer["rejected"]] == [f"../{n}.jpg" for n in range(3)]


def test_a_line_without_an_end_is_not_kept_in_memory() -> None:
    class Endless(io.RawIOBase):
        given = 0

        def readline(self, size: int | None = -1, /) -> bytes:
            assert size is not None
            assert size > 0
            self.given += size
            return b" " * size

    file = Endless()
    with pytest.raises(BadInput, match="line 1: longer than"):
        list(manifests.parse(manifests.lines_of(file)))  # type: ignore[arg-type]
    assert file.given < 20_000


SECRET = b"N 48.858370 E 2.294481"


def telling(jpeg: bytes) -> bytes:
    """A JPEG that says where it was made, in its EXIF, in a comment and behind its end."""
    gps = PillowImage.Exif()
    gps[0x010E] = SECRET.decode()
    return with_segment(with_segment(jpeg, 0xE1, gps.tobytes()), 0xFE, SECRET) + SECRET


def stored_bytes() -> bytes:
    root = get_settings().files
    return b"".join(path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file())


def import_by_every_door(
    client: TestClient,
    project_id: int,
    folder: Path,
    pictures: dict[str, bytes],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("WEAKSEG_IMAGE_HOSTS", '["example.org"]')
    get_settings.cache_clear()
    files = [("files", ("upload.jpg", pictures["upload.jpg"]))]
    client.post(f"/api/v1/projects/{project_id}/images", files=files)
    (folder / "folder.jpg").write_bytes(pictures["folder.jpg"])
    importing.import_path(project_id, "folder.jpg", folder / "folder.jpg", importing.Imported())
    root = get_settings().images
    root.mkdir(parents=True, exist_ok=True)
    (root / "path.jpg").write_bytes(pictures["path.jpg"])
    monkeypatch.setattr(manifests, "fetch", lambda _uri, _settings: pictures["fetched.jpg"])
    fetched = {"uri": "https://example.org/a.jpg", "external_id": "fetched.jpg"}
    send_manifest(client, project_id, {"uri": "path.jpg"}, fetched)
    assert verifying.verify_registered() == 2


@pytest.mark.parametrize("keep", [False, True])
def test_pictures_tell_nothing_besides_by_whatever_door_they_came(
    engineer: TestClient, project_id: int, jpeg: Callable[..., bytes], tmp_path: Path, keep: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setenv("WEAKSEG_KEEP_METADATA", str(keep))
    names = ("upload.jpg", "folder.jpg", "path.jpg", "fetched.jpg")
    plain = {name: jpeg(number, (640, 480)) for number, name in enumerate(names)}
    sent = {name: telling(content) for name, content in plain.items()}
    import_by_every_door(engineer, project_id, tmp_path, sent, monkeypatch)
    images = {image["external_id"]: image for image in shown(engineer, project_id)}
    assert images.keys() == plain.keys()
    for name, image in images.items():
        assert engineer.get(image["url"]).content == (sent if keep else plain)[name]
        assert SECRET not in engineer.get(image["url"], params={"width": 320}).content
    assert (SECRET in stored_bytes()) is keep
    # An image is known again by the file that was sent.
    again = engineer.post(
        f"/api/v1/projects/{project_id}/images", files=[("files", ("b.jpg", sent["path.jpg"]))]
    )
    assert again.json()["skipped"] == 1
