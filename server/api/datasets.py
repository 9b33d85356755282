"""What a project can choose from: datasets and recipes."""

from fastapi import APIRouter

from server.api.deps import Chooser, GuardedRoute
from server.api.problems import problems
from server.schemas.project import DatasetOut, RecipeOut
from server.services import datasets
from trainer.recipes import RECIPES

router = APIRouter(tags=["projects"], route_class=GuardedRoute)


@router.get("/datasets", responses=problems(401, 403))
def list_datasets(_caller: Chooser) -> list[DatasetOut]:
    """The dataset cards on the server, for a project's source domain or validation set."""
    return datasets.list_all()


@router.get("/recipes", responses=problems(401, 403))
def list_recipes(_caller: Chooser) -> list[RecipeOut]:
    """The recipes of a run's configuration."""
    return [
        RecipeOut(name=recipe.name, description=recipe.description) for recipe in RECIPES.values()
    ]
