import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from trainer.contract import DatasetCard, Supervision, TrainConfig
from trainer.recipes import (
    FILE_FIELDS,
    RECIPES,
    SUBJECT_FIELDS,
    RecipeError,
    RunSubject,
    apply_overrides,
    build,
    override_names,
)


def subject(supervision: Supervision = Supervision.POINT, labels: bool = True) -> RunSubject:
    return RunSubject(
        supervision=supervision,
        categories=("road", "car"),
        source=DatasetCard(name="source"),
        target=DatasetCard(name="target"),
        labels=Path("labels.jsonl") if labels else None,
    )


@pytest.fixture
def config() -> TrainConfig:
    return build("tiny", subject())


@pytest.mark.parametrize("name", RECIPES)
@pytest.mark.parametrize("supervision", Supervision)
def test_every_recipe_builds(name: str, supervision: Supervision) -> None:
    config = build(name, subject(supervision))
    assert (config.recipe, config.supervision) == (name, supervision)
    assert TrainConfig.model_validate_json(config.model_dump_json()) == config
    description = RECIPES[name].description
    assert description
    assert "\n" not in description


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_builds_without_a_source(name: str) -> None:
    with_source = build(name, subject())
    config = build(name, replace(subject(), source=None))
    assert config.source is None
    assert config.warmup_steps == 0
    assert config.steps == with_source.warmup_steps + with_source.steps


@pytest.mark.parametrize("name", ["cpu-small", "cpu-large"])
@pytest.mark.parametrize("supervision", Supervision)
def test_trees_are_shown_bare_unless_pixels_of_the_target_tell_of_them(
    name: str, supervision: Supervision
) -> None:
    streets = replace(subject(supervision), categories=("road", "Street Tree", "Tree"))
    told = supervision in (Supervision.POINT, Supervision.DENSE)
    assert build(name, streets).see_through == (() if told else ("Tree",))
    assert build(name, subject(supervision)).see_through == ()


def test_strict_is_the_paper_where_the_default_differs() -> None:
    default, strict = (
        build(name, subject()) for name in ("gta5-to-cityscapes", "gta5-to-cityscapes-strict")
    )
    assert strict.weights.source_presence == strict.weights.absent == 0
    assert strict.weights.output_alignment == strict.weights.category_alignment == 0.001
    assert (strict.precision, strict.discriminator_projection) == ("fp32", None)
    assert (strict.discriminator_hidden, strict.average_decay) == (2048, 0)
    assert default.weights.source_presence > 0
    same = ("backbone", "head", "dilations", "height", "width", "source_size", "batch_size",
            "optimizer", "learning_rate", "weight_decay", "schedule_steps", "steps")  # fmt: skip
    assert all(getattr(default, name) == getattr(strict, name) for name in same)


def test_synthia_is_also_scored_on_those_of_the_13_categories_that_there_are() -> None:
    config = build("synthia-to-cityscapes", subject())
    assert config.scored_categories == ("road", "car")


def test_an_unknown_recipe_is_named_with_a_hint() -> None:
    with pytest.raises(RecipeError, match="unknown recipe 'cpu-smal'; did you mean 'cpu-small'"):
        build("cpu-smal", subject())


def test_a_recipe_without_the_labels_it_needs_is_refused() -> None:
    with pytest.raises(RecipeError, match="recipe 'tiny': supervision 'point' needs a label file"):
        build("tiny", subject(labels=False))


def test_overrides_reach_fields_and_weights_also_as_text(config: TrainConfig) -> None:
    changed = apply_overrides(config, {"weights.point": "0.5", "steps": 100, "predict": "false"})
    assert (changed.weights.point, changed.steps, changed.predict) == (0.5, 100, False)
    assert changed.weights.absent == config.weights.absent
    assert apply_overrides(changed, {"weights.image_label": "null"}).weights.image_label is None
    assert {apply_overrides(config, {"logit_stride": n}).logit_stride for n in ("4", 4)} == {4}
    assert apply_overrides(config, {}) == config


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"crop_height": 48}, "crop_height and crop_width go together"),
        (
            {"crop_height": 48, "crop_width": 65},
            "crop_width, crop_height: a crop of 65 x 48 is larger than the source's images",
        ),
        (
            {"crop_height": 60, "crop_width": 64, "source_height": 60},
            "larger than the target's images, which are resized to 64 x 48",
        ),
        ({"selection": "masks"}, "selection by masks needs validation masks"),
        ({"head": "deeplab-v2", "dilations": ""}, "head 'deeplab-v2' needs dilations"),
        ({"head": "deeplab-v2", "logit_stride": "4"}, "logit_stride: 4 needs head 'fusion'; "),
        ({"logit_stride": "5"}, "logit_stride: Input should be 4 or 8"),
        ({"dilations": "6,0"}, r"dilations\.1: "),
        ({"scored_categories": "bus"}, "scored_categories: unknown bus"),
        ({"see_through": "tree"}, "see_through: unknown tree"),
    ],
)
def test_what_does_not_go_together_is_refused_at_once(
    config: TrainConfig, changes: dict[str, object], message: str
) -> None:
    with pytest.raises(RecipeError, match=rf"^override .*{message}"):
        apply_overrides(config, changes)


def test_selection_by_weak_labels_needs_some() -> None:
    by_labels = {"selection": "weak-labels"}
    without = build("tiny", subject(Supervision.PSEUDO, labels=False))
    with pytest.raises(RecipeError, match="by held-out weak labels needs a label file"):
        apply_overrides(without, by_labels)
    of_masks = build("tiny", subject(Supervision.DENSE, labels=False))
    for config in (of_masks, build("tiny", subject(Supervision.PSEUDO))):
        assert apply_overrides(config, by_labels).selection == "weak-labels"


def test_there_is_no_warm_up_without_a_source() -> None:
    config = build("tiny", replace(subject(), source=None))
    with pytest.raises(RecipeError, match="warmup_steps: 3, but there is no source domain"):
        apply_overrides(config, {"warmup_steps": 3})


def test_none_is_nothing_only_where_there_may_be_nothing(config: TrainConfig) -> None:
    changed = apply_overrides(config, {"pixel_adaptation": "fda", "schedule_steps": 7})
    again = apply_overrides(changed, {"pixel_adaptation": "none", "schedule_steps": "none"})
    assert (again.pixel_adaptation, again.schedule_steps) == ("none", None)
    with pytest.raises(RecipeError, match=r"override steps: "):
        apply_overrides(config, {"steps": "none"})


def test_several_values_are_given_with_commas(config: TrainConfig) -> None:
    changed = apply_overrides(config, {"dilations": "6, 12,18", "scored_categories": "car"})
    assert changed.dilations == (6, 12, 18)
    assert changed.scored_categories == ("car",)
    assert apply_overrides(changed, {"scored_categories": ""}).scored_categories == ()
    assert apply_overrides(config, {"dilations": [2]}).dilations == (2,)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("stepz", 1, "unknown override 'stepz'; did you mean 'steps'"),
        ("weights", {"point": 1}, "unknown override 'weights'"),
        ("weights.pint", 1, "did you mean 'weights.point'"),
        ("steps", "many", "override steps: "),
        ("steps", -1, "override steps: "),
        ("dilations", "6,wide", r"override dilations\.1: "),
        ("weights.point", "nan", "override weights.point: "),
        ("device", "tpu", "override device: "),
        ("qq", 1, "known are average_decay, backbone"),
    ],
)
def test_a_bad_override_is_named(
    config: TrainConfig, name: str, value: object, message: str
) -> None:
    with pytest.raises(RecipeError, match=message):
        apply_overrides(config, {name: value})


@pytest.mark.parametrize("name", ["source", "target", "labels", "categories", "supervision"])
def test_what_a_run_is_about_cannot_be_overridden(config: TrainConfig, name: str) -> None:
    assert name not in override_names()
    with pytest.raises(RecipeError, match="unknown override"):
        apply_overrides(config, {name: "/etc"})


def test_recipes_need_no_torch() -> None:
    code = "import sys, trainer.recipes; sys.exit('torch' in sys.modules or 'numpy' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_the_fields_about_files_are_known() -> None:
    paths = {
        name
        for name, field in TrainConfig.model_fields.items()
        if "Path" in str(field.annotation) and name not in SUBJECT_FIELDS
    }
    assert paths < FILE_FIELDS
    assert set(override_names()) >= FILE_FIELDS
