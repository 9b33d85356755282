"""What there is to see in images, by their names."""

from pathlib import Path

import numpy as np
import pytest

from tests.trainer.conftest import CATEGORIES, paint
from trainer.contract import DatasetCard
from trainer.data.views import Views


@pytest.fixture(scope="module")
def views(tmp_path_factory: pytest.TempPathFactory) -> Views:
    root = tmp_path_factory.mktemp("target")
    paint(root, 5, (80, 60), seed=2)
    ids = dict(enumerate(CATEGORIES))
    card = DatasetCard(name="target", root=root, masks="masks/{stem}.png", ids=ids)
    return Views([card], CATEGORIES)


def test_images_are_found_by_the_names_that_a_server_has(views: Views) -> None:
    assert len(views.names) == 5
    by_file = views.of(Path(views.names[3]).name)
    assert by_file is not None
    assert by_file.name == views.names[3]
    assert views.of("elsewhere/other.png") is None


def test_an_image_is_seen_by_its_own_name(views: Views) -> None:
    seen = views[views.names[0]]
    same = views.of(views.names[0])
    assert same is not None
    assert seen.name == same.name == views.names[0]
    assert np.array_equal(seen.mask, same.mask)
    assert seen.tile_fractions((1, 1))[:, 0] == pytest.approx(seen.fractions)
