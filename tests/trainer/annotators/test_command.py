"""What `weakseg simulate` says while it works."""

import pytest

from trainer.annotators.command import in_words


@pytest.mark.parametrize(
    ("done", "total", "seconds", "said"),
    [
        (0, 600, 30, "Steps: 0 of 600"),
        (100, 600, 60, "Steps: 100 of 600, about 5 min left"),
        (100, 300, 30, "Steps: 100 of 300, about 60 s left"),
        (100, 200, 41, "Steps: 100 of 200, about 50 s left"),
        (199, 200, 400, "Steps: 199 of 200"),
        (7, None, 20, "Steps: 7"),
    ],
)
def test_lines_say_how_long_it_still_takes(
    done: int, total: int | None, seconds: float, said: str
) -> None:
    assert in_words("Steps", done, total, seconds) == said
