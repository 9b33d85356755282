"""The drawn street scenes: exact, repeatable, varied, and in two looks that differ."""

import hashlib
import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from scenes.__main__ import main
from scenes.canvas import Camera, Canvas, Light, Pose, Room
from scenes.category import Category
from scenes.compose import SMALLEST_SHARE
from scenes.dice import Dice
from scenes.domain import CATEGORIES, COLORS, Scene, render_scene, write_domain
from scenes.finish import majority
from scenes.style import Look
from trainer.contract.cards import load_card
from trainer.contract.masks import decode_mask, mask_codes
from trainer.data.samples import list_samples
from trainer.errors import BadInput

SMALL = (160, 120)
SAMPLE = 40


def digest(scene: Scene) -> str:
    return hashlib.sha256(scene.image.tobytes() + scene.mask.tobytes()).hexdigest()


@cache
def sample(look: Look) -> tuple[tuple[np.ndarray, np.ndarray], ...]:
    """Pictures and masks of many small scenes."""
    drawn = (render_scene(look, 3, index, SMALL) for index in range(SAMPLE))
    return tuple((np.asarray(scene.image), np.asarray(scene.mask)) for scene in drawn)


def presence(look: Look) -> Counter[str]:
    """In how many scenes of the sample each category is."""
    return Counter(CATEGORIES[i] for _, mask in sample(look) for i in np.unique(mask))


def test_categories_are_the_eleven_of_the_street() -> None:
    assert (
        *("Sky", "Building", "Pole", "Road", "Pavement", "Tree", "SignSymbol"),
        *("Fence", "Car", "Pedestrian", "Bicyclist"),
    ) == CATEGORIES
    assert len(set(COLORS)) == len(CATEGORIES)


@pytest.mark.parametrize("look", Look)
def test_the_same_scene_is_the_same_bytes_in_another_process(look: Look) -> None:
    program = (
        "import hashlib; from scenes.domain import render_scene; from scenes.style import Look\n"
        f"scene = render_scene(Look({look.value!r}), 5, 2, {SMALL})\n"
        "print(hashlib.sha256(scene.image.tobytes() + scene.mask.tobytes()).hexdigest())"
    )
    other = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert other.stdout.strip() == digest(render_scene(look, 5, 2, SMALL))


def test_seed_index_and_look_each_change_the_scene() -> None:
    scenes_of = [
        render_scene(Look.SOURCE, 0, 0, SMALL),
        render_scene(Look.SOURCE, 0, 1, SMALL),
        render_scene(Look.SOURCE, 1, 0, SMALL),
        render_scene(Look.TARGET, 0, 0, SMALL),
    ]
    assert len({digest(scene) for scene in scenes_of}) == 4


@pytest.mark.parametrize("look", Look)
@pytest.mark.parametrize("size", [(480, 360), (97, 64)])
def test_picture_and_mask_have_the_size_that_was_asked_for(
    look: Look, size: tuple[int, int]
) -> None:
    scene = render_scene(look, 0, 0, size)
    assert scene.image.mode == "RGB"
    assert scene.image.size == scene.mask.size == size


@pytest.mark.parametrize("look", Look)
def test_masks_hold_the_eleven_ids_and_nothing_else(look: Look) -> None:
    for _, mask in sample(look):
        assert mask.dtype == np.uint8
        assert mask.max() < len(CATEGORIES)


def test_a_mask_shows_its_categories_in_their_colours() -> None:
    mask = render_scene(Look.SOURCE, 0, 0, SMALL).mask
    column, row = 80, 118
    shown = mask.convert("RGB").getpixel((column, row))
    assert shown == tuple(bytes.fromhex(COLORS[int(np.asarray(mask)[row, column])][1:]))


@pytest.mark.parametrize("look", Look)
def test_presence_varies_so_that_tags_carry_information(look: Look) -> None:
    counts = presence(look)
    for name in ("Pole", "Tree", "SignSymbol", "Fence", "Car", "Pedestrian", "Bicyclist"):
        assert 0.15 * SAMPLE < counts[name] < 0.92 * SAMPLE, name
    for name in ("Sky", "Building", "Pavement"):
        assert 0.6 * SAMPLE < counts[name] < SAMPLE, name
    assert counts["Road"] > 0.8 * SAMPLE
    kinds = {tuple(np.unique(mask)) for _, mask in sample(look)}
    assert len(kinds) > SAMPLE / 2


@pytest.mark.parametrize("look", Look)
def test_what_is_present_can_be_seen(look: Look) -> None:
    least = SMALLEST_SHARE * SMALL[0] * SMALL[1]
    specks = sum(
        0 < count < least for _, mask in sample(look) for count in np.bincount(mask.ravel())
    )
    # The lens of the target look bends the picture a little after the specks are removed.
    assert specks <= 0.03 * SAMPLE


def test_the_mask_follows_the_picture() -> None:
    """Sky is bright and blue, foliage is green: so wherever the mask says so."""
    for image, mask in sample(Look.SOURCE):
        for category, channel in ((Category.SKY, 2), (Category.TREE, 1)):
            inside = image[mask == category].astype(float)
            if len(inside) > 50:
                others = np.delete(inside, channel, axis=1)
                agree = (inside[:, [channel]] >= others - 12).all(axis=1).mean()
                assert agree > 0.85


def test_the_looks_differ_in_light_and_colour() -> None:
    def statistics(look: Look) -> tuple[float, float]:
        pixels = np.stack([image for image, _ in sample(look)]).astype(float)
        return pixels.mean(), (pixels.max(axis=3) - pixels.min(axis=3)).mean()

    source_light, source_colour = statistics(Look.SOURCE)
    target_light, target_colour = statistics(Look.TARGET)
    assert source_light > target_light + 15
    assert source_colour > 1.5 * target_colour


def test_the_target_camera_is_noisier() -> None:
    def noise(look: Look) -> float:
        sky = []
        for image, mask in sample(look):
            change = np.abs(np.diff(image.mean(axis=2), axis=1))
            inside = (mask[:, 1:] == Category.SKY) & (mask[:, :-1] == Category.SKY)
            sky.append(np.median(change[inside]) if inside.any() else 0)
        return float(np.median(sky))

    assert noise(Look.TARGET) > 2 * noise(Look.SOURCE)


@pytest.mark.parametrize(
    ("four", "commonest"),
    [((7, 7, 2, 1), 7), ((1, 5, 5, 9), 5), ((0, 3, 8, 8), 8), ((4, 4, 4, 4), 4), ((2, 0, 2, 0), 0)],
)
def test_a_mask_pixel_is_the_commonest_of_its_four(
    four: tuple[int, int, int, int], commonest: int
) -> None:
    mask = Image.fromarray(np.array(four, np.uint8).reshape(2, 2))
    assert majority(mask).tolist() == [[commonest]]


def test_the_camera_sees_by_hand_computed_perspective() -> None:
    level = Camera((400, 300), 0.5, Pose(x=0.0, height=2.0, yaw=0.0, pitch=0.0, roll=0.0))
    pixels, distance = level.polygon([(-1, 0, 10), (0, 2, 10), (3, 4, 10)])
    # Focal length 200 pixels: one metre at ten metres is 20 pixels, from the centre (200, 150).
    assert pixels == [(180, 190), (200, 150), (260, 110)]
    assert distance == 10
    assert level.horizon == 150


def test_what_is_behind_the_camera_is_cut_off() -> None:
    camera = Camera((400, 300), 0.5, Pose(x=0.0, height=2.0, yaw=0.0, pitch=0.0, roll=0.0))
    assert camera.polygon([(0, 0, -5), (1, 0, -5), (1, 1, -4)])[0] == []
    half, _ = camera.polygon([(-1, 0, -10), (-1, 0, 10), (1, 0, 10), (1, 0, -10)])
    assert len(half) == 4
    assert max(y for _, y in half) == pytest.approx(150 + 200 * 2 / 0.6)


def test_what_is_drawn_later_hides_what_was_there_in_picture_and_mask() -> None:
    camera = Camera((40, 40), 1.0, Pose(x=0.0, height=0.0, yaw=0.0, pitch=0.0, roll=0.0))
    light = Light((0, 1, 0), (0, 0, 0), (1, 1, 1), (0, 0, 0), 0.0, 0.0)
    backdrop = (Image.new("RGB", (20, 20), "white"), Category.SKY)
    canvas = Canvas(camera, light, backdrop, Dice(0))
    wall = [(-1.0, -1.0, 4.0), (-1.0, 1.0, 4.0), (1.0, 1.0, 4.0), (1.0, -1.0, 4.0)]
    canvas.face(wall, (200, 0, 0), Category.BUILDING)
    canvas.glow((0.0, 0.0, 4.0), 1.0, (255, 255, 255))
    assert len(canvas.visible_glows()) == 1
    canvas.face([(x / 2, y / 2, z / 2) for x, y, z in wall], (0, 200, 0), Category.CAR)
    assert canvas.mask.getpixel((20, 20)) == Category.CAR
    assert canvas.image.getpixel((20, 20)) == (0, 156, 0)
    assert canvas.mask.getpixel((2, 2)) == Category.SKY
    assert canvas.visible_glows() == []


def test_two_things_do_not_stand_in_the_same_place() -> None:
    car = Room(s=20, t=3, half_s=2, half_t=1)
    assert car.meets(Room(21.9, 3.5, 0.5, 0.5))
    assert not car.meets(Room(23.0, 3.0, 0.5, 0.5))
    assert not car.meets(Room(20.0, 5.0, 2.0, 0.5))


def contents(folder: Path) -> dict[str, bytes]:
    paths = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


def test_a_written_domain_is_read_by_its_card(tmp_path: Path) -> None:
    told: list[int] = []
    card_path = write_domain(tmp_path / "d", Look.TARGET, 3, 4, size=SMALL, progress=told.append)
    assert told == [1, 2, 3]
    card = load_card(card_path)
    samples = list_samples(card, with_masks=True)
    assert [sample.name for sample in samples] == [f"images/scene-0000{i}.jpg" for i in range(3)]
    codes = mask_codes(card, CATEGORIES)
    for index, sample_ in enumerate(samples):
        assert sample_.mask is not None
        scene = render_scene(Look.TARGET, 4, index, SMALL)
        assert np.array_equal(decode_mask(sample_.mask, codes), np.asarray(scene.mask))
        with Image.open(sample_.image) as image:
            difference = np.asarray(image, float) - np.asarray(scene.image, float)
        assert np.abs(difference).mean() < 8


def test_writing_again_changes_nothing(tmp_path: Path) -> None:
    write_domain(tmp_path, Look.SOURCE, 2, 0, size=SMALL)
    before = contents(tmp_path)
    times = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    told: list[int] = []
    write_domain(tmp_path, Look.SOURCE, 2, 0, size=SMALL, progress=told.append)
    assert contents(tmp_path) == before
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == times
    assert told == []


class Interrupted(Exception):
    """Raised in place of a kill."""


def test_an_interrupted_writing_is_completed_by_the_next(tmp_path: Path) -> None:
    def stop(done: int) -> None:
        if done == 2:
            raise Interrupted

    whole, broken = tmp_path / "whole", tmp_path / "broken"
    write_domain(whole, Look.SOURCE, 4, 0, size=SMALL, processes=1)
    with pytest.raises(Interrupted):
        write_domain(broken, Look.SOURCE, 4, 0, size=SMALL, processes=1, progress=stop)
    assert not (broken / "card.yaml").exists()
    (broken / "masks" / "scene-00001.png").unlink()
    (broken / ".scene-00002.jpg").write_bytes(b"half a picture")
    write_domain(broken, Look.SOURCE, 4, 0, size=SMALL, processes=1)
    assert contents(broken) == contents(whole)


def test_several_processes_write_what_one_writes(tmp_path: Path) -> None:
    write_domain(tmp_path / "one", Look.SOURCE, 8, 0, size=SMALL, processes=1)
    write_domain(tmp_path / "two", Look.SOURCE, 8, 0, size=SMALL, processes=2)
    assert contents(tmp_path / "one") == contents(tmp_path / "two")


def is_running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state not in "ZX"


def wait_until(is_so: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + 120
    while not is_so():
        assert time.monotonic() < deadline, f"waited in vain until {what}"
        time.sleep(0.05)


def test_a_killed_writer_leaves_no_process_behind(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "scenes", "--out", str(tmp_path / "d")]
    with subprocess.Popen([*command, "--count", "5000"]) as writer:
        wait_until(lambda: [*tmp_path.glob("d/images/*.jpg")], "a scene is written")
        children = Path(f"/proc/{writer.pid}/task/{writer.pid}/children").read_text().split()
        assert len(children) >= 2
        writer.kill()
    wait_until(lambda: not any(is_running(int(pid)) for pid in children), "the others ended")


def test_without_masks_none_are_on_disk(tmp_path: Path) -> None:
    card = load_card(write_domain(tmp_path, Look.TARGET, 2, 0, size=SMALL, with_masks=False))
    assert card.masks is None
    assert not (tmp_path / "masks").exists()
    assert len(list_samples(card, with_masks=False)) == 2


@pytest.mark.parametrize(
    "other",
    [{"seed": 1}, {"count": 3}, {"look": Look.TARGET}, {"size": (96, 64)}, {"with_masks": False}],
    ids=lambda other: next(iter(other)),
)
def test_a_folder_of_other_scenes_is_left_alone(tmp_path: Path, other: dict[str, object]) -> None:
    first = {"look": Look.SOURCE, "count": 1, "seed": 0, "size": SMALL}
    write_domain(tmp_path, **first)
    before = contents(tmp_path)
    with pytest.raises(BadInput, match=r"scenes\.json.*choose an empty folder"):
        write_domain(tmp_path, **(first | other))
    assert contents(tmp_path) == before


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"count": 0}, "count: 0"),
        ({"seed": -1}, "seed: -1"),
        ({"size": (8, 8)}, "size: 8 x 8"),
        ({"size": (480, 9000)}, "size: 480 x 9000"),
    ],
)
def test_senseless_numbers_are_refused_before_anything_is_written(
    tmp_path: Path, wrong: dict[str, object], message: str
) -> None:
    numbers = {"look": Look.SOURCE, "count": 1, "seed": 0, "size": SMALL}
    with pytest.raises(BadInput, match=message):
        write_domain(tmp_path / "d", **(numbers | wrong))
    assert not (tmp_path / "d").exists()


def test_the_command_line_writes_a_domain(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "target"
    arguments = ["--out", str(out), "--look", "target", "--count", "2", "--size", "96", "64"]
    assert main([*arguments, "--no-masks"]) == 0
    assert capsys.readouterr().out == f"{out / 'card.yaml'}\n"
    assert json.loads((out / "scenes.json").read_text())["look"] == "target"
    with Image.open(out / "images" / "scene-00001.jpg") as image:
        assert image.size == (96, 64)


def test_the_command_line_reports_bad_input_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--out", str(tmp_path), "--count", "0"]) == 2
    assert capsys.readouterr().err == "error: count: 0 scenes cannot be written, at least one can\n"
    with pytest.raises(SystemExit):
        main([])


def test_the_contact_sheet_is_small_and_shows_both_looks(tmp_path: Path) -> None:
    sheet = tmp_path / "sheet.jpg"
    assert main(["--contact-sheet", str(sheet)]) == 0
    assert sheet.stat().st_size < 400_000
    with Image.open(sheet) as image:
        width, height = image.size
        rows = np.asarray(image.convert("RGB"), float).reshape(height, -1, 3)
    assert 1500 < width < 1700
    quarters = [rows[k * height // 4 : (k + 1) * height // 4 - 8] for k in range(4)]
    assert quarters[0].mean() > quarters[2].mean() + 15
