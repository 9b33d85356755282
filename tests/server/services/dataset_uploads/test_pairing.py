"""Which files are a picture and its mask."""

import pytest

from server.services.dataset_uploads.pairing import Part, pair, part_of


@pytest.mark.parametrize(
    ("name", "is_mask", "key"),
    [
        ("images/a.jpg", False, "a"),
        ("town/masks/x/a.png", True, "town/x/a"),
        ("town/Images/x/a.JPG", False, "town/x/a"),
        ("a.jpg", False, "a"),
        ("a_mask.png", True, "a"),
        ("a-labels.png", True, "a"),
        ("mask.png", False, "mask"),
        ("gtFine/val/ulm_000_gtFine_labelIds.png", True, "val/ulm_000"),
        ("leftImg8bit/val/ulm_000_leftImg8bit.png", False, "val/ulm_000"),
        # The deepest folder says it.
        ("labels/images/a.png", False, "labels/a"),
        ("images/a_mask.png", False, "a_mask"),
        ("masks/a_mask.png", True, "a"),
        ("masks/.hidden", True, ".hidden"),
    ],
)
def test_a_name_says_what_it_is(name: str, is_mask: bool, key: str) -> None:
    assert part_of(name) == Part(is_mask, key)


def test_pairs_and_what_has_none() -> None:
    found = pair([
        "images/b.jpg", "masks/b.png", "images/a.jpg", "masks/a.png", "images/a.png",
        "images/Only.jpg", "masks/only.png", "images/Caf\u00e9.png", "masks/Cafe\u0301.png",
    ])  # fmt: skip
    assert [(image, mask) for _, image, mask in found.found] == [
        ("images/Caf\u00e9.png", "masks/Cafe\u0301.png"),
        ("images/a.jpg", "masks/a.png"),
        ("images/b.jpg", "masks/b.png"),
    ]
    assert dict(found.problems) == {
        "images/a.png": "images/a.jpg is the picture of this name already",
        "images/Only.jpg": "there is no mask for this picture; masks/only.png differs in capital letters",
        "masks/only.png": "there is no picture for this mask",
    }
