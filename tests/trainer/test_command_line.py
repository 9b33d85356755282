import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from typer.testing import CliRunner

from tests.trainer.conftest import CATEGORIES, MakeRun, Street, charts, shape_with
from trainer.__main__ import app
from trainer.contract import Score, Supervision, TrainConfig
from trainer.models.checkpoint import load_segmenter, read_safetensors
from trainer.models.segmenter import build_segmenter
from trainer.recipes import RECIPES, RunSubject, apply_overrides, build
from trainer.run.train import train

runner = CliRunner()


def train_arguments(cards: dict[str, str], street: Street, out: Path) -> list[str]:
    return [
        *("train", "--recipe", "tiny", "--source", cards["source"], "--target", cards["target"]),
        *("--labels", str(street.labels), "--validation", cards["validation"], "--out", str(out)),
    ]


def test_train_evaluate_and_predict(cards: dict[str, str], street: Street, tmp_path: Path) -> None:
    out = tmp_path / "out"
    changes = [
        "--set",
        "steps=3",
        "--set",
        "weights.point=0.5",
        "--set",
        "predict=false",
        "--set",
        "threads=1",
    ]
    result = runner.invoke(app, train_arguments(cards, street, out) + changes)
    assert result.exit_code == 0, result.output
    config = TrainConfig.model_validate_json((out / "config.json").read_text())
    assert (config.steps, config.weights.point, config.supervision) == (3, 0.5, "point")
    assert not (out / "predictions").exists()
    checkpoint = str(out / "checkpoints/step-000007.safetensors")
    result = runner.invoke(app, ["evaluate", checkpoint, "--target", cards["validation"]])
    assert result.exit_code == 0, result.output
    score = Score.model_validate_json(result.stdout)
    reported = json.loads((out / "report.json").read_text())["score"]
    assert score.miou == pytest.approx(reported["miou"])
    predicted = tmp_path / "predicted"
    images = str(street.root / "target")
    result = runner.invoke(
        app, ["predict", checkpoint, "--images", images, "--out", str(predicted)]
    )
    assert result.exit_code == 0, result.output
    lines = (predicted / "predictions.jsonl").read_text().splitlines()
    assert len(lines) == 6
    with Image.open(predicted / json.loads(lines[0])["mask"]) as mask:
        assert mask.size == (80, 60)


def test_linked_folders_and_names_of_all_kinds_are_predicted(
    cards: dict[str, str], street: Street, tmp_path: Path
) -> None:
    """And what is left out is said, once, by `train` and by `predict`."""
    images, elsewhere = tmp_path / "images", tmp_path / "elsewhere"
    shutil.copytree(street.root / "target/images", elsewhere)
    images.mkdir()
    (elsewhere / "000.png").rename(elsewhere / "3.05\u202fPM e\u0301 \u3000.png")
    (images / "linked").symlink_to(elsewhere)
    (elsewhere / "back").symlink_to(images)
    for name in ("._000.png", "notes.txt"):
        (images / name).write_text("not a picture")
    said = "left out: 1 hidden, 1 linked in a circle, 1 .txt"
    target = tmp_path / "linked.yaml"
    target.write_text(f"name: linked\nroot: {images}\nimages: '**/*'\n")
    arguments = ["train", "--recipe", "tiny", "--source", cards["source"], "--target", str(target)]
    changes = ["warmup_steps=1", "steps=0", "predict=false", "threads=1", "height=32", "width=32"]
    sets = [part for change in changes for part in ("--set", change)]
    result = runner.invoke(
        app, [*arguments, "--supervision", "source-only", "--out", str(tmp_path / "run"), *sets]
    )
    assert result.exit_code == 0, result.output
    assert result.stderr.count(f"linked: {said}") == 1
    checkpoint, out = tmp_path / "run/checkpoints/step-000001.safetensors", tmp_path / "out"
    result = runner.invoke(
        app, ["predict", str(checkpoint), "--images", str(images), "--out", str(out)]
    )
    assert result.exit_code == 0, result.output
    assert result.stderr.count(said) == 1
    lines = [json.loads(line) for line in (out / "predictions.jsonl").read_text().splitlines()]
    assert [line["image"] for line in lines] == sorted(
        f"linked/{path.name}" for path in elsewhere.glob("*.png")
    )
    assert all((out / line["mask"]).is_file() for line in lines)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ([b"caf\xe9.png"], r"image images/caf\xe9.png: the name is not valid UTF-8"),
        ([b"a\nb.png"], r"image images/a\x0ab.png: the name has a control character (\x0a)"),
        (
            ["\u00e9.png".encode(), "e\u0301.png".encode()],
            "have one name, with its accents in two forms",
        ),
    ],
)
def test_a_name_that_cannot_be_used_is_said_before_any_work(
    trained: Path, street: Street, tmp_path: Path, names: list[bytes], message: str
) -> None:
    folder = tmp_path / "town"
    for part in ("images", "masks"):
        (folder / part).mkdir(parents=True)
        for name in names:
            shutil.copy(street.root / f"source/{part}/000.png", folder / part / os.fsdecode(name))
    card, out = folder / "card.yaml", tmp_path / "out"
    card.write_text("name: town\nmasks: masks/{stem}.png\nids: {0: road, 1: building, 2: car}\n")
    for arguments in (
        ["train", "--recipe", "tiny", "--source", str(card), "--target", str(card)],
        ["make-oracle-labels", "--card", str(card)],
        ["gold", "--source", str(card), "--count", "1"],
        ["predict", str(trained), "--images", str(folder)],
    ):
        result = runner.invoke(app, [*arguments, "--out", str(out)])
        assert result.exit_code == 2, result.output
        assert isinstance(result.exception, SystemExit)
        assert message in result.stderr
        assert not (out / "predictions.jsonl").exists()


def test_a_folder_whose_name_is_not_utf_8_is_refused(trained: Path, tmp_path: Path) -> None:
    folder = tmp_path / os.fsdecode(b"caf\xe9")
    folder.mkdir()
    Image.new("RGB", (64, 48)).save(folder / "a.png")
    checkpoint = str(trained)
    result = runner.invoke(
        app, ["predict", checkpoint, "--images", str(folder), "--out", str(tmp_path / "out")]
    )
    assert result.exit_code == 2
    assert r"caf\xe9: the name is not valid UTF-8" in result.stderr


def test_a_run_directory_with_overrides_keeps_them(make_run: MakeRun) -> None:
    run_dir = make_run("source-only")
    arguments = ["train", str(run_dir), "--set", "warmup_steps=1", "--set", "steps=0"]
    result = runner.invoke(app, arguments)
    assert result.exit_code == 0, result.output
    assert json.loads((run_dir / "config.json").read_text())["steps"] == 0
    assert (run_dir / "checkpoints/step-000001.safetensors").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["train"], "give RUN_DIR, or all of --recipe --target --out"),
        (["train", "gone"], "gone/config.json: cannot read"),
        (["train", "gone", "--set", "steps"], "write key=value"),
        (["train", "gone", "--recipe", "tiny"], "has its own config.json"),
        (["evaluate", "gone.safetensors", "--target", "x.yaml"], "gone.safetensors: cannot read"),
        (["predict", "gone.safetensors", "--images", "x", "--out", "y"], "gone.safetensors"),
        (["report", "gone"], "gone/config.json: cannot read"),
        (["evaluate", "x", "--target", "y", "--device", "tpu"], "device: 'tpu' is not one of"),
        (["evaluate", "x", "--target", "y", "--device", "cuda:99"], "device: 'cuda:99' is asked"),
    ],
)
def test_bad_input_is_one_line_and_status_2(arguments: list[str], message: str) -> None:
    result = runner.invoke(app, arguments)
    assert result.exit_code == 2
    assert message in result.output
    assert "Traceback" not in result.output


def test_an_unknown_recipe_and_override_are_refused(
    cards: dict[str, str], street: Street, tmp_path: Path
) -> None:
    arguments = train_arguments(cards, street, tmp_path / "out")
    result = runner.invoke(app, [*arguments, "--set", "stepz=3"])
    assert (result.exit_code, "did you mean 'steps'" in result.output) == (2, True)
    arguments[arguments.index("tiny")] = "huge"
    result = runner.invoke(app, arguments)
    assert (result.exit_code, "unknown recipe 'huge'" in result.output) == (2, True)


def test_a_file_that_is_no_checkpoint_is_named(tmp_path: Path, street: Street) -> None:
    path = tmp_path / "broken.safetensors"
    path.write_bytes(b"\x80\x04pickle")
    arguments = ["predict", str(path), "--images", str(street.root), "--out", str(tmp_path / "out")]
    # A program of its own, as nothing but its end shows what the libraries say as they go.
    result = subprocess.run(
        [sys.executable, "-m", "trainer", *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    (line,) = result.stderr.splitlines()
    assert "broken.safetensors: cannot read as safetensors" in line
    assert (result.returncode, result.stdout) == (2, "")


@pytest.mark.usefixtures("forked_trainers")
def test_the_program_reports_a_bad_configuration_on_both_streams(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"recipe": "tiny"}')
    result = subprocess.run(
        [sys.executable, "-m", "trainer", "train", str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert result.returncode == 2
    failed = json.loads(result.stdout)
    assert failed["kind"] == "failed"
    assert "config.json: supervision: Field required" in failed["error"]
    assert failed["error"] in result.stderr
    assert "Traceback" not in result.stderr
    assert (tmp_path / "progress.jsonl").read_text() == result.stdout


def test_what_needs_no_torch_does_not_wait_for_it() -> None:
    heavy = ("torch", "torchvision", "timm", "accelerate", "matplotlib")
    code = f"import sys, trainer.__main__; sys.exit(any(m in sys.modules for m in {heavy}))"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)


def test_the_recipes_are_listed() -> None:
    result = runner.invoke(app, ["recipes"])
    assert result.exit_code == 0
    for recipe in RECIPES.values():
        assert f"{recipe.name}\n    {recipe.description}" in result.output


SHORT = [
    argument
    for change in ("height=32", "width=32", "steps=1", "threads=1", "predict=false")
    for argument in ("--set", change)
]


@pytest.mark.parametrize("supervision", ["point", "dense"])
def test_a_run_needs_no_source(
    cards: dict[str, str], street: Street, tmp_path: Path, supervision: str
) -> None:
    out = tmp_path / "out"
    target = cards["validation"] if supervision == "dense" else cards["target"]
    labels = [] if supervision == "dense" else ["--labels", str(street.labels)]
    arguments = ["train", "--recipe", "tiny", "--target", target, "--supervision", supervision]
    result = runner.invoke(app, [*arguments, *labels, "--out", str(out), *SHORT])
    assert result.exit_code == 0, result.output
    config = TrainConfig.model_validate_json((out / "config.json").read_text())
    assert (config.source, config.warmup_steps, config.categories) == (None, 0, CATEGORIES)
    assert (out / "checkpoints/last.safetensors").exists()


def test_categories_may_be_named(cards: dict[str, str], street: Street, tmp_path: Path) -> None:
    out = tmp_path / "out"
    arguments = train_arguments(cards, street, out)
    arguments = [a for a in arguments if a not in ("--labels", str(street.labels))]
    result = runner.invoke(app, [*arguments, "--categories", "car, road", *SHORT])
    assert result.exit_code == 0, result.output
    assert load_segmenter(out / "checkpoints/last.safetensors").categories == ("car", "road")


@pytest.fixture(scope="session")
def trained(street: Street, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that was trained for one step."""
    run_dir = tmp_path_factory.mktemp("trained")
    subject = RunSubject(
        Supervision.SOURCE_ONLY, CATEGORIES, street.source, street.target, None, None
    )
    changes = {"height": 32, "width": 32, "warmup_steps": 1, "steps": 0, "threads": 1}
    config = apply_overrides(build("tiny", subject), changes | {"predict": False})
    (run_dir / "config.json").write_text(config.model_dump_json())
    with charts():
        assert train(run_dir) == 0
    return run_dir / "checkpoints/last.safetensors"


def test_windows_slide_over_images_at_their_own_size(
    cards: dict[str, str], trained: Path, street: Street, tmp_path: Path
) -> None:
    scores = []
    for options in ([], ["--sliding"], ["--sliding", "--scale", "0.5"]):
        arguments = ["evaluate", str(trained), "--target", cards["validation"], "--device", "cpu"]
        result = runner.invoke(app, [*arguments, *options])
        assert result.exit_code == 0, result.output
        scores.append(Score.model_validate_json(result.stdout))
    assert len({score.model_dump_json() for score in scores}) == 3
    images = ["--images", str(street.root / "target"), "--out", str(tmp_path / "out")]
    result = runner.invoke(app, ["predict", str(trained), *images, "--sliding"])
    assert result.exit_code == 0, result.output
    assert len((tmp_path / "out/predictions.jsonl").read_text().splitlines()) == 6


@pytest.mark.usefixtures("drawn_charts")
def test_a_report_is_made_anew(trained: Path) -> None:
    page = trained.parent.parent / "report.html"
    before = page.read_text()
    page.unlink()
    result = runner.invoke(app, ["report", str(trained.parent.parent)])
    assert (result.exit_code, result.stdout) == (0, f"{page}\n")
    assert page.read_text() == before


def _empty_folder(street: Street, root: Path, _trained: Path) -> dict[str, object]:
    (root / "empty/images").mkdir(parents=True)
    return {"target": {"name": "empty", "root": str(root / "empty")}}


def _image_without_a_mask(street: Street, root: Path, _trained: Path) -> dict[str, object]:
    shutil.copytree(street.source.root, root / "holes")
    (root / "holes/masks/003.png").unlink()
    return {"source": street.source.model_copy(update={"root": root / "holes"})}


def _unknown_mask_id(street: Street, root: Path, _trained: Path) -> dict[str, object]:
    return {"source": street.source.model_copy(update={"ids": {0: "road", 70_000: "car"}})}


def _label_lines(root: Path, *lines: str) -> dict[str, object]:
    (root / "labels.jsonl").write_text("".join(f"{line}\n" for line in lines))
    return {"labels": str(root / "labels.jsonl")}


def _label_of_a_missing_image(street: Street, root: Path, _trained: Path) -> dict[str, object]:
    return _label_lines(root, street.labels.read_text().replace("images/003.png", "images/x.png"))


def _bad_line(street: Street, root: Path, _trained: Path) -> dict[str, object]:
    return _label_lines(root, street.labels.read_text().splitlines()[0], '{"image": 3')


def _weights_with_nan(street: Street, root: Path, _trained: Path) -> dict[str, object]:
    weights = build_segmenter(shape_with(categories=CATEGORIES)).backbone.state_dict()
    weights["conv_stem.weight"][0, 0, 0, 0] = torch.nan
    save_file(weights, root / "nan.safetensors")
    return {"initial_weights": str(root / "nan.safetensors")}


def _checkpoint_of_two_categories(_street: Street, root: Path, trained: Path) -> dict[str, object]:
    tensors, header = read_safetensors(trained)
    shape = json.loads(header["segmenter"]) | {"categories": CATEGORIES[:2]}
    shape["presence_offsets"] = []
    save_file(tensors, root / "wrong.safetensors", {"segmenter": json.dumps(shape)})
    return {"start_from": str(root / "wrong.safetensors")}


def _checkpoint_of_other_categories(
    _street: Street, root: Path, trained: Path
) -> dict[str, object]:
    return {"start_from": str(trained), "categories": ["road", "building", "bus"], "labels": None}


def _checkpoint_of_more_categories(_street: Street, root: Path, trained: Path) -> dict[str, object]:
    return {"start_from": str(trained), "categories": ["road", "building"], "labels": None}


def _checkpoint_of_other_logits(_street: Street, root: Path, trained: Path) -> dict[str, object]:
    return {"start_from": str(trained), "logit_stride": 4, "backbone": "efficientnet-lite0"}


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (_empty_folder, "dataset 'empty': no images"),
        (_image_without_a_mask, "masks/003.png is not there"),
        (_unknown_mask_id, "70000"),
        (_label_of_a_missing_image, "labels.jsonl:4: image: 'images/x.png' is not in the target"),
        (_bad_line, "labels.jsonl:2: "),
        (_weights_with_nan, "nan.safetensors: tensor 'conv_stem.weight' has values that are not"),
        (_checkpoint_of_two_categories, "wrong.safetensors: its header names 2 categories"),
        (_checkpoint_of_other_categories, "category 2 is 'car', in the run it is 'bus'"),
        (_checkpoint_of_more_categories, "has 3 categories, the run has 2"),
        (_checkpoint_of_other_logits, "start_from: has logit_stride 8, the run has 4"),
    ],
)
def test_what_a_run_cannot_use_is_named_in_one_line(
    make_run: MakeRun,
    street: Street,
    tmp_path: Path,
    trained: Path,
    spoil: Callable[[Street, Path, Path], dict[str, object]],
    message: str,
) -> None:
    changes = spoil(street, tmp_path, trained)
    supervision = "pseudo" if "labels" in changes and changes["labels"] is None else "point"
    run_dir = make_run(supervision, height=32, width=32, **changes)
    result = runner.invoke(app, ["train", str(run_dir)])
    assert result.exit_code == 2, result.output
    error = result.stderr.strip()
    assert error.startswith("error: ")
    assert message in error
    assert "\n" not in error
    assert not list((run_dir).glob("checkpoints/*"))


def test_a_run_folder_whose_name_is_not_utf_8_fails_in_one_line(tmp_path: Path) -> None:
    folder = tmp_path / os.fsdecode(b"caf\xe9")
    folder.mkdir()
    result = runner.invoke(app, ["train", str(folder)])
    assert result.exit_code == 2
    assert isinstance(result.exception, SystemExit)
    assert r"caf\udce9/config.json: cannot read" in result.stderr
