"""What a study compares: variants of one recipe, each a line of a table."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from trainer.command import loading
from trainer.contract import DatasetCard, LossWeights, Supervision, TrainConfig, WeakLabel
from trainer.contract.config import NOT_OF_THE_PAPER
from trainer.data.labels import write_labels
from trainer.data.marking import Question
from trainer.data.oracle import oracle_labels
from trainer.data.splits import by_hash
from trainer.device.cores import cores_here
from trainer.errors import BadInput
from trainer.recipes import RunSubject, apply_overrides, build
from trainer.run_folder.config import FILE, write_config

CHECKED_SIZE = (320, 240)
"""(width, height) at which masks are looked at before anything is made."""


@dataclass(frozen=True)
class Labels:
    """Which oracle labels a variant trains on."""

    points: int = 1
    tiles: tuple[int, int] | None = None
    images: int | None = None
    """So many images are labelled, of which fewer are a part; None: all."""

    @property
    def file(self) -> str:
        """Name of the label file."""
        tiles = f"-tiles-{self.tiles[0]}x{self.tiles[1]}" if self.tiles else ""
        images = f"-images-{self.images}" if self.images else ""
        return f"points-{self.points}{tiles}{images}.jsonl"


@dataclass(frozen=True)
class Variant:
    """One line of a table: a supervision, and what is changed of the recipe."""

    name: str
    supervision: Supervision
    labels: Labels = Labels()
    source: bool = True
    changes: Mapping[str, object] = field(default_factory=dict)


def _without(*terms: str) -> dict[str, object]:
    return {f"weights.{term}": 0 for term in terms}


SOURCE_ONLY, PSEUDO, IMAGE, POINT, DENSE = Supervision
ONLINE = {"pseudo_labels": "online"}
ALIGNMENT = ("output_alignment", "category_alignment")
ALIGNED = {f"weights.{term}": getattr(LossWeights(), term) for term in ALIGNMENT}
PAPER = ONLINE | _without(*NOT_OF_THE_PAPER) | ALIGNED

TABLES: Mapping[str, tuple[Variant, ...]] = {
    "supervision": (
        Variant("source-only", SOURCE_ONLY),
        Variant("pseudo", PSEUDO),
        Variant("image", IMAGE),
        Variant("point", POINT),
        Variant("dense", DENSE),
        Variant("image without source", IMAGE, source=False),
        Variant("point without source", POINT, source=False),
    ),
    "labels": (
        Variant("tiles 2x2", IMAGE, Labels(tiles=(2, 2))),
        Variant("tiles 3x3", IMAGE, Labels(tiles=(3, 3))),
        Variant("3 points", POINT, Labels(points=3)),
        Variant("5 points", POINT, Labels(points=5)),
    ),
    "images": (
        Variant("point on 20 images", POINT, Labels(images=20)),
        Variant("point on 55 images", POINT, Labels(images=55)),
        Variant("point on 150 images", POINT, Labels(images=150)),
    ),
    "terms": (
        Variant("pseudo, L_c alone", PSEUDO, changes=PAPER | _without(*ALIGNMENT)),
        Variant("pseudo, paper", PSEUDO, changes=PAPER),
        Variant("pseudo, online labels", PSEUDO, changes=ONLINE),
        Variant("pseudo, with alignment", PSEUDO, changes=ALIGNED),
        Variant("pseudo, no ClassMix", PSEUDO, changes=_without("class_mix")),
        Variant("image, L_c alone", IMAGE, changes=PAPER | _without(*ALIGNMENT)),
        Variant("image, paper", IMAGE, changes=PAPER),
        Variant("image, no absent term", IMAGE, changes=_without("absent")),
        Variant("image, no source L_c", IMAGE, changes=_without("source_presence")),
        Variant("image, no alignment", IMAGE, changes=_without(*ALIGNMENT)),
        Variant("image, with alignment", IMAGE, changes=ALIGNED),
        Variant("image, with ClassMix", IMAGE, changes={"weights.class_mix": 1}),
        Variant("point, points alone", POINT, changes=PAPER | _without(*ALIGNMENT, "image_label")),
        Variant("point, paper", POINT, changes=PAPER),
        Variant("point, no self-training", POINT, changes=_without("self_training")),
        Variant("point, no alignment", POINT, changes=_without(*ALIGNMENT)),
        Variant("point, with alignment", POINT, changes=ALIGNED),
        Variant("point, no running average", POINT, changes={"average_decay": 0}),
    ),
}


@dataclass(frozen=True)
class Study:
    """What is compared, and where."""

    source: DatasetCard
    target: DatasetCard
    validation: DatasetCard
    out: Path
    recipe: str
    changes: Mapping[str, object]

    def run_dir(self, variant: Variant, seed: int) -> Path:
        """Where the variant's run is, or will be.

        Raises:
            BadInput: the folder has a run of another configuration.
        """
        run_dir = self.out / "runs" / variant.name.replace(", ", "-").replace(" ", "-") / f"{seed}"
        path, config = run_dir / FILE, self._config(variant, seed)
        if path.exists() and path.read_bytes() != config.model_dump_json(indent=2).encode():
            raise BadInput(f"{run_dir}: has a run of another {FILE}; remove it to run anew")
        return run_dir

    def prepare(self, variant: Variant, seed: int) -> Path:
        """Make the variant's run directory, with all that a training needs.

        Raises:
            BadInput: the folder has a run of another configuration.
        """
        run_dir = self.run_dir(variant, seed)
        write_config(run_dir, self._config(variant, seed))
        return run_dir

    def check_data(self) -> None:
        """See that each domain has its images and masks, and that the masks can be read.

        Raises:
            BadInput: naming the dataset, the file or the field.
        """
        with loading():
            from trainer.data.domains import load_masked  # noqa: PLC0415 - these import torch
            from trainer.data.mask_notes import mask_notes  # noqa: PLC0415

        for domain in ("source", "target", "validation"):
            card: DatasetCard = getattr(self, domain)
            masked = load_masked(card, self.target.categories, CHECKED_SIZE)
            mask_notes(domain, masked.images, self.target.categories, cores_here())

    def _config(self, variant: Variant, seed: int) -> TrainConfig:
        dense = variant.supervision is Supervision.DENSE
        oracle = variant.supervision.is_oracle
        # Without masks in the card, no run can look at one.
        target = self.target if dense else self.target.model_copy(update={"masks": None})
        subject = RunSubject(
            supervision=variant.supervision,
            categories=self.target.categories,
            source=self.source if variant.source else None,
            target=target,
            labels=(self.out / variant.labels.file).resolve() if oracle else None,
            validation=self.validation,
        )
        selection = "weak-labels" if oracle else "last"
        shared = self.out.resolve()
        own = {
            "seed": seed,
            "predict": False,
            "selection": selection,
            # What runs have in common is made once: pictures, frozen stages' features, warm-ups.
            "cache": str(shared / "cache"),
            "warm_ups": str(shared / "warm-ups"),
        }
        changes = {**own, **self.changes, **variant.changes}
        return apply_overrides(build(self.recipe, subject), changes)

    def write_labels(self, labels: Labels) -> None:
        """Make the oracle labels of the target's masks, once."""
        path = self.out / labels.file
        if not path.exists():
            question = Question(self.target.categories, labels.points, labels.tiles)
            made = oracle_labels(self.target, question)
            write_labels(path, _some(made, labels.images))


def _some(labels: Sequence[WeakLabel], images: int | None) -> Sequence[WeakLabel]:
    """Labels of so many images, chosen by a hash of their names, in the order of the dataset."""
    chosen = set(by_hash(label.image for label in labels)[:images])
    return [label for label in labels if label.image in chosen]
