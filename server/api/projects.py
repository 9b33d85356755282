"""Projects."""

from fastapi import APIRouter, status

from server.api.deps import (
    Annotator,
    EngineerReader,
    GuardedRoute,
    ProjectAdmin,
    Reader,
    ReadSessionDep,
    SessionDep,
)
from server.api.problems import problems
from server.db import session_scope
from server.queue import send_after_commit
from server.schemas.common import DatabaseId
from server.schemas.project import (
    Agreement,
    AnnotatorPace,
    PersonalKeys,
    PrefillEffect,
    ProjectChange,
    ProjectIn,
    ProjectOut,
    SkipCount,
)
from server.services import categories, projects
from server.services.assignment import overlap
from server.services.images import counting
from server.services.quality import agreement, prefill_effect

router = APIRouter(prefix="/projects", tags=["projects"], route_class=GuardedRoute)

FIT_SECONDS = 1
"""A change of the overlap holds for all images of most projects by then."""


@router.get("", responses=problems(401, 403))
def list_projects(_caller: Reader, session: ReadSessionDep) -> list[ProjectOut]:
    """All projects, newest first."""
    found = projects.list_all(session)
    counts = counting.of_projects(session, [project.id for project in found])
    return [ProjectOut.of(project, counts[project.id]) for project in found]


@router.post("", status_code=status.HTTP_201_CREATED, responses=problems(401, 403, 409))
def create_project(body: ProjectIn, _caller: ProjectAdmin, session: SessionDep) -> ProjectOut:
    """Make a project."""
    project = projects.create(session, body)
    return ProjectOut.of(project, counting.of_projects(session, [project.id])[project.id])


@router.get("/{project_id}", responses=problems(401, 403, 404))
def show_project(project_id: DatabaseId, _caller: Reader, session: ReadSessionDep) -> ProjectOut:
    """One project."""
    project = projects.get(session, project_id)
    return ProjectOut.of(project, counting.of_projects(session, [project_id])[project_id])


@router.patch("/{project_id}", responses=problems(401, 403, 404, 409))
def change_project(
    project_id: DatabaseId, body: ProjectChange, _caller: ProjectAdmin
) -> ProjectOut:
    """Change the fields that are sent.

    Another overlap holds for the images of a large project one after the other, within minutes.
    """
    with session_scope() as session:
        before = projects.get(session, project_id).overlap
        project = projects.change(session, project_id, body)
        is_fit = project.overlap == before
        if not is_fit:
            # What there is no time for here is a worker's, who finds it undone by this.
            project.prioritised_for = ""
            send_after_commit(session, "prioritise")
    if not is_fit:
        overlap.fit(project_id, FIT_SECONDS)
    with session_scope(read_only=True) as session:
        project = projects.get(session, project_id)
        return ProjectOut.of(project, counting.of_projects(session, [project_id])[project_id])


@router.get("/{project_id}/pace", responses=problems(401, 403, 404))
def show_pace(project_id: DatabaseId, caller: Reader, session: ReadSessionDep) -> AnnotatorPace:
    """One's own labels and labelling time."""
    return projects.pace(session, project_id, caller.id)


@router.get("/{project_id}/keys", responses=problems(401, 403, 404))
def show_keys(project_id: DatabaseId, caller: Reader, session: ReadSessionDep) -> PersonalKeys:
    """The keys that the caller labels with: their own choice, else the project's."""
    project = projects.get(session, project_id)
    return PersonalKeys(keys=categories.keys_of(session, project, caller.id))


@router.put("/{project_id}/keys", responses=problems(401, 403, 404))
def choose_keys(
    project_id: DatabaseId, body: PersonalKeys, caller: Annotator, session: SessionDep
) -> PersonalKeys:
    """Choose one's own keys, in place of those chosen before."""
    project = projects.get(session, project_id)
    categories.choose_keys(session, project, caller.id, body.keys)
    return PersonalKeys(keys=categories.keys_of(session, project, caller.id))


@router.delete(
    "/{project_id}/keys",
    status_code=status.HTTP_204_NO_CONTENT,
    responses=problems(401, 403, 404),
)
def reset_keys(project_id: DatabaseId, caller: Annotator, session: SessionDep) -> None:
    """Go back to the project's own keys."""
    projects.get(session, project_id)
    categories.forget_keys(session, project_id, caller.id)


@router.get("/{project_id}/prefill-effect", responses=problems(401, 403, 404))
def show_prefill_effect(
    project_id: DatabaseId, _caller: EngineerReader, session: ReadSessionDep
) -> PrefillEffect:
    """What pre-filling does to answers and to the time they take, beside blind images."""
    return prefill_effect.measure(session, project_id)


@router.get("/{project_id}/agreement", responses=problems(401, 403, 404))
def show_agreement(
    project_id: DatabaseId, _caller: EngineerReader, session: ReadSessionDep
) -> Agreement:
    """How far people agree on images that several of them labelled, by category."""
    return agreement.measure(session, project_id)


@router.get("/{project_id}/skips", responses=problems(401, 403, 404))
def list_skips(
    project_id: DatabaseId, _caller: EngineerReader, session: ReadSessionDep
) -> list[SkipCount]:
    """Why images were skipped, the most frequent reason first."""
    return projects.skips(session, project_id)
