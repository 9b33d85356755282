"""What a form starts from, and which images are judged without any such help.

People tend to agree with what is already ticked. So a share of the (person, image) pairs is
blind: nothing is ticked and no prediction is shown, which is what the others are compared with.
The decision is remembered with the lease and goes into the label, whatever a browser claims.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import bindparam, select, update
from sqlalchemy.orm import Session

from server.models import Assignment, Image, Label, Prediction, Project
from server.models.image import AssignmentState
from server.security import is_drawn
from server.services import predictions

TICKED_FROM = 0.5
"""Probability or share from which a category is ticked."""
PRIORS = "priors"
PRIORS_NEED = 20
PRIORS_USE = 500
"""So many of the newest labels say how common each category is."""
NOT_SHOWN: dict[str, Any] = {"blind": None, "prefilled": None, "prefilled_by": None}
"""Of an assignment that nobody holds."""
SHOWN_PLAINLY: dict[str, Any] = {"blind": False, "prefilled": [], "prefilled_by": None}
"""Of a lease with nothing withheld and nothing ticked, as all are until that is decided."""


@dataclass(frozen=True)
class Prefill:
    """Categories that are ticked for a person, and by whom: the id of a run, or `priors`."""

    by: str
    category_ids: tuple[int, ...]


@dataclass(frozen=True)
class Handout:
    """What a person is shown with an image."""

    blind: bool = False
    prediction: Prediction | None = None
    prefill: Prefill | None = None


def hand_out(
    session: Session, project: Project, annotator_id: int, leased: Mapping[str, Image],
    answered: Collection[int],
) -> dict[int, Handout]:  # fmt: skip
    """Decide what one person sees with each leased image, and remember it with the lease.

    `leased` is by lease; the form of an `answered` image starts from the person's own label of
    the whole image. Gives the handouts by image.
    """
    known = predictions.current(session, project, [image.id for image in leased.values()])
    ticks = _ticks(session, project, known)
    handouts = {}
    # By image, as whoever refreshes priorities locks them: nobody waits in a circle.
    for lease_id, image in sorted(leased.items(), key=lambda pair: pair[1].id):
        image_id = image.id
        handout = Handout(
            prediction=known.get(image_id) if project.show_predictions else None,
            prefill=None if image_id in answered else ticks.get(image_id, ticks.get(None)),
        )
        has_help = handout.prediction is not None or handout.prefill is not None
        is_withheld = has_help and is_blind(project, annotator_id, image_id)
        if is_withheld or _passes_for_blind(project, image):
            handout = Handout(blind=True)
        if handout.blind or handout.prefill is not None:  # else as it was leased
            _remember(session, lease_id, handout)
        handouts[image_id] = handout
    return handouts


def shows_model(project: Project) -> bool:
    """Whether there is a model whose word people are shown, on the image or as ticks."""
    is_used = project.show_predictions or project.prefill == "model"
    return is_used and project.prediction_run_id is not None


def _passes_for_blind(project: Project, image: Image) -> bool:
    """Gold images, of which no model says anything, do where others come with the model's word."""
    return image.gold and shows_model(project)


def is_blind(project: Project, annotator_id: int, image_id: int) -> bool:
    """Whether this person judges this image blind: the same answer each time it is asked."""
    share = blind_share(project)
    return is_drawn(project.blind_secret, f"{annotator_id}:{image_id}", share)


def blind_share(project: Project) -> float:
    """Where gold images pass for blind ones, there are at least as many blind ones as of them."""
    is_mixed = project.gold_set is not None and project.source is not None
    least = project.gold_share if is_mixed and shows_model(project) else 0.0
    return max(project.blind_share, least)


def _ticks(
    session: Session, project: Project, known: Mapping[int, Prediction]
) -> dict[int | None, Prefill]:
    """What to tick, by image; None stands for all of which nothing is known."""
    if project.prefill == PRIORS:
        priors = _priors(session, project)
        return {} if priors is None else {None: priors}
    if project.prefill != "model":
        return {}
    return {image_id: _expected(project, prediction) for image_id, prediction in known.items()}


def _expected(project: Project, prediction: Prediction) -> Prefill:
    ids = tuple(
        category.id
        for category in project.categories
        if prediction.presence.get(category.name, 0) >= TICKED_FROM
    )
    return Prefill(str(prediction.run_id), ids)


def _priors(session: Session, project: Project) -> Prefill | None:
    shares = category_shares(session, project.id)
    if shares is None:
        return None
    common = (c.id for c in project.categories if shares.get(c.id, 0) >= TICKED_FROM)
    return Prefill(PRIORS, tuple(common))


def category_shares(session: Session, project_id: int) -> dict[int, float] | None:
    """How common each category is among the newest labels; None while there are too few."""
    newest: Sequence[list[int]] = session.scalars(
        select(Label.present)
        .where(
            Label.project_id == project_id,
            Label.has_answers(),
            Label.partial.is_(False),
            Label.gold.is_(False),
        )
        .order_by(Label.id.desc())
        .limit(PRIORS_USE)
    ).all()
    if len(newest) < PRIORS_NEED:
        return None
    counts = Counter(category_id for present in newest for category_id in present)
    return {category_id: n / len(newest) for category_id, n in counts.items()}


_REMEMBERING = (
    update(Assignment)
    .where(Assignment.lease_id == bindparam("lease"))
    .values(
        blind=bindparam("shown_blind"),
        prefilled=bindparam("ticked"),
        prefilled_by=bindparam("ticked_by"),
    )
    .execution_options(synchronize_session=False)
)


def _remember(session: Session, lease_id: str, handout: Handout) -> None:
    prefill = handout.prefill
    session.execute(
        _REMEMBERING,
        {
            "lease": lease_id,
            "shown_blind": handout.blind,
            "ticked": list(prefill.category_ids) if prefill else [],
            "ticked_by": prefill.by if prefill else None,
        },
    )


def is_withheld(session: Session, project: Project, annotator_id: int, image: Image) -> bool:
    """Whether a person who answers without a lease had help withheld: as one would have."""
    if image.gold:
        return _passes_for_blind(project, image)
    if not is_blind(project, annotator_id, image.id):
        return False
    if project.prefill == PRIORS and _priors(session, project) is not None:
        return True
    return shows_model(project) and bool(predictions.current(session, project, [image.id]))


def may_see(session: Session, project: Project, annotator_id: int, image: Image) -> bool:
    """Whether an annotator may see what a model says of an image, held or not.

    Not before their answer where they judge it blind: who has looked at all images beforehand
    would judge none so. Nor after it where gold images pass for blind ones, which no model sees.
    """
    if not (is_blind(project, annotator_id, image.id) or _passes_for_blind(project, image)):
        return True
    if project.gold_set is not None:
        return False
    answered = select(Label.id).where(
        Label.image_id == image.id,
        Label.annotator_id == annotator_id,
        Label.current,
        Label.partial.is_(False),
    )
    return session.scalar(answered) is not None


def holds_blind(session: Session, annotator_id: int, image_id: int) -> bool:
    """Whether a person has this image to judge blind.

    Also when the lease has run out: the answer is still taken while nobody else has the image.
    """
    held = select(Assignment.id).where(
        Assignment.image_id == image_id,
        Assignment.annotator_id == annotator_id,
        Assignment.state == AssignmentState.OPEN,
        Assignment.blind.is_(True),
    )
    return session.scalar(held.limit(1)) is not None
