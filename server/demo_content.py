"""What the demo shows: drawn street scenes or the user's own images, a project and two accounts.

Every step looks at what is there and adds what is missing, so that a second start is quick.
"""

import json
import os
import secrets
import shutil
import subprocess
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn
from sqlalchemy.orm import Session

from server import trainer_commands
from server.db import session_scope, utcnow
from server.errors import BadInput, NotFound
from server.models import Project
from server.models.user import Role
from server.processes import bound_to_parent
from server.schemas.image import ManifestLine
from server.schemas.project import CategoryIn, ProjectChange, ProjectIn
from server.schemas.user import Scope, TokenIn
from server.security import hash_password, verify_password
from server.services import datasets, projects
from server.services.accounts import tokens, users
from server.services.images import counting, importing
from server.services.images.importing import Imported
from server.settings import get_settings
from trainer.contract import DatasetCard
from trainer.contract.names import comparable, why_no_path, why_unsafe
from trainer.contract.walk import Pictures, describe_left_out, pictures_below

ACCOUNTS = {"admin@demo.local": Role.ADMIN, "annotator@demo.local": Role.ANNOTATOR}
DRAWN_PROJECT = "Demo streets"
RETRAIN_AFTER = 20
DRAWN_RECIPE, PHOTOGRAPHS_RECIPE = "demo", "cpu-small"
POLL_SECONDS = 0.2
MASKED = "demo-target-masked"
"""The target's scenes, with the masks that only simulated annotators see."""
TOKEN_LIFETIME = timedelta(hours=1)


@dataclass(frozen=True)
class Drawing:
    """A series of drawn scenes, and the dataset that it becomes."""

    name: str
    look: str
    seed: int
    count: int


@dataclass(frozen=True)
class Drawings:
    """The three domains of a demo without images of one's own."""

    source: Drawing
    target: Drawing
    validation: Drawing

    @property
    def masked(self) -> Drawing:
        """The target's scenes with their masks."""
        return replace(self.target, name=MASKED)

    @classmethod
    def of_counts(cls, source: int, target: int, validation: int) -> "Drawings":
        return cls(
            Drawing("demo-source", "source", 1, source),
            Drawing("demo-target", "target", 2, target),
            Drawing("demo-validation", "target", 3, validation),
        )


@dataclass(frozen=True)
class Target:
    """The project that is labelled, and the folder of its images."""

    project: str
    images: Path
    is_drawn: bool

    @classmethod
    def choose(cls, data: Path, own_images: Path | None) -> "Target":
        """The user's own images, or those of the last start, or drawn scenes."""
        if own_images is None:
            return cls.last_of(data) or cls(
                DRAWN_PROJECT, data / "datasets" / "demo-target" / "images", is_drawn=True
            )
        folder = own_images.resolve()
        if not folder.is_dir():
            raise BadInput(f"IMAGES: {folder} is not a folder")
        found = pictures_below(folder)
        if not found.names:
            said = describe_left_out(found.left_out)
            where = f"IMAGES: there are no pictures below {folder}"
            raise BadInput(f"{where} ({said})" if said else where)
        # "images" alone would not tell one project from another.
        name = " ".join(folder.parts[-2:]) if folder.name == "images" else folder.name
        return cls(name, folder, is_drawn=False)

    @classmethod
    def last_of(cls, data: Path) -> "Target | None":
        """What was labelled at the last start with this data folder."""
        try:
            said = json.loads((data / "demo.json").read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        return cls(said["project"], Path(said["images"]), said["is_drawn"])

    def remember(self, data: Path) -> None:
        """Make this the last target of the data folder."""
        said = {"project": self.project, "images": str(self.images), "is_drawn": self.is_drawn}
        (data / "demo.json").write_text(json.dumps(said, indent=2) + "\n", encoding="utf-8")


def ensure_project(
    target: Target,
    drawings: Drawings,
    source: Path | None,
    validation: Path | None,
    console: Console,
    *,
    with_masks: bool = False,
) -> None:
    """Draw what is to be drawn, and make the project with its datasets when it is not there.

    `with_masks`: the target's scenes are drawn with the masks that simulated annotators see.

    Raises WeaksegError when a card is wrong.
    """
    if target.is_drawn and with_masks:
        _draw([drawings.masked], console)
        _copy_pictures(drawings.masked, drawings.target)
    wanted = [drawings.target, drawings.validation] if target.is_drawn else []
    _draw([*wanted, *([] if source else [drawings.source])], console)
    source_card = datasets.add(source) if source else _card(drawings.source)
    validation_card = datasets.add(validation) if validation else None
    if validation_card is None and target.is_drawn:
        validation_card = _card(drawings.validation)
    with session_scope() as session:
        if project := projects.find_by_name(session, target.project):
            _follow_cards(session, project, source, validation)
        else:
            _create_project(session, target, source_card, validation_card)


def _card(drawing: Drawing) -> DatasetCard:
    return datasets.add(get_settings().datasets / drawing.name / "card.yaml")


def _create_project(
    session: Session, target: Target, source: DatasetCard, validation: DatasetCard | None
) -> None:
    names = dict.fromkeys(source.ids[number] for number in sorted(source.ids))
    wanted = ProjectIn(
        name=target.project,
        description="Made by weakseg demo.",
        open_to_everybody=True,
        categories=[CategoryIn(name=name) for name in names],
        source=source.name,
        validation=validation.name if validation else None,
        recipe=DRAWN_RECIPE if target.is_drawn else PHOTOGRAPHS_RECIPE,
        retrain_after=RETRAIN_AFTER,
    )
    projects.create(session, wanted)


def _follow_cards(
    session: Session, project: Project, source: Path | None, validation: Path | None
) -> None:
    """A card that was named at this start replaces the one of an earlier start."""
    change = {
        field: datasets.add(card).name
        for field, card in (("source", source), ("validation", validation))
        if card is not None
    }
    if change:
        projects.change(session, project.id, ProjectChange.model_validate(change))


def _draw(drawings: list[Drawing], console: Console) -> None:
    """Draw each series that is not complete yet."""
    root = get_settings().datasets
    missing = [drawing for drawing in drawings if not (root / drawing.name / "card.yaml").exists()]
    if not missing:
        return
    columns = ("{task.description}", BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console) as progress:
        tasks = [progress.add_task(f"Drawing {d.name}", total=d.count) for d in missing]
        for drawing, task in zip(missing, tasks, strict=True):
            for done in _draw_series(drawing, root / drawing.name):
                progress.update(task, completed=done)


def _copy_pictures(drawn: Drawing, to: Drawing) -> None:
    """Give a series the pictures that another has drawn: they are then not drawn again."""
    root = get_settings().datasets
    if (root / to.name / "card.yaml").exists():
        return
    folder = root / to.name / "images"
    folder.mkdir(parents=True, exist_ok=True)
    for picture in (root / drawn.name / "images").glob("*.jpg"):
        if not (folder / picture.name).exists():
            # Not below images/, where half a file could be taken for a picture.
            unfinished = folder.parent / f".{picture.name}"
            shutil.copyfile(picture, unfinished)
            unfinished.replace(folder / picture.name)


def _draw_series(drawing: Drawing, folder: Path) -> Iterator[int]:
    """Draw in another process; gives how many scenes are there so far."""
    has_masks = drawing.name != "demo-target"
    command = trainer_commands.scenes(
        folder, drawing.look, drawing.count, drawing.seed, masks=has_masks
    )
    with subprocess.Popen(  # noqa: S603
        bound_to_parent(command), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as renderer:
        while renderer.poll() is None:
            yield sum(1 for _ in folder.glob("images/*.jpg"))
            time.sleep(POLL_SECONDS)
        errors = renderer.stderr.read() if renderer.stderr else ""
    if renderer.returncode:
        raise BadInput(f"drawing {drawing.name} failed: {errors.strip()}")
    yield drawing.count


@dataclass(frozen=True)
class Wanted:
    """What `weakseg simulate` is to do."""

    arguments: Sequence[str]
    token: str


SHORT_RUN = (
    "height=120", "width=160", "frozen_stages=4", "warmup_steps=96", "steps=80",
    "evaluate_every=80", "predict=false",
)  # fmt: skip
"""Of the recipe of the demo: nine runs within two minutes on two cores. In so few steps the first
four stages learn nothing that would pay for their backward passes."""
SHORT_RUNS = ("source-only", "image", "point")
SHARES = (2, 4, 7, 10)
"""Tenths of the labels that runs are started on: a forecast asks for four runs of a kind."""


def simulation(target: Target, labels: int, console: Console) -> Wanted | None:
    """Simulated annotators for the drawn images, and runs on a fifth to all of their labels.

    None: so many images, or all, have labels already.
    """
    with session_scope() as session:
        project = projects.find_by_name(session, target.project)
        admin = users.find_by_email(session, next(iter(ACCOUNTS)))
        if project is None or admin is None:
            raise NotFound(f"there is no project {target.project!r}")
        counts = counting.of_projects(session, [project.id])[project.id]
        left = min(labels, counts.total - counts.rejected) - counts.labelled
        if left <= 0:
            console.print(f"{counts.labelled} images have labels already: nobody simulates more")
            return None
        asked = TokenIn(
            name="simulated annotators", scopes=list(Scope), expires_at=utcnow() + TOKEN_LIFETIME
        )
        _, token = tokens.create(session, admin, asked, holder_scopes=frozenset(Scope))
    after = sorted({max(left * share // 10, 1) for share in SHARES})
    card = get_settings().datasets / MASKED / "card.yaml"
    return Wanted(
        [
            target.project, "--masks", str(card), "--labels", str(left),
            "--runs-after", ",".join(map(str, after)),
            *(f"--supervision={name}" for name in SHORT_RUNS),
            *(f"--set={change}" for change in SHORT_RUN),
        ],
        token,
    )  # fmt: skip


def register_images(target: Target, pictures: Pictures) -> Imported:
    """Make the images of the folder known to the project; a worker verifies them later."""
    refused = _refused(pictures.names)
    lines = (
        (number, ManifestLine(uri=name))
        for number, name in enumerate(pictures.names, 1)
        if name not in refused
    )
    with session_scope(read_only=True) as session:
        project = projects.find_by_name(session, target.project)
    if project is None:
        raise NotFound(f"there is no project {target.project!r}")
    result = importing.register_manifest(project.id, lines)
    for name, reason in refused.items():
        result.reject(name, reason)
    return result


def _refused(names: Iterable[str]) -> dict[str, str]:
    """Why some of the names cannot be registered, by name."""
    refused: dict[str, str] = {}
    first: dict[str, str] = {}
    for name in names:
        if reason := why_no_path(name) or why_unsafe(name):
            refused[name] = reason
        elif first.setdefault(comparable(name), name) != name:
            refused[name] = "another image already has this name, with its accents in another form"
    return refused


def ensure_accounts(password_file: Path, chosen: str | None) -> dict[str, str | None]:
    """Make both accounts, or give them the chosen password; returns each one's password.

    A password that nobody chose is kept in the file, so that it can be shown at the next start.
    None stands for one that is not known here: it was chosen earlier, or changed in the browser.
    """
    with session_scope() as session:
        known = {email: users.find_by_email(session, email) for email in ACCOUNTS}
        if chosen is not None:
            password_file.unlink(missing_ok=True)
            password: str | None = chosen
        else:
            password = _kept_password(password_file, make=None in known.values())
        if password is None:
            return dict.fromkeys(ACCOUNTS)
        opened = {}
        for email, user in known.items():
            if user is None:
                # Of this machine alone, so that any password that its owner chooses will do.
                made = users.create(session, email, None, ACCOUNTS[email])
                users.set_password(session, made, hash_password(password))
            elif chosen is not None and not verify_password(chosen, user.password_hash):
                users.set_password(session, user, hash_password(chosen))
            opens = user is None or verify_password(password, user.password_hash)
            opened[email] = password if opens else None
        return opened


def _kept_password(file: Path, *, make: bool) -> str | None:
    if file.exists():
        return file.read_text(encoding="utf-8").strip()
    if not make:
        return None
    password = secrets.token_hex(6)
    handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as opened:
        opened.write(password + "\n")
    return password
