"""Pseudo labels that are made once, after the warm-up."""

from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.trainer.conftest import CATEGORIES, MakeRun, lines_of
from tests.trainer.run.test_resume import train_until_stopped
from trainer.data.domains import load_domains
from trainer.data.labels import ABSENT, NOT_ASKED, PRESENT, read_labels
from trainer.errors import BAD_INPUT
from trainer.inference.segment import presence_scores
from trainer.models.checkpoint import load_segmenter, path_of
from trainer.run.pseudo_labels import FILE, ranked_presence
from trainer.run.train import SUCCEEDED, train
from trainer.run_folder.config import read_config

RANKED = {"pseudo_labels": "ranked", "height": 32, "width": 32, "warmup_steps": 4, "steps": 3}


def test_ranked_presence_of_hand_computed_scores() -> None:
    scores = torch.tensor([[9.0, 0.1], [-3, 0.2], [4, 0.3], [7, 0.4], [5, 0.5]])
    presence = ranked_presence(scores, torch.tensor([0.4, 1]), sure_share=1)
    assert presence.tolist() == [[1, 1], [0, 1], [0, 1], [1, 1], [0, 1]]


def test_images_near_the_border_are_not_labelled() -> None:
    scores = torch.arange(10.0, 0, -1)[:, None]
    # Four have it and six lack it; of the four, half is open on either side of the border.
    presence = ranked_presence(scores, torch.tensor([0.4]), sure_share=0.5)
    assert presence[:, 0].tolist() == [1, 1, -1, -1, -1, -1, 0, 0, 0, 0]
    few = ranked_presence(scores, torch.tensor([0.1]), sure_share=0)
    assert few[:, 0].tolist() == [-1, -1, 0, 0, 0, 0, 0, 0, 0, 0]


@given(
    st.lists(st.integers(-1000, 1000), min_size=1, max_size=40),
    st.floats(0, 1),
    st.floats(0, 1),
)
def test_no_absent_image_scores_above_a_present_one(
    scores: list[int], share: float, sure_share: float
) -> None:
    column = torch.tensor(scores, dtype=torch.float64)[:, None]
    presence = ranked_presence(column, torch.tensor([share]), sure_share)[:, 0]
    present, absent = column[presence == PRESENT], column[presence == ABSENT]
    if len(present) and len(absent):
        assert present.min() >= absent.max()
    everything = ranked_presence(column, torch.tensor([share]), sure_share=1)[:, 0]
    assert abs((everything == PRESENT).sum().item() - share * len(scores)) <= 1
    assert (everything == PRESENT)[presence == PRESENT].all()
    assert (everything == ABSENT)[presence == ABSENT].all()
    # The unit of a score, and where its zero is, do not matter.
    again = ranked_presence(column * 3 - 7, torch.tensor([share]), sure_share)[:, 0]
    assert again.tolist() == presence.tolist()


@pytest.mark.parametrize(("share", "value"), [(0.0, ABSENT), (1.0, PRESENT)])
def test_what_is_in_all_or_no_images_of_the_source_leaves_nothing_open(
    share: float, value: int
) -> None:
    presence = ranked_presence(torch.randn(7, 1), torch.tensor([share]), sure_share=0)
    assert presence[:, 0].tolist() == [value] * 7


def test_the_network_of_the_warm_up_labels_the_target(make_run: MakeRun) -> None:
    run_dir = make_run("pseudo", **RANKED)
    assert train(run_dir) == SUCCEEDED
    config, _ = read_config(run_dir)
    domains = load_domains(config)
    names = [sample.name for sample in domains.target.images.samples]
    labels = read_labels(run_dir / FILE, CATEGORIES, names)
    assert list(labels) == names
    presence = torch.stack([torch.from_numpy(labels[name].presence) for name in names])
    # Roads and buildings are in every image of the source, cars in five of eight.
    assert (presence[:, :2] == PRESENT).all()
    assert presence[:, 2].sort().values.tolist() == [NOT_ASKED] * 2 + [ABSENT] + [PRESENT] * 3
    scores = presence_scores(load_segmenter(path_of(run_dir, 4)), domains.target.images)[:, 2]
    cars = presence[:, 2]
    assert scores[cars == PRESENT].min() > scores[cars == NOT_ASKED].max()
    assert scores[cars == NOT_ASKED].min() > scores[cars == ABSENT].max()
    assert "absent" in next(
        line["losses"] for line in reversed(lines_of(run_dir)) if line["kind"] == "progress"
    )
    online = make_run("pseudo", name="online", **RANKED | {"pseudo_labels": "online"})
    assert train(online) == SUCCEEDED
    assert not (online / FILE).exists()


def test_a_run_goes_on_with_the_labels_that_it_made(
    make_run: MakeRun, capsys: pytest.CaptureFixture[str]
) -> None:
    run_dir = make_run("pseudo", **RANKED)
    assert train_until_stopped(run_dir, looks=5) == SUCCEEDED
    made = (run_dir / FILE).read_text()
    (run_dir / FILE).unlink()
    assert train(run_dir) == BAD_INPUT
    (error,) = capsys.readouterr().err.splitlines()
    assert error.startswith(f"error: {run_dir / FILE}: cannot read the label file: ")
    (run_dir / FILE).write_text(made)
    assert train(run_dir) == SUCCEEDED
    assert (run_dir / FILE).read_text() == made


def test_a_target_image_that_cannot_be_read_is_named(
    make_run: MakeRun, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    images = tmp_path / "broken" / "images"
    images.mkdir(parents=True)
    (images / "000.png").write_bytes(b"no picture")
    target = {"name": "broken", "root": str(tmp_path / "broken")}
    assert train(make_run("pseudo", target=target, **RANKED)) == BAD_INPUT
    assert "000.png" in capsys.readouterr().err.splitlines()[-1]
