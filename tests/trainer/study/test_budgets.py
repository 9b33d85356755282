"""Studies within budgets: what is asked for, who is labelled, what is found, and a whole one, small."""

import csv
import json
import re
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image
from typer.testing import CliRunner

from tests.trainer.conftest import CATEGORIES, paint
from trainer.__main__ import app
from trainer.annotators.mistakes import NONE
from trainer.annotators.person import Question
from trainer.annotators.times import TimeModel
from trainer.contract import DatasetCard, ImagePrediction, Report, Score, Supervision, WeakLabel
from trainer.data.samples import list_samples
from trainer.data.views import Views
from trainer.errors import BadInput
from trainer.recipes import RECIPES, RunSubject, build
from trainer.report.file import is_finished, write_report_file
from trainer.run_folder.config import read_config
from trainer.study.budgets import running
from trainer.study.budgets.findings import (
    Effect,
    choices,
    fits,
    mean_of,
    order_effects,
    student_quantile,
)
from trainer.study.budgets.labelling import Annotators, ranked
from trainer.study.budgets.plan import (
    Cell,
    Plan,
    cells_of,
    read_plan,
    ready_plans,
    supervision_of,
)
from trainer.study.budgets.results import Findings, duration
from trainer.study.budgets.running import BudgetStudy, Finished

PLAN: dict[str, object] = {
    "budgets": [10, 20],
    "kinds": ["tags", "points", "sweeps"],
    "orders": ["random", "rare"],
    "recipes": {"tiny": {}},
    "seeds": 2,
}


def test_the_cells_of_a_plan_by_hand() -> None:
    cells = list(cells_of(Plan.model_validate(PLAN)))
    # A seed: the beginning, and two budgets of tags and points in two orders, of sweeps in one.
    assert len(cells) == 2 * (1 + 2 * 5)
    assert len({cell.path for cell in cells}) == len(cells)
    first, last = cells[1], cells[6]
    assert (first.kind, first.order, first.budget) == ("tags", "random", 10)
    assert (first.before, last.before) == (cells[0], first)
    assert last.path == "tiny/tags/random/20s/0"
    assert not any(cell.needs_model for cell in cells if cell.order != "rare")
    place = {cell: number for number, cell in enumerate(cells)}
    assert all(cell.before is None or place[cell.before] < place[cell] for cell in cells)


def test_kinds_that_are_not_sorted_have_a_random_order_alone() -> None:
    plan = Plan.model_validate(PLAN | {"sorted_kinds": ["points"], "seeds": 1})
    ways = {(cell.kind, cell.order) for cell in cells_of(plan) if cell.is_labelled}
    assert ways == {("tags", "random"), ("points", "random"), ("points", "rare"),
                    ("sweeps", "random")}  # fmt: skip


def test_what_kinds_ask_and_teach() -> None:
    assert Question.of_kind("tags", ("a",)) == Question(("a",))
    assert Question.of_kind("points", ("a",)) == Question(("a",), points=1)
    assert Question.of_kind("points-3", ("a",)) == Question(("a",), points=3)
    assert Question.of_kind("tiles-2x3", ("a",)) == Question(("a",), tiles=(2, 3))
    with pytest.raises(ValueError, match=r"'boxes' is none of tags, points, points-N, tiles-RxC"):
        Question.of_kind("boxes", ("a",))
    kinds = ("tags", "points-3", "tiles-2x2", "sweeps", "dense")
    assert [supervision_of(kind).value for kind in kinds] == [
        "image", "point", "image", "image", "dense",
    ]  # fmt: skip


@pytest.mark.parametrize("name", ready_plans())
def test_what_comes_with_the_trainer_can_be_read(name: str) -> None:
    plan = read_plan(name, {"seeds": 1})
    assert plan.seeds == 1
    assert list(cells_of(plan))
    assert ready_plans() == ("camvid", "demo", "gta5-cityscapes")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"budgets": [20, 10]}, "budgets: each is to be more than the one before"),
        ({"budgets": []}, "budgets"),
        ({"kinds": ["boxes"]}, "kinds: 'boxes' is none of tags"),
        ({"kinds": ["tags", "tags"]}, "kinds: one is named twice"),
        ({"orders": ["best"]}, "orders"),
        ({"kinds": ["sweeps"], "orders": ["rare"]}, "orders: sweeps has random alone"),
        ({"sorted_kinds": ["boxes"]}, "sorted_kinds: 'boxes' is none of kinds"),
        ({"sorted_kinds": ["tags"], "orders": ["rare"]}, "orders: points has random alone"),
        ({"recipes": {"none": {}}}, "recipes: no 'none'"),
        ({"mistakes": "many"}, "mistakes: 'many' is none of"),
        ({"scenes": {"source": 1, "target": 1, "validation": 1}, "source": "a"}, "in place of"),
        ({"seconds": 3}, "seconds: Extra inputs"),
    ],
)
def test_a_wrong_plan_is_refused_in_one_line(
    tmp_path: Path, change: Mapping[str, object], says: str
) -> None:
    path = tmp_path / "study.yaml"
    path.write_text(yaml.safe_dump(PLAN | change))
    result = CliRunner().invoke(app, ["study", str(path), "--out", str(tmp_path / "out")])
    assert result.exit_code == 2
    assert says in result.output.replace("\n", " ")
    assert not (tmp_path / "out").exists()


def test_what_does_not_go_together_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "study.yaml"
    path.write_text(yaml.safe_dump(PLAN))
    out = ("--out", str(tmp_path / "out"))
    for arguments, says in {
        (str(path), "--tables", "terms"): "--tables is for tables",
        (str(path),): "the study names no source: give --source",
        (str(tmp_path / "no.yaml"),): "ready are camvid, demo, gta5-cityscapes",
        ("--source", "a.yaml"): "give --target, or the STUDY",
    }.items():
        result = CliRunner().invoke(app, ["study", *arguments, *out])
        assert result.exit_code == 2
        assert says in result.output.replace("\n", " "), result.output


# --- which images, and what is said of them


def told(name: str, uncertainty: float = 0.5, **presence: float) -> ImagePrediction:
    return ImagePrediction(image=name, mask="m", width=1, height=1, presence=presence,
                           uncertainty=uncertainty)  # fmt: skip


def test_orders_by_hand() -> None:
    now = {
        "a": told("a", 0.2, road=1.0, train=0.0),
        "b": told("b", 0.9, road=1.0, train=0.1),
        "c": told("c", 0.4, road=0.1, train=0.5),
    }
    before = {
        "a": told("a", road=0.3, train=0.0),
        "b": told("b", road=1.0, train=0.0),
        "c": told("c", road=0.1, train=0.2),
    }
    names = ["a", "b", "c"]
    assert ranked("uncertain", names, 0, now, before) == ["b", "c", "a"]
    # Road is expected in 0.7 of the images, a train in 0.2: their weights are as 1/0.7 to 1/0.2.
    assert ranked("rare", names, 0, now, before) == ["c", "b", "a"]
    assert ranked("disagreement", names, 0, now, before) == ["a", "c", "b"]
    assert ranked("uncertain", ["c", "a"], 0, now, before) == ["c", "a"], "of those that are left"
    alone = ranked("disagreement", names, 0, now, {})
    assert alone == ranked("random", names, 0, {}, {}), "one model disagrees with nobody"
    many = [str(number) for number in range(50)]
    assert ranked("random", many, 0, {}, {}) == ranked("random", many[::-1], 0, {}, {})
    assert ranked("random", many, 0, {}, {}) != ranked("random", many, 1, {}, {})


STEADY = TimeModel(absent=1, present=1, point=2, swept=0.5, spread=0, between_people=0,
                   break_chance=0)  # fmt: skip


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> DatasetCard:
    root = tmp_path_factory.mktemp("target")
    paint(root, 6, (80, 60), seed=2)
    ids = dict(enumerate(CATEGORIES))
    return DatasetCard(name="target", root=root, masks="masks/{stem}.png", ids=ids)


@pytest.fixture(scope="module")
def annotators(target: DatasetCard) -> Annotators:
    return Annotators(Views([target], CATEGORIES), STEADY, NONE)


def test_a_budget_is_never_exceeded_and_the_next_goes_on_from_there(
    annotators: Annotators,
) -> None:
    names = annotators.views.names
    each = float(len(CATEGORIES))
    two = annotators.label("tags", 0, names, [], 2 * each + 0.5)
    assert [label.image for label in two] == names[:2]
    assert sum(label.active_ms for label in two) == 2000 * each
    four = annotators.label("tags", 0, names[2:], two, 4 * each)
    assert [label.image for label in four] == names[:4]
    assert four[:2] == two
    assert len(annotators.label("tags", 0, names, [], 1e6)) == 6, "no more than there is"
    with pytest.raises(BadInput, match=r"1 seconds are too few to label one image \(tags\)"):
        annotators.label("tags", 0, names, [], 1)


def test_sweeps_answer_page_by_page(annotators: Annotators) -> None:
    names = annotators.views.names
    # Half a second for each of six images: two categories in six seconds, all in 3 a category.
    some = annotators.label("sweeps", 0, names, [], 6.9)
    asked = [{*label.present, *label.absent} for label in some]
    assert asked == [set(CATEGORIES[:2])] * 6
    assert sum(label.active_ms for label in some) == 6000
    whole = annotators.label("sweeps", 0, names, [], 1000)
    tags = annotators.label("tags", 0, names, [], 1000)
    assert [label.present for label in whole] == [label.present for label in tags]
    assert [label.absent for label in whole] == [label.absent for label in tags]
    with pytest.raises(BadInput, match="too few for a page"):
        annotators.label("sweeps", 0, names, [], 2)


# --- what is found


def test_intervals_by_hand() -> None:
    # t at 0.9 with 2 degrees of freedom is 1.886; the standard deviation of 1, 2, 3 is 1.
    found = mean_of([1.0, 2.0, 3.0])
    assert found.half is not None
    assert (found.mean, found.half, found.count) == (2, pytest.approx(1.8856 / 3**0.5, rel=1e-4), 3)
    assert mean_of([5.0]).half is None
    assert not mean_of([5.0]).is_beyond_chance(1)
    # 1.886 / 1.732 = 1.09 of a mean of 2; of ten comparisons t at 0.99 is 6.965, which makes 4.02.
    assert found.is_beyond_chance(1)
    assert not found.is_beyond_chance(10)
    many = mean_of(list(np.linspace(-1, 1, 31)))
    assert many.half is not None
    deviation = float(np.std(np.linspace(-1, 1, 31), ddof=1))
    assert many.half == pytest.approx(1.310 * deviation / 31**0.5, rel=0.01)


@pytest.mark.parametrize(
    ("probability", "freedom", "quantile"),
    [(0.9, 1, 3.0777), (0.9, 2, 1.8856), (0.9, 10, 1.3722), (0.99, 2, 6.9646), (0.975, 30, 2.0423),
     (0.995, 1, 63.657), (0.5, 4, 0.0)],
)  # fmt: skip
def test_students_quantiles_are_those_of_the_tables(
    probability: float, freedom: int, quantile: float
) -> None:
    assert student_quantile(probability, freedom) == pytest.approx(quantile, rel=1e-4, abs=1e-6)


def finished(kind: str, order: str, seed: int, budget: float, miou: float) -> Finished:
    report = Report(
        supervision=Supervision.IMAGE, selected_step=1, selection="last", score=Score(miou=miou),
        seconds=1, device="cpu", labelled_images=1,
    )  # fmt: skip
    label = WeakLabel(image="a", width=1, height=1, active_ms=round(1000 * budget))
    return Finished(Cell(kind, order, "tiny", seed, budget), report, (label,) if budget else ())


def runs_of(gains: Mapping[str, tuple[float, float]]) -> list[Finished]:
    """Two seeds, two budgets; random has 0.40 and 0.50 plus a bit by the seed."""
    found = [finished("source-only", "", seed, 0, 0.3) for seed in (0, 1)]
    for seed in (0, 1):
        for budget, plain in ((3600.0, 0.4), (7200.0, 0.5)):
            for order, gain in {"random": (0.0, 0.0), **gains}.items():
                miou = plain + 0.03 * seed + gain[seed]
                found.append(finished("tags", order, seed, budget, miou))
    return found


def test_an_order_pays_when_all_seeds_say_so() -> None:
    runs = runs_of(
        {"rare": (0.02, 0.021), "uncertain": (0.05, -0.04), "disagreement": (-0.03, -0.031)}
    )
    verdicts = {effect.order: effect.verdict for effect in order_effects(runs)}
    assert verdicts == {
        "rare": "pays", "uncertain": "within chance", "disagreement": "costs",
    }  # fmt: skip
    [rare] = [effect for effect in order_effects(runs) if effect.order == "rare"]
    assert rare.gain.mean == pytest.approx(0.0205)
    assert dict(rare.by_budget) == pytest.approx({3600: 0.0205, 7200: 0.0205})
    one_seed = [run for run in runs if run.cell.seed == 0]
    assert "nothing that could not be chance" in order_effects(one_seed)[0].verdict


def test_the_best_way_and_those_that_may_be_as_good() -> None:
    runs = runs_of(
        {"rare": (0.02, 0.021), "uncertain": (0.019, 0.0205), "disagreement": (-0.03, -0.031)}
    )
    first, second = choices(runs)
    assert (first.budget, second.budget) == (3600, 7200)
    assert first.best == ("tiny", "tags", "rare")
    assert first.miou.mean == pytest.approx(0.4 + 0.015 + 0.0205)
    assert first.alike == (("tiny", "tags", "uncertain"),)
    assert [way[2] for way, _ in first.others] == ["uncertain", "random", "disagreement"]
    findings = Findings.of(runs)
    assert findings.answers()[0].startswith("With 60 min of labelling: tags, rare (mIoU 43.6")
    assert "tags, uncertain" in findings.answers()[0]
    assert "tags, rare first (tiny): +2.1" in " ".join(findings.orders())


def test_curves_begin_without_labels_and_wait_for_enough_runs() -> None:
    runs = runs_of({})
    [fit] = fits(runs)
    assert (fit.curve, fit.missing) == (None, 1), "three hours, of which one is none"
    assert sorted(set(fit.hours)) == [0, 1, 2]
    more = [finished("tags", "random", seed, 4 * 3600, 0.55) for seed in (0, 1)]
    [fit] = fits([*runs, *more])
    assert fit.curve is not None
    assert fit.curve.value(1).estimate == pytest.approx(0.415, abs=0.03)
    assert fit.next_hour() is not None


def test_durations_are_readable() -> None:
    assert [duration(seconds) for seconds in (60, 300, 7200, 89280)] == [
        "60 s", "5 min", "2 h", "24.8 h",
    ]  # fmt: skip


# --- the whole


@pytest.fixture
def study_file(tmp_path: Path, target: DatasetCard) -> Path:
    """Budgets of tags, of a target of six images."""
    shutil.copytree(target.root, tmp_path / "target")
    paint(tmp_path / "source", 4, (64, 48), seed=1)
    paint(tmp_path / "validation", 2, (80, 60), seed=3)
    for name in ("source", "target", "validation"):
        card = {"name": name, "root": name, "masks": "masks/{stem}.png",
                "ids": dict(enumerate(CATEGORIES))}  # fmt: skip
        (tmp_path / f"{name}.yaml").write_text(yaml.safe_dump(card))
    plan = {
        "source": "source.yaml", "target": "target.yaml", "validation": "validation.yaml",
        "budgets": [15, 1000, 2000], "kinds": ["tags"], "orders": ["uncertain"],
        "recipes": {"tiny": {"steps": 1, "warmup_steps": 1, "frozen_stages": 6, "threads": 1}},
        "seeds": 1,
    }  # fmt: skip
    path = tmp_path / "study.yaml"
    path.write_text(yaml.safe_dump(plan))
    return path


@pytest.mark.usefixtures("forked_trainers")
def test_a_study_runs_stops_nothing_twice_and_answers(study_file: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    arguments = ["study", str(study_file), "--out", str(out)]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    rows = list(csv.DictReader((out / "results.csv").read_text().splitlines()))
    # The third budget finds nothing left to label.
    assert [row["run"] for row in rows] == [
        "runs/tiny/source-only/0",
        "runs/tiny/tags/uncertain/15s/0",
        "runs/tiny/tags/uncertain/1000s/0",
    ]
    assert all(float(row["active_seconds"]) <= float(row["budget_seconds"]) for row in rows)
    assert rows[2]["images"] == "6"
    assert {f"iou {name}" for name in CATEGORIES} <= rows[0].keys()
    config = json.loads((out / rows[1]["run"] / "config.json").read_text())
    assert config["warmup_steps"] == 0
    assert config["start_from"].endswith("source-only/0/checkpoints/step-000001.safetensors")
    assert config["target"]["masks"] is None, "no run sees the target's masks"
    assert not list(out.rglob("training-state*"))
    page = (out / "report.html").read_text()
    assert "At this budget, label this way" in page
    assert "With 15 s of labelling" in page
    assert not re.search(r"src=|<link|@import", page), "it needs nothing outside of itself"
    for led_to in re.findall(r'href="([^#"]+)"', page):
        assert (out / led_to).is_file()
    before = {path: path.stat().st_mtime_ns for path in out.rglob("report.json")}
    again = CliRunner().invoke(app, arguments)
    assert again.exit_code == 0, again.output
    assert {path: path.stat().st_mtime_ns for path in out.rglob("report.json")} == before
    (out / "results.csv").unlink()
    dry = CliRunner().invoke(app, [*arguments, "--dry"])
    assert dry.exit_code == 0
    assert (out / "results.csv").exists()
    changed = CliRunner().invoke(app, [*arguments, "--set", "steps=2"])
    assert changed.exit_code == 2
    assert "of another configuration" in changed.output
    plan = yaml.safe_load(study_file.read_text())
    for change, says in (
        ({"times": "paper"}, "of a study with other times"),
        ({"budgets": [10, 1000]}, "of a study with other budgets"),
    ):
        study_file.write_text(yaml.safe_dump(plan | change))
        other = CliRunner().invoke(app, arguments)
        assert other.exit_code == 2
        assert says in other.output
    study_file.write_text(yaml.safe_dump(plan | {"budgets": [15]}))
    assert CliRunner().invoke(app, arguments).exit_code == 0, "fewer of the same"


def test_each_recipe_can_begin_from_a_warm_up(target: DatasetCard, tmp_path: Path) -> None:
    for recipe in RECIPES:
        plan = Plan.model_validate(PLAN | {"recipes": {recipe: {}}, "dense": True, "seeds": 1})
        study = BudgetStudy(plan, tmp_path, {})
        study.__dict__["domains"] = type(
            "D", (), dict.fromkeys(("source", "target", "validation"), target)
        )
        begin, dense, labelled, *_ = (study._config(cell) for cell in study.cells)
        assert begin.warmup_steps > 0
        assert dense.warmup_steps == labelled.warmup_steps == 0
        assert labelled.start_from is not None
        alone = RunSubject(
            labelled.supervision, labelled.categories, target, target, labels=labelled.labels
        )
        assert labelled.steps == build(recipe, alone).steps


# --- what comes with the trainer, on folders laid out as the published ones


def paint_masked(pairs: Mapping[Path, Path], ids: Sequence[int]) -> None:
    """Images, each with a mask of stripes of some of the ids, as greyscale PNG."""
    rng = np.random.default_rng(len(pairs))
    for image, mask in pairs.items():
        for path in (image, mask):
            path.parent.mkdir(parents=True, exist_ok=True)
        stripes = rng.choice(ids, 4, replace=False).astype(np.uint8)
        Image.fromarray(rng.integers(0, 256, (24, 32, 3), dtype=np.uint8)).save(image)
        Image.fromarray(np.repeat(stripes, 8)[None].repeat(24, 0)).save(mask)


def camvid_folders(root: Path) -> list[str]:
    """A source with a card, and CamVid as SegNet published it."""
    pairs = {root / f"s/images/{n}.png": root / f"s/masks/{n}.png" for n in range(3)}
    pairs |= {
        root / f"camvid/{split}/f{n}.png": root / f"camvid/{split}annot/f{n}.png"
        for split, count in (("train", 12), ("val", 2)) for n in range(count)
    }  # fmt: skip
    paint_masked(pairs, range(11))
    card = "extends: camvid\nname: procstreet\nroot: s\nimages: images/*.png\nmasks: masks/{stem}.png\n"
    (root / "card.yaml").write_text(card)
    return [str(root / "card.yaml"), f"camvid/train:{root}/camvid", f"camvid/val:{root}/camvid"]


def cityscapes_folders(root: Path) -> list[str]:
    """GTA5's folders and those of Cityscapes."""
    pairs = {root / f"gta5/images/{n:05d}.png": root / f"gta5/labels/{n:05d}.png" for n in range(3)}
    pairs |= {
        root / f"cs/leftImg8bit/{split}/ulm/ulm_{n}_leftImg8bit.png":
        root / f"cs/gtFine/{split}/ulm/ulm_{n}_gtFine_labelIds.png"
        for split, count in (("train", 12), ("val", 2)) for n in range(count)
    }  # fmt: skip
    paint_masked(pairs, (7, 8, 11, 21, 23, 26, 33))
    return [f"gta5:{root}/gta5", f"cityscapes/train:{root}/cs", f"cityscapes/val:{root}/cs"]


class Instant:
    """Trainings that end at once, with a report in which rare categories first earn most."""

    most = 0

    def __init__(self, jobs: int, *, sharing: bool) -> None:
        assert sharing
        self.jobs, self.run_dirs = jobs, list[Path]()

    def __enter__(self) -> "Instant":
        return self

    def __exit__(self, *_: object) -> None:
        assert not self.run_dirs

    @property
    def has_room(self) -> bool:
        return len(self.run_dirs) < self.jobs

    def start(self, run_dir: Path) -> None:
        self.run_dirs.append(run_dir)
        Instant.most = max(Instant.most, len(self.run_dirs))

    def next_finished(self) -> Path:
        run_dir = self.run_dirs.pop(0)
        config, _ = read_config(run_dir)
        start = config.start_from
        assert start is None or is_finished(start.parents[1]), "it goes on from what is there"
        labels = [] if config.labels is None else config.labels.read_text().splitlines()
        earned = {"rare": 0.05, "uncertain": 0.01}.get(run_dir.parts[-3], 0.03) if labels else 0
        miou = 0.3 + earned + 0.4 * (config.supervision is Supervision.DENSE) + config.seed / 1000
        score = Score(miou=miou, iou=dict.fromkeys(config.categories, miou))
        if config.predict:
            (run_dir / "predictions").mkdir()
            names = [sample.name for sample in list_samples(config.target, with_masks=False)]
            lines = [
                ImagePrediction(
                    image=name, mask="m.png", width=32, height=24, uncertainty=number / len(names),
                    presence={each: number / len(names) for each in config.categories},
                ).model_dump_json()
                for number, name in enumerate(names)
            ]  # fmt: skip
            (run_dir / "predictions/predictions.jsonl").write_text("\n".join(lines))
        write_report_file(run_dir, Report(
            supervision=config.supervision, selected_step=1, selection="last step", score=score,
            source_only=None, seconds=1, device="cpu", labelled_images=len(labels),
        ))  # fmt: skip
        return run_dir


@pytest.mark.parametrize(
    ("name", "folders", "orders"),
    [
        ("camvid", camvid_folders, ["random", "uncertain", "rare", "disagreement"]),
        ("gta5-cityscapes", cityscapes_folders, ["random"]),
    ],
)
def test_a_study_that_comes_with_the_trainer_runs_its_whole_plan(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    folders: Callable[[Path], list[str]],
    orders: list[str],
) -> None:
    monkeypatch.setattr(running, "Trainings", Instant)
    monkeypatch.setattr(Instant, "most", 0)
    out = tmp_path / "out"
    source, target, validation = folders(tmp_path)
    domains = ["--source", source, "--target", target, "--validation", validation]
    done = CliRunner().invoke(app, ["study", name, *domains, "--out", str(out), "--jobs", "2"])
    assert done.exit_code == 0, done.output
    plan = read_plan(name, {})
    rows = list(csv.DictReader((out / "results.csv").read_text().splitlines()))
    # Twelve images are soon labelled: each way has its first budget, and ends with all of them.
    ways = {(kind, order, str(seed)) for kind, order in plan.ways() for seed in range(plan.seeds)}
    labelled = [row for row in rows if row["kind"] not in ("source-only", "dense")]
    assert {(row["kind"], row["order"], row["seed"]) for row in labelled} == ways
    assert {row["order"] for row in labelled} == set(orders)
    assert {row["images"] for row in labelled} >= {"12"}
    assert len(rows) == len(labelled) + 2 * plan.seeds
    assert Instant.most == 2, "two at once"
    told = re.findall(r"\((\d+) of (\d+); (?:about (\S+) left)?\)", done.output)
    total = len(list(cells_of(plan)))
    assert [int(number) for number, _, _ in told] == sorted(int(number) for number, _, _ in told)
    assert {each for _, each, _ in told} == {str(total)}
    assert all(left for _, _, left in told[1:]), "how long it takes yet"
    page = (out / "report.html").read_text()
    pays = page.partition("Does the order of work pay?")[2].partition("<section")[0]
    if orders == ["random"]:
        assert "the study has random order alone" in pays
    else:
        assert "It pays: points, rare first" in pays
        assert "it costs: points, uncertain first" in pays
        assert "nothing beyond chance" in pays
    sorted_kinds = {kind for kind, order in plan.ways() if order != "random"}
    assert sorted_kinds == ({"points"} if orders != ["random"] else set())
    assert pays.count(" over random at equal seconds: ") == len(sorted_kinds) * (len(orders) - 1)


def test_whether_orders_pay_is_said_in_one_sentence() -> None:
    def said(**gains: list[float]) -> str:
        effects = [
            Effect("tiny", "tags", order, mean_of(each), (), len(gains))
            for order, each in gains.items()
        ]
        return Findings([], effects, [], {}).whether_orders_pay()

    assert said() == "Nobody knows: the study has random order alone."
    assert said(rare=[0.02]) == "Nobody knows: one seed tells nothing from chance."
    assert said(rare=[0.02, -0.02], uncertain=[0.01, -0.01]) == (
        "No order is better or worse than a random one beyond chance."
    )
    assert said(rare=[0.02, 0.0201], uncertain=[-0.02, -0.0201], disagreement=[0.1, -0.1]) == (
        "It pays: tags, rare first; it costs: tags, uncertain first; the others do nothing beyond chance."
    )
