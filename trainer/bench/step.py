"""Part `step`: what weak labels and alignment add to a plain step on both domains."""

from trainer.bench.measure import Conditions, ratio, side_by_side
from trainer.bench.result import PartResult, verdict
from trainer.bench.subject import Stepper, config_for
from trainer.contract import Supervision
from trainer.method.terms import term_weights

TAUGHT = ("self_training", "class_mix")
"""Terms that let a teacher look too: each is in a step of its own."""


def measure(conditions: Conditions) -> PartResult:
    """A step with all terms on weak labels and alignment, against a plain one and without each."""
    steps = _steps(conditions)
    timings = side_by_side(conditions, steps)
    plain, full = timings["plain"], timings["full"]
    rows = [
        {
            "step": name,
            **timing.row(),
            "percent_above_plain": 100 * (ratio(timing, plain) - 1),
            "term_percent_of_plain": 100 * (ratio(full, plain) - ratio(timing, plain))
            if name.startswith("without")
            else None,
        }
        for name, timing in timings.items()
    ]
    config = steps["full"].config
    return PartResult(
        part="step",
        about=f"recipe {config.recipe}: {config.backbone}, {config.precision}, "
        f"{config.width} x {config.height}, batch {config.batch_size} of each domain, "
        f"{len(config.categories)} categories; plain: cross-entropy against masks in both domains",
        rows=tuple(rows),
        verdicts=(
            verdict(
                "overhead",
                100 * (ratio(full, plain) - 1),
                on_accelerator=conditions.on_accelerator,
            ),
        ),
        notes=(
            "the whole step less the step without a term is what the term costs, with the "
            "training of its discriminator; full and all without are without a teacher",
        ),
    )


def _steps(conditions: Conditions) -> dict[str, Stepper]:
    # Without presence, dense supervision is cross-entropy alone, and has no discriminators.
    plain = config_for(conditions, Supervision.DENSE, changes={"weights.source_presence": 0})
    untaught = {f"weights.{term}": 0 for term in TAUGHT}
    terms = [
        term for term in term_weights(config_for(conditions, changes=untaught)) if term != "source"
    ]
    switched_off = {
        "full": [],
        **{f"without {term}": [term] for term in terms},
        "without all but point": [term for term in terms if term != "point"],
    }
    changes = {
        name: untaught | {f"weights.{term}": 0 for term in off}
        for name, off in switched_off.items()
    } | {f"with {term}": untaught | {f"weights.{term}": 1} for term in TAUGHT}
    return {"plain": Stepper(plain)} | {
        name: Stepper(config_for(conditions, changes=each)) for name, each in changes.items()
    }
