"""Projects."""

from fastapi import APIRouter, status
from sqlalchemy.orm import Session

from server.api.deps import (
    Annotator,
    Creator,
    GuardedRoute,
    Lead,
    LeadReader,
    Reader,
    ReadSessionDep,
    SessionDep,
    Viewer,
)
from server.api.problems import problems
from server.db import session_scope
from server.models import Project
from server.models.member import MemberRole
from server.queue import send_after_commit
from server.schemas.common import DatabaseId
from server.schemas.project import (
    Agreement,
    AnnotatorPace,
    FirstSteps,
    MemberChange,
    MemberIn,
    MemberOut,
    PersonalKeys,
    PrefillEffect,
    ProjectChange,
    ProjectIn,
    ProjectOut,
    SkipCount,
)
from server.services import categories, first_steps, measures, members, projects
from server.services.assignment import overlap
from server.services.images import counting
from server.services.images.numbers import Person
from server.services.quality import agreement, prefill_effect

router = APIRouter(prefix="/projects", tags=["projects"], route_class=GuardedRoute)

FIT_SECONDS = 1
"""A change of the overlap holds for all images of most projects by then."""


@router.get("", responses=problems(401, 403))
def list_projects(caller: Reader, session: ReadSessionDep) -> list[ProjectOut]:
    """The projects in which the caller takes part, newest first."""
    roles = members.projects_of(session, caller.user)
    found = projects.list_all(session, roles)
    counts = counting.of_projects(session, [project.id for project in found])
    return [
        ProjectOut.of(
            each,
            counting.told_to(session, Person(each, caller.id, roles[each.id]), counts[each.id]),
            roles[each.id],
        )
        for each in found
    ]


@router.post("", status_code=status.HTTP_201_CREATED, responses=problems(401, 403, 409))
def create_project(body: ProjectIn, caller: Creator, session: SessionDep) -> ProjectOut:
    """Make a project. Who makes it leads it; others are members once they are added."""
    project = projects.create(session, body, caller.id)
    return _described(session, project, MemberRole.LEAD)


def _described(session: Session, project: Project, role: MemberRole) -> ProjectOut:
    return ProjectOut.of(project, counting.of_projects(session, [project.id])[project.id], role)


@router.get("/{project_id}", responses=problems(401, 403, 404))
def show_project(project_id: DatabaseId, caller: Viewer, session: ReadSessionDep) -> ProjectOut:
    """One project."""
    project = projects.get(session, project_id)
    counts = counting.of_projects(session, [project_id])[project_id]
    told = counting.told_to(session, caller.in_project(project), counts)
    return ProjectOut.of(project, told, caller.member_role)


@router.patch("/{project_id}", responses=problems(401, 403, 404, 409))
def change_project(project_id: DatabaseId, body: ProjectChange, caller: Lead) -> ProjectOut:
    """Change the fields that are sent.

    Another overlap holds for the images of a large project one after the other, within minutes.
    """
    with session_scope() as session:
        before = projects.overlap_of(projects.get(session, project_id))
        project = projects.change(session, project_id, body)
        is_fit = projects.overlap_of(project) == before
        if not is_fit:
            # What there is no time for here is a worker's, who finds it undone by this.
            project.prioritised_for = ""
            send_after_commit(session, "prioritise")
    if not is_fit:
        overlap.fit(project_id, FIT_SECONDS)
    with session_scope(read_only=True) as session:
        return _described(session, projects.get(session, project_id), caller.member_role)


@router.get("/{project_id}/first-steps", responses=problems(401, 403, 404))
def show_first_steps(
    project_id: DatabaseId, _caller: LeadReader, session: ReadSessionDep
) -> FirstSteps:
    """What the project still needs before people can label, and before a first run."""
    return first_steps.look(session, projects.get(session, project_id))


@router.get("/{project_id}/members", responses=problems(401, 403, 404))
def list_members(
    project_id: DatabaseId, _caller: LeadReader, session: ReadSessionDep
) -> list[MemberOut]:
    """Who takes part in a project, in order of addresses. Admins lead all and are not listed."""
    project = projects.get(session, project_id)
    return [
        MemberOut.of(one.user, one.role, is_member=one.is_member)
        for one in members.list_all(session, project)
    ]


@router.post(
    "/{project_id}/members",
    status_code=status.HTTP_201_CREATED,
    responses=problems(401, 403, 404, 409),
)
def add_member(
    project_id: DatabaseId, body: MemberIn, _caller: Lead, session: SessionDep
) -> MemberOut:
    """Make the holder of an account a member."""
    member = members.add(session, projects.get(session, project_id), body.email, body.role)
    return MemberOut.of(member.user, member.role)


@router.patch("/{project_id}/members/{user_id}", responses=problems(401, 403, 404))
def change_member(
    project_id: DatabaseId,
    user_id: DatabaseId,
    body: MemberChange,
    _caller: Lead,
    session: SessionDep,
) -> MemberOut:
    """Give a member another role; it holds at once."""
    member = members.change(session, projects.get(session, project_id), user_id, body.role)
    return MemberOut.of(member.user, member.role)


@router.delete(
    "/{project_id}/members/{user_id}",
    status_code=status.HTTP_204_NO_CONTENT,
    responses=problems(401, 403, 404, 409),
)
def remove_member(
    project_id: DatabaseId, user_id: DatabaseId, _caller: Lead, session: SessionDep
) -> None:
    """End a membership, at once. What they labelled stays.

    409 `project-open` where all accounts take part.
    """
    members.remove(session, projects.get(session, project_id), user_id)


@router.get("/{project_id}/pace", responses=problems(401, 403, 404))
def show_pace(project_id: DatabaseId, caller: Viewer, session: ReadSessionDep) -> AnnotatorPace:
    """One's own labels and labelling time."""
    return projects.pace(session, project_id, caller.id)


@router.get("/{project_id}/keys", responses=problems(401, 403, 404))
def show_keys(project_id: DatabaseId, caller: Viewer, session: ReadSessionDep) -> PersonalKeys:
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


@router.get("/{project_id}/prefill-effect", responses=problems(401, 403, 404, 503))
def show_prefill_effect(
    project_id: DatabaseId, _caller: LeadReader, session: ReadSessionDep
) -> PrefillEffect:
    """What pre-filling does to answers and to the time they take, beside blind images.

    Of more than 20,000 images as they were counted last, which is done again when they change; 503
    `being-counted` until it was done first.
    """
    return measures.read(session, project_id, prefill_effect.MEASURE)


@router.get("/{project_id}/agreement", responses=problems(401, 403, 404, 503))
def show_agreement(
    project_id: DatabaseId, _caller: LeadReader, session: ReadSessionDep
) -> Agreement:
    """How far people agree on images that several of them labelled, by category.

    Of more than 20,000 images as they were counted last, which is done again when they change; 503
    `being-counted` until it was done first.
    """
    return measures.read(session, project_id, agreement.MEASURE)


@router.get("/{project_id}/skips", responses=problems(401, 403, 404))
def list_skips(
    project_id: DatabaseId, _caller: LeadReader, session: ReadSessionDep
) -> list[SkipCount]:
    """Why images were skipped, the most frequent reason first."""
    return projects.skips(session, project_id)
