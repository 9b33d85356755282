import json
import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path

import pytest
import torch

from tests.trainer.conftest import MakeRun
from trainer.contract import (
    Breakdown,
    Evaluated,
    ImageScore,
    Progress,
    ReliabilityBin,
    Report,
    Score,
    TrainConfig,
)
from trainer.data.images import ResizedImages
from trainer.data.samples import list_samples
from trainer.errors import BadInput
from trainer.inference.predict import predict_images
from trainer.models.checkpoint import Provenance, TrainedSegmenter, save_checkpoint, shape_of
from trainer.models.segmenter import build_segmenter
from trainer.report.charts import Series, small_multiples
from trainer.report.file import read_report
from trainer.report.page import remake_page, write_report
from trainer.run_folder.progress_log import read_history

pytestmark = pytest.mark.usefixtures("drawn_charts")

SCORE = Score(
    miou=0.5,
    iou={"road": 0.875, "building": 0.125, "car": None},
    presence_f1=0.75,
    presence_error=0.0625,
)
SOURCE_ONLY = Score(miou=0.25, iou={"road": 0.5, "building": 0.0, "car": None})
BREAKDOWN = Breakdown(
    images=3,
    unit="pixels",
    confusion=((7, 1, 0), (3, 1, 4), (0, 0, 0)),
    reliability=(
        ReliabilityBin(count=4, confidence=0.2, frequency=0.25),
        ReliabilityBin(count=12, confidence=0.9, frequency=0.75),
    ),
    examples=(
        ImageScore(image="images/002.png", miou=0.125),
        ImageScore(image="images/000.png", miou=0.75),
    ),
)
REPORT = Report.model_validate(
    {
        "supervision": "point",
        "selected_step": 10,
        "selection": "best mean IoU on 3 validation masks",
        "score": SCORE,
        "source_only": SOURCE_ONLY,
        "seconds": 3725,
        "device": "cpu",
        "labelled_images": 6,
        "last_step": 12,
        "last_score": Score(miou=0.4375),
        "losses": {"source": 0.3125, "image_label": 0.5},
        "breakdown": BREAKDOWN,
    }
)


@dataclass
class Page(HTMLParser):
    """What a test asks of a page."""

    elements: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    tables: list[list[list[str]]] = field(default_factory=list)
    words: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()
        self._skip = self._in_table = False

    @classmethod
    def of(cls, run_dir: Path) -> "Page":
        page = cls()
        page.feed((run_dir / "report.html").read_text())
        return page

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        self._skip = tag == "style"
        if tag == "table":
            self.tables.append([])
            self._in_table = True
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("td", "th"):
            self.tables[-1][-1].append("")

    def handle_endtag(self, tag: str) -> None:
        self._in_table = self._in_table and tag != "table"

    def handle_data(self, data: str) -> None:
        if self._skip:
            return
        if self._in_table and self.tables[-1] and self.tables[-1][-1]:
            self.tables[-1][-1][-1] += data.strip()
        self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    def attributes(self, *names: str) -> list[str]:
        return [attrs[name] for _, attrs in self.elements for name in names if name in attrs]

    def table(self, corner: str) -> list[list[str]]:
        (found,) = [rows for rows in self.tables if rows[0][0] == corner]
        return found


def write_progress(run_dir: Path) -> None:
    lines = [
        Progress(
            step=step,
            steps=10,
            phase="adaptation",
            losses={"source": 1 / step, "image_label": 0.5},
            learning_rate=1e-3 / step,
            images_per_second=3,
            eta_seconds=1,
        )
        for step in range(1, 11)
    ]
    scores = [
        Evaluated(step=step, phase="adaptation", score=score)
        for step, score in ((4, SOURCE_ONLY), (10, SCORE))
    ]
    text = "".join(f"{line.model_dump_json()}\n" for line in [*lines, *scores])
    (run_dir / "progress.jsonl").write_text(text)


@pytest.fixture
def run(make_run: MakeRun) -> tuple[Path, TrainConfig]:
    """A finished run's files, with a network that was never trained."""
    run_dir = make_run()
    config = TrainConfig.model_validate_json((run_dir / "config.json").read_text())
    torch.manual_seed(0)
    shape = shape_of(config)
    segmenter = TrainedSegmenter(build_segmenter(shape).eval(), shape)
    save_checkpoint(run_dir, 10, segmenter, SCORE, Provenance("0" * 64, None))
    write_progress(run_dir)
    return run_dir, config


def test_the_page_says_what_the_json_says(run: tuple[Path, TrainConfig]) -> None:
    run_dir, config = run
    write_report(run_dir, config, REPORT)
    assert read_report(run_dir) == REPORT
    page = Page.of(run_dir)
    assert "mIoU 50.0 % at the end of the warm-up: 25.0 %" in page.text
    assert "presence F1 75.0 %" in page.text
    assert "step 10. Selection rule: best mean IoU on 3 validation masks." in page.text
    assert "Scored on 3 validation images with masks" in page.text
    assert "The last step, 12, has mIoU 43.8 %" in page.text
    assert "1 h 2 min" in page.text
    assert "6.2 percentage points apart" in page.text
    rows = {row[0]: row[1:4] for row in page.table("category")}
    assert rows["road"] == ["87.5", "50.0", "+37.5"]
    assert rows["building"] == ["12.5", "0.0", "+12.5"]
    assert rows["car"] == ["-", "-", "-"]
    assert rows["mean"] == ["50.0", "25.0", "+25.0"]
    assert page.table("loss")[1:] == [["source", "0.3125"], ["image label", "0.5"]]
    confusion = {row[0]: row[1:] for row in page.table("truth")}
    assert confusion["road"] == ["88", "12", ""]
    assert confusion["building"] == ["38", "12", "50"]
    assert "car" not in confusion
    assert "building is called car in 50.0 % of its pixels" in page.text
    assert page.table("mean probability")[1:] == [["20.0", "25.0", "4"], ["90.0", "75.0", "12"]]


def test_what_is_to_be_known_of_a_run_is_on_its_page(run: tuple[Path, TrainConfig]) -> None:
    run_dir, config = run
    write_report(run_dir, config, REPORT)
    assert "To be known" not in Page.of(run_dir).text
    note = "source: of 8 masks 6.5 % of the pixels are void: id 2 (<car>) 6.5 %"
    write_report(run_dir, config, REPORT.model_copy(update={"notes": (note,)}))
    assert f"To be known {note}" in Page.of(run_dir).text


def test_bars_are_as_long_as_their_numbers(run: tuple[Path, TrainConfig]) -> None:
    run_dir, config = run
    write_report(run_dir, config, REPORT)
    bars = [
        attrs["style"]
        for tag, attrs in Page.of(run_dir).elements
        if tag == "span" and attrs.get("class", "").startswith("bar")
    ]
    assert bars == [f"--share: {n}%" for n in (87.5, 50.0, 12.5, 0.0, 0.0)]


def test_the_page_refers_to_nothing_outside_and_is_small(run: tuple[Path, TrainConfig]) -> None:
    run_dir, config = run
    write_report(run_dir, config, REPORT)
    html = (run_dir / "report.html").read_text()
    page = Page.of(run_dir)
    for reference in page.attributes("src", "href", "xlink:href", "srcset", "action", "data"):
        assert reference.startswith(("data:image/webp;base64,", "#"))
    assert not {"script", "link", "iframe", "object"} & {tag for tag, _ in page.elements}
    assert not re.findall(r"https?:|@import|url\((?!#)", html)
    assert len(html) < 3_000_000


def test_the_page_can_be_heard(run: tuple[Path, TrainConfig]) -> None:
    run_dir, config = run
    write_report(run_dir, config, REPORT)
    page = Page.of(run_dir)
    images = [attrs for tag, attrs in page.elements if tag == "img"]
    assert len(images) == 6
    assert all(attrs["alt"] for attrs in images)
    assert any("road" in attrs["alt"] and "%" in attrs["alt"] for attrs in images)
    charts = [attrs for tag, attrs in page.elements if tag == "svg"]
    assert len(charts) == 3
    assert all(attrs["role"] == "img" and attrs["aria-label"] for attrs in charts)
    assert "source from 1 to 0.1" in charts[1]["aria-label"]
    assert all(attrs.get("scope") for tag, attrs in page.elements if tag == "th")
    ids = page.attributes("id")
    assert len(ids) == len(set(ids))
    for reference in [*page.attributes("aria-labelledby"), *page.attributes("xlink:href")]:
        assert reference.removeprefix("#") in ids


def test_charts_take_their_colours_from_the_page(run: tuple[Path, TrainConfig]) -> None:
    svg = small_multiples([Series("a", {1: 2.0, 2: 3.0})], [1], 'Goes "up" & on')
    assert "var(--series-1)" in svg
    assert not re.findall(r"#0[1-9a-f]0[1-9a-f]0[1-9a-f]", svg)
    assert 'aria-label="Goes &quot;up&quot; &amp; on"' in svg
    run_dir, config = run
    write_report(run_dir, config, REPORT)
    html = (run_dir / "report.html").read_text()
    for variable in set(re.findall(r"var\((--[a-z0-9-]+)", html)) - {"--share"}:
        assert html.count(f"{variable}: ") == 2  # light and dark


def test_the_page_is_made_again_from_the_files(run: tuple[Path, TrainConfig]) -> None:
    run_dir, config = run
    write_report(run_dir, config, REPORT)
    first = (run_dir / "report.html").read_bytes()
    (run_dir / "report.html").unlink()
    assert remake_page(run_dir, config) == run_dir / "report.html"
    assert (run_dir / "report.html").read_bytes() == first


def test_without_masks_certain_and_uncertain_images_are_shown(
    run: tuple[Path, TrainConfig],
) -> None:
    run_dir, config = run
    config = config.model_copy(update={"validation": None})
    images = ResizedImages(list_samples(config.target, with_masks=False), (64, 48))
    shape = shape_of(config)
    predict_images(
        TrainedSegmenter(build_segmenter(shape).eval(), shape), images, run_dir / "predictions"
    )
    score = Score(presence_f1=0.5, point_miou=0.375, weak_label_score=0.375, presence_error=0.1)
    breakdown = Breakdown(images=2, unit="points", reliability=BREAKDOWN.reliability)
    report = REPORT.model_copy(
        update={"score": score, "breakdown": breakdown, "source_only": None, "last_score": score}
    )
    write_report(run_dir, config, report)
    page = Page.of(run_dir)
    assert "weak-label score 37.5 %" in page.text
    assert "whose weak labels were held out" in page.text
    assert "calibrated on these same answers" in page.text
    assert [tag for tag, _ in page.elements].count("img") == 6 * 2
    doubts = [int(n) for n in re.findall(r"uncertainty (\d+) %", page.text)]
    assert doubts == sorted(doubts, reverse=True)
    assert len(doubts) == 6
    assert not [rows for rows in page.tables if rows[0][0] in ("category", "truth")]


def test_a_run_that_says_little_has_a_page(run: tuple[Path, TrainConfig]) -> None:
    run_dir, config = run
    (run_dir / "progress.jsonl").unlink()
    bare = {"score": Score(), "breakdown": None, "source_only": None, "losses": {}}
    config = config.model_copy(update={"validation": None})
    write_report(run_dir, config, REPORT.model_copy(update=bare))
    page = Page.of(run_dir)
    assert "Nothing could be scored" in page.text
    assert not [tag for tag, _ in page.elements if tag in ("svg", "img")]


def test_images_that_are_gone_are_said_and_numbers_stay(run: tuple[Path, TrainConfig]) -> None:
    run_dir, config = run
    (run_dir / "checkpoints/step-000010.safetensors").unlink()
    write_report(run_dir, config, REPORT)
    page = Page.of(run_dir)
    assert "Images cannot be shown" in page.text
    assert "step-000010.safetensors" in page.text
    assert "mIoU 50.0 %" in page.text


def test_names_are_text_and_never_markup(run: tuple[Path, TrainConfig]) -> None:
    run_dir, config = run
    name = "<script>alert('road & \"co\"')</script>"
    text = config.model_dump_json().replace('"road"', json.dumps(name))
    renamed = TrainConfig.model_validate_json(text).model_copy(update={"labels": None})
    score = SCORE.model_copy(update={"iou": {name: 0.5}})
    write_report(run_dir, renamed, REPORT.model_copy(update={"score": score}))
    page = Page.of(run_dir)
    assert "script" not in {tag for tag, _ in page.elements}
    assert name in page.text


def test_a_report_that_cannot_be_read_is_named(run: tuple[Path, TrainConfig]) -> None:
    run_dir, config = run
    with pytest.raises(BadInput, match=r"report\.json: cannot read"):
        remake_page(run_dir, config)
    (run_dir / "report.json").write_text("{}")
    with pytest.raises(BadInput, match=r"report\.json: supervision: Field required"):
        remake_page(run_dir, config)


def test_steps_that_were_done_again_count_once(run: tuple[Path, TrainConfig]) -> None:
    run_dir, _ = run
    path = run_dir / "progress.jsonl"
    whole = read_history(run_dir)
    lines = path.read_text().splitlines()
    path.write_text("\n".join([*lines[:7], lines[7][:20], *lines[4:]]) + "\n")
    assert read_history(run_dir) == whole
    with path.open("ab") as file:
        file.write(b"\xff\x00\xfe\n")  # a fault of the disk
    assert read_history(run_dir) == whole
    assert whole.losses()["source"] == {step: 1 / step for step in range(1, 11)}
