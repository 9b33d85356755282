"""Projects."""

from fastapi import APIRouter, status

from server.api.deps import ProjectAdmin, Reader, ReadSessionDep, SessionDep
from server.api.problems import problems
from server.models import Project
from server.schemas.common import DatabaseId
from server.schemas.project import (
    AnnotatorPace,
    CategoryOut,
    ImageCounts,
    ProjectChange,
    ProjectIn,
    ProjectOut,
)
from server.services import projects

router = APIRouter(prefix="/projects", tags=["projects"])


def _out(project: Project, images: ImageCounts) -> ProjectOut:
    fields = {
        name: getattr(project, name)
        for name in ProjectOut.model_fields
        if name not in ("images", "categories")
    }
    categories = [CategoryOut.model_validate(category) for category in project.categories]
    return ProjectOut(**fields, images=images, categories=categories)


@router.get("", responses=problems(401, 403))
def list_projects(_caller: Reader, session: ReadSessionDep) -> list[ProjectOut]:
    """All projects, newest first."""
    found = projects.list_all(session)
    counts = projects.image_counts(session, [project.id for project in found])
    return [_out(project, counts[project.id]) for project in found]


@router.post("", status_code=status.HTTP_201_CREATED, responses=problems(401, 403, 409))
def create_project(body: ProjectIn, _caller: ProjectAdmin, session: SessionDep) -> ProjectOut:
    """Make a project."""
    project = projects.create(session, body)
    return _out(project, projects.image_counts(session, [project.id])[project.id])


@router.get("/{project_id}", responses=problems(401, 403, 404))
def show_project(project_id: DatabaseId, _caller: Reader, session: ReadSessionDep) -> ProjectOut:
    """One project."""
    project = projects.get(session, project_id)
    return _out(project, projects.image_counts(session, [project_id])[project_id])


@router.patch("/{project_id}", responses=problems(401, 403, 404, 409))
def change_project(
    project_id: DatabaseId, body: ProjectChange, _caller: ProjectAdmin, session: SessionDep
) -> ProjectOut:
    """Change the fields that are sent."""
    project = projects.change(session, project_id, body)
    return _out(project, projects.image_counts(session, [project_id])[project_id])


@router.get("/{project_id}/pace", responses=problems(401, 403, 404))
def show_pace(project_id: DatabaseId, caller: Reader, session: ReadSessionDep) -> AnnotatorPace:
    """One's own labels and labelling time."""
    return projects.pace(session, project_id, caller.id)
