"""Deleting, and what would go with it."""

from typing import Annotated

from fastapi import APIRouter, Path, Query

from server.api.deps import Admin, GuardedRoute, Lead
from server.api.problems import problems
from server.schemas.common import DatabaseId
from server.schemas.deletion import DeletionOut
from server.services import deletion

router = APIRouter(tags=["deletion"], route_class=GuardedRoute)

DatasetName = Annotated[str, Path(max_length=100)]


@router.get("/images/{image_id}/deletion", responses=problems(401, 403, 404))
def preview_image_deletion(image_id: DatabaseId, _caller: Lead) -> DeletionOut:
    """What would go with an image, and why it can not be deleted now."""
    return deletion.preview_image(image_id)


@router.delete("/images/{image_id}", responses=problems(401, 403, 404, 409))
def delete_image(image_id: DatabaseId, _caller: Lead) -> DeletionOut:
    """Delete an image with its file, copies, predictions and labels; who holds it loses it.

    Snapshots that name it keep their bytes and say so in `deleted_images`. 409 `run-in-work` while
    a run of its project is at work, `gold-in-work` while gold images are made.
    """
    return deletion.delete_image(image_id)


@router.get("/runs/{run_id}/deletion", responses=problems(401, 403, 404))
def preview_run_deletion(run_id: DatabaseId, _caller: Lead) -> DeletionOut:
    """What would go with a run, and why it can not be deleted now."""
    return deletion.preview_run(run_id)


@router.delete("/runs/{run_id}", responses=problems(401, 403, 404, 409))
def delete_run(run_id: DatabaseId, _caller: Lead) -> DeletionOut:
    """Delete a run that has ended, with checkpoints, predictions, report and all other files.

    409 `run-in-work` while it waits or is at work.
    """
    return deletion.delete_run(run_id)


@router.get("/checkpoints/{checkpoint_id}/deletion", responses=problems(401, 403, 404))
def preview_checkpoint_deletion(checkpoint_id: DatabaseId, _caller: Lead) -> DeletionOut:
    """What would go with a checkpoint, and why it can not be deleted now."""
    return deletion.preview_checkpoint(checkpoint_id)


@router.delete("/checkpoints/{checkpoint_id}", responses=problems(401, 403, 404, 409))
def delete_checkpoint(checkpoint_id: DatabaseId, _caller: Lead) -> DeletionOut:
    """Delete the weights of a run that has ended. 409 `run-in-work` while it waits or is at work."""
    return deletion.delete_checkpoint(checkpoint_id)


@router.get("/datasets/{name}/deletion", responses=problems(401, 403, 404))
def preview_dataset_deletion(name: DatasetName, _caller: Admin) -> DeletionOut:
    """What would go with a dataset, and why it can not be deleted now."""
    return deletion.preview_dataset(name)


@router.delete("/datasets/{name}", responses=problems(401, 403, 404, 409))
def delete_dataset(name: DatasetName, _caller: Admin) -> DeletionOut:
    """Forget a dataset; its images and masks stay. 409 `dataset-in-use` while a project names it.

    Of an uploaded one the files go too: 409 `run-in-work` while a run waits or works that reads them.
    """
    return deletion.delete_dataset(name)


@router.get("/projects/{project_id}/deletion", responses=problems(401, 403, 404))
def preview_project_deletion(project_id: DatabaseId, _caller: Lead) -> DeletionOut:
    """What would go with a project, and why it can not be deleted now."""
    return deletion.preview_project(project_id)


@router.delete("/projects/{project_id}", responses=problems(401, 403, 404, 409))
def delete_project(
    project_id: DatabaseId,
    _caller: Lead,
    name: Annotated[str, Query(max_length=200, description="Its name, to be sure.")],
) -> DeletionOut:
    """Delete an archived project: it is gone at once, its images and files follow within minutes.

    409 `not-archived`, `run-in-work`, `gold-in-work`; 422 `wrong-name`.
    """
    return deletion.delete_project(project_id, name)


@router.get("/users/{user_id}/deletion", responses=problems(401, 403, 404))
def preview_user_deletion(user_id: DatabaseId, caller: Admin) -> DeletionOut:
    """What would go with an account, and why it can not be deleted now."""
    return deletion.preview_user(user_id, caller.id)


@router.delete("/users/{user_id}", responses=problems(401, 403, 404, 409))
def delete_user(user_id: DatabaseId, caller: Admin) -> DeletionOut:
    """Delete an account for good: the labels stay, as those of `annotator N`; the address goes.

    409 `own-account`, `last-admin`.
    """
    return deletion.delete_user(user_id, caller.id)
