"""What a process keeps of projects between requests is never older than the database."""

import ast
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy.orm import Session

import server
from server.db import session_scope
from server.errors import NotFound
from server.models import Category, GoldSet, Project
from server.models.gold import GoldState
from server.schemas.project import CategoryChange, ProjectChange
from server.services import projects
from tests.server import factories

Told = tuple[str, int | None, bool, list[tuple[int, int, str, str, str | None]]]


def told(project: Project) -> Told:
    """What requests look at in a project."""
    categories = [(c.id, c.position, c.name, c.color, c.key) for c in project.categories]
    return project.name, project.prediction_run_id, project.gold_set is not None, categories


def rename(session: Session, project_id: int) -> None:
    projects.change(session, project_id, ProjectChange(name="Lanes"))


def show_a_model(session: Session, project_id: int) -> None:
    session.get_one(Project, project_id).prediction_run_id = 7


def _with_names(session: Session, project_id: int, names: list[str]) -> None:
    kept = session.get_one(Project, project_id).categories
    wanted = [
        CategoryChange(id=kept[i].id if i < len(kept) else None, name=name)
        for i, name in enumerate(names)
    ]
    projects.change(session, project_id, ProjectChange(categories=wanted))


def swap_category_names(session: Session, project_id: int) -> None:
    _with_names(session, project_id, ["Car", "Road", "Tree"])


def add_a_category(session: Session, project_id: int) -> None:
    _with_names(session, project_id, ["Road", "Car", "Tree", "Sky"])


def remove_a_category(session: Session, project_id: int) -> None:
    _with_names(session, project_id, ["Road", "Car"])


def recolour_a_category_alone(session: Session, project_id: int) -> None:
    category_id = session.get_one(Project, project_id).categories[0].id
    session.expunge_all()
    session.get_one(Category, category_id).color = "#000000"


def ask_for_gold(session: Session, project_id: int) -> None:
    session.add(
        GoldSet(project_id=project_id, wanted=1, seed=0, category_ids=[], state=GoldState.MAKING)
    )


def take_gold_away(session: Session, project_id: int) -> None:
    ask_for_gold(session, project_id)
    session.flush()
    session.delete(session.get_one(GoldSet, project_id))


CHANGES = (
    rename, show_a_model, swap_category_names, add_a_category, remove_a_category, recolour_a_category_alone,
    ask_for_gold, take_gold_away,
)  # fmt: skip


def seen_anew(project_id: int) -> Told:
    with session_scope() as session:
        return told(projects.seen(session, project_id))


def stored(project_id: int) -> Told:
    with session_scope(read_only=True) as session:
        return told(projects.get(session, project_id))


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_a_change_is_seen_by_the_next_request(
    database: str, change: Callable[[Session, int], None]
) -> None:
    project_id = factories.make_project()
    before = seen_anew(project_id)
    with session_scope() as session:
        projects.seen(session, project_id)
        change(session, project_id)
        session.flush()
        assert told(projects.seen(session, project_id)) == told(projects.get(session, project_id))
    assert seen_anew(project_id) == stored(project_id)
    assert seen_anew(project_id) != before or change is take_gold_away


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_a_change_that_is_taken_back_is_seen_by_nobody(
    database: str, change: Callable[[Session, int], None]
) -> None:
    project_id = factories.make_project()
    before = seen_anew(project_id)
    with session_scope() as session:
        change(session, project_id)
        session.flush()
        projects.seen(session, project_id)
        session.rollback()
    assert seen_anew(project_id) == stored(project_id) == before


def test_what_is_kept_belongs_to_no_session(database: str) -> None:
    project_id = factories.make_project()
    with session_scope() as session:
        projects.seen(session, project_id).name = "Changed by mistake"
    assert stored(project_id)[0] == "Streets"
    with session_scope() as session:
        projects.change(session, project_id, ProjectChange(description="Another version"))
    assert seen_anew(project_id)[0] == "Streets"


def test_the_least_used_is_forgotten(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(projects, "KEPT", 2)
    monkeypatch.setattr(projects, "_kept", OrderedDict())
    ids = [factories.make_project(f"Streets {n}") for n in range(4)]
    assert [seen_anew(i)[0] for i in ids + ids] == [f"Streets {n}" for n in range(4)] * 2
    assert len(projects._kept) <= 2


def test_a_project_that_there_is_not(database: str) -> None:
    with pytest.raises(NotFound), session_scope() as session:
        projects.seen(session, 1)


def test_versions_are_renewed_wherever_projects_are_written() -> None:
    """Statements that write these tables past the session would leave the version as it was."""
    past = []
    for path in Path(server.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and node.args:
                written = ast.unparse(node.args[0]) in ("Project", "Category", "GoldSet")
                if written and ast.unparse(node.func).split(".")[-1] in (
                    "insert",
                    "update",
                    "delete",
                ):
                    past.append(f"{path.name}:{node.lineno}")
    assert past == []
