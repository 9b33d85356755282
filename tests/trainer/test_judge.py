import pytest

from trainer.contract import Score
from trainer.judge import is_better, merged


@pytest.mark.parametrize(
    ("rule", "score", "best", "preferred"),
    [
        ("last", Score(miou=0.9), None, False),
        ("masks", Score(miou=0.3), None, True),
        ("masks", Score(weak_label_score=0.3), None, False),
        ("masks", Score(miou=0.3), Score(miou=0.4), False),
        ("masks", Score(miou=0.5, weak_label_score=0.1), Score(miou=0.4), True),
        ("weak-labels", Score(miou=0.1, weak_label_score=0.5), Score(weak_label_score=0.4), True),
        ("weak-labels", Score(miou=0.9), Score(weak_label_score=0.4), False),
        ("weak-labels", Score(weak_label_score=0.4), Score(weak_label_score=0.4), True),
    ],
)
def test_the_rule_alone_decides(
    rule: str, score: Score, best: Score | None, preferred: bool
) -> None:
    assert is_better(rule, score, best) == preferred


def test_masks_and_labels_make_one_score() -> None:
    on_masks = Score(miou=0.4, iou={"road": 0.4}, presence_f1=0.7)
    on_labels = Score(point_accuracy=0.8, weak_label_score=0.5, presence_f1=0.9)
    assert merged(on_masks, on_labels) == Score(
        miou=0.4, iou={"road": 0.4}, presence_f1=0.7, point_accuracy=0.8, weak_label_score=0.5
    )
    assert merged(Score(), on_labels) == on_labels
