"""What a label says of places, whatever their kind."""

from trainer.contract import Places, PointLabel, TileTags, WeakLabel

CAR = PointLabel(category="car", x=1.5, y=2.5)
ROAD = PointLabel(category="road", x=3.5, y=0.5)
TILES = TileTags(rows=2, cols=3, present={"road": (0, 5), "sky": ()})


def test_a_label_has_its_places_by_their_kinds() -> None:
    label = WeakLabel(image="a", width=10, height=10, points=(CAR,), tiles=TILES)
    assert label.places == Places(points=(CAR,), tiles=TILES)
    assert label.model_dump(include={"points", "tiles"}) == label.places.model_dump()
    assert WeakLabel(image="a", width=10, height=10, present=("car",)).places == Places()


def test_every_kind_of_place_is_of_categories() -> None:
    assert Places(points=(CAR, CAR), tiles=TILES).categories() == {"car", "road", "sky"}
    assert Places().categories() == set()


def test_places_of_a_category_without_another_name_are_left_out() -> None:
    renamed = Places(points=(ROAD, CAR, ROAD), tiles=TILES).renamed({"road": "Road"}.get)
    there = PointLabel(category="Road", x=3.5, y=0.5)
    assert renamed == Places(
        points=(there, there), tiles=TileTags(rows=2, cols=3, present={"Road": (0, 5)})
    )
    nothing = TileTags(rows=2, cols=3)
    assert Places(points=(CAR,), tiles=TILES).renamed({}.get) == Places(tiles=nothing)
