"""How long a person waits on the labelling page, how smoothly it pans, what it weighs; and on the accuracy page.

    python -m tests.benchmarks.bench_ui [--images DIR] [--submits 200] [--json FILE]

A real server (SQLite, files on disk, loopback) and a real headless Chromium, on pictures of
2048 x 1024 pixels that are drawn first, or those in DIR/images with palette masks in DIR/masks.
Every image has a prediction, which is fetched, decoded and drawn over it. Images are tagged by keyboard,
two keys and Enter, one every PACE seconds.

Times are taken inside the page (`ui_probe.js`), from the time stamp of the key's event. The page has
*painted* the next image at the end of the first animation frame that begins with it in the document;
the browser still has to bring it to the screen, where it is *at the latest* when the next frame
begins. So the one is a little too short, and the other up to a frame too long.
"""

import argparse
import json
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from itertools import pairwise
from math import cos, pi, sin
from pathlib import Path
from typing import Any

import httpx
import psutil
from PIL import Image as PillowImage
from playwright.sync_api import Browser, CDPSession, Page, expect, sync_playwright
from rich.console import Console
from rich.table import Table

from scenes.domain import CATEGORIES, COLORS, write_domain
from scenes.style import Look
from server import db
from server.db import session_scope
from server.storage import get_storage
from tests.domains import upload
from tests.e2e.site import ADMIN, FIRST, entered, serving, signed_in
from tests.server.factories import add_measured_run, add_prediction, show_run
from tests.services.browser import SHELL, WITH_WINDOWS, chromium_arguments, find_chromium
from tests.services.latency import slowed

SIZE = (2048, 1024)
PICTURES = 16
"""That are drawn; each comes several times, in files that differ."""
SPARE = 10
"""Images beyond those that are submitted, so that there is always a next one."""
PACE = 0.4
LATENCY = 0.15
POINTS = 200
PAN_SECONDS = 5
PAN_STEP = 0.008
PAN_RADIUS = 160
FRAME_MS = 1000 / 60
OPENINGS = 5
RUNS = 500
"""Finished ones, on the accuracy page."""
PROBE = Path(__file__).with_name("ui_probe.js")
CURVE_DRAWN = """(runs) => new Promise((resolve) => {
  const look = () => {
    if (document.querySelectorAll("[aria-label=dot] path").length < runs) requestAnimationFrame(look)
    else requestAnimationFrame(() => requestIdleCallback(() => resolve(performance.now())))
  }
  look()
})"""


@dataclass(frozen=True)
class Times:
    """Milliseconds of many events."""

    count: int
    p50: float
    p95: float
    most: float

    @classmethod
    def of(cls, times: list[float]) -> "Times":
        middle, late = (
            statistics.median(times),
            statistics.quantiles(times, n=20, method="inclusive")[-1],
        )
        return cls(len(times), round(middle, 1), round(late, 1), round(max(times), 1))


@dataclass(frozen=True)
class Panning:
    """Frames while an image with its overlay and points is dragged."""

    frames: Times
    per_second: float
    late_share: float
    """Of frames that came at least half a frame after their time."""
    busy_ms: float
    """Work of the page's main thread for each frame."""


@dataclass(frozen=True)
class Submits:
    """From the key that submits to the next image, in milliseconds."""

    painted: Times
    """By the page."""
    seen: Times
    """On the screen, at the latest."""


@dataclass(frozen=True)
class Figures:
    """All of a measurement."""

    submit: Submits
    submit_slow: Submits
    pan: Panning
    cold_open_ms: Times
    accuracy_open_ms: Times
    """To the curve of `RUNS` runs, on the screen at the latest, with nothing left to do before a click."""
    server_rss_mb: float
    server_pss_mb: float
    bytes_at_first_image: int
    bytes_with_fetched_ahead: int
    machine: str
    load: float
    """Processes that wanted a core before the measurement, on average of a minute."""
    browser: str


def main() -> None:
    options = _options()
    with tempfile.TemporaryDirectory() as folder:
        domain = options.images or _drawn(Path(folder) / "scenes")
        os.environ["WEAKSEG_DATA"] = str(Path(folder) / "data")
        with serving(Path(folder)) as address, _chromium() as browser:
            figures = _Bench(address, browser, domain, options.submits).run()
        db.dispose()
    _print(figures)
    if options.json:
        options.json.write_text(json.dumps(asdict(figures), indent=2) + "\n", encoding="utf-8")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.bench_ui")
    parser.add_argument(
        "--images", type=Path, help="folder with images/ and masks/ in place of drawn ones"
    )
    parser.add_argument(
        "--submits", type=int, default=200, help="images to tag in each round (200)"
    )
    parser.add_argument("--json", type=Path, help="file to write the figures to as well")
    return parser.parse_args()


def _drawn(folder: Path) -> Path:
    write_domain(folder, Look.TARGET, PICTURES, seed=11, size=SIZE)
    return folder


@contextmanager
def _chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(
            executable_path=find_chromium((*WITH_WINDOWS, SHELL)), args=chromium_arguments()
        )
        yield started
        started.close()


class _Bench:
    def __init__(self, address: str, browser: Browser, domain: Path, submits: int) -> None:
        self._address, self._browser, self._submits = address, browser, submits
        self._pictures = sorted((domain / "images").iterdir())
        self._masks = domain / "masks"

    def run(self) -> Figures:
        load, _, _ = os.getloadavg()
        submit = self._submit_times(self._address)
        with slowed(self._address, LATENCY) as address:
            submit_slow = self._submit_times(address)
        pan = self._panning()
        # A browser that is closed gives nothing back: each has images of its own to wait for.
        projects = [self._project(f"Opening {number}", SPARE) for number in range(OPENINGS)]
        openings = [self._opening(project) for project in projects]
        runs = self._measured_runs()
        accuracy = [self._opening_of_accuracy(runs) for _ in range(OPENINGS)]
        memory = _web_process().memory_full_info()
        return Figures(
            submit=submit,
            submit_slow=submit_slow,
            pan=pan,
            cold_open_ms=Times.of([ms for ms, _, _ in openings]),
            accuracy_open_ms=Times.of(accuracy),
            server_rss_mb=round(memory.rss / 1e6, 1),
            server_pss_mb=round(memory.pss / 1e6, 1),
            bytes_at_first_image=openings[0][1],
            bytes_with_fetched_ahead=openings[0][2],
            machine=f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
            load=round(load, 1),
            browser=f"Chromium {self._browser.version} {' '.join(chromium_arguments())}",
        )

    def _project(self, name: str, count: int, mode: str = "tags") -> int:
        """A project with so many images, each with a prediction that everybody sees."""
        categories = [
            {"name": name, "color": color} for name, color in zip(CATEGORIES, COLORS, strict=True)
        ]
        body = {"name": name, "categories": categories, "mode": mode, "blind_share": 0,
                "min_view_ms": 0, "open_to_everybody": True}  # fmt: skip
        with signed_in(self._address, ADMIN) as api:
            project = int(api.post("/api/v1/projects", json=body).raise_for_status().json()["id"])
            if count:
                self._fill(api, project, count)
        return project

    def _fill(self, api: httpx.Client, project: int, count: int) -> None:
        with tempfile.TemporaryDirectory() as folder:
            files = [_copy(self._pictures, number, Path(folder)) for number in range(count)]
            for first in range(0, count, SPARE):
                upload(api, project, files[first : first + SPARE])
        run = show_run(project)
        listed = _all_images(api, project)
        assert len(listed) == count, f"{len(listed)} of {count} images were taken"
        for image in listed:
            stem = image["external_id"].rpartition("-")[0]
            self._predict(run, image["id"], self._masks / f"{stem}.png")

    def _predict(self, run: int, image: int, mask: Path) -> None:
        with PillowImage.open(mask) as opened:
            there = {index for _, index in opened.getcolors() or []}
        key = f"runs/{run}/predictions/1/{image}.png"
        get_storage().put_file(key, mask)
        presence = {name: 0.95 if i in there else 0.05 for i, name in enumerate(CATEGORIES)}
        add_prediction(run, image, presence, mask_key=key)

    @contextmanager
    def _opened(self, address: str, project: int) -> Iterator[Page]:
        """The labelling page in a browser that has never been there, its first image painted."""
        with entered(self._browser, address, FIRST) as context:
            context.add_init_script(path=PROBE)
            page = context.new_page()
            page.goto(f"/projects/{project}/label")
            page.evaluate("probe.first")
            yield page

    def _submit_times(self, address: str) -> Submits:
        """Of a round of submits; every label has arrived at the end."""
        project = self._project(f"Tags at {address}", self._submits + SPARE)
        with self._opened(address, project) as page:
            keys = page.locator("[aria-keyshortcuts]").evaluate_all(
                "all => all.map((each) => each.ariaKeyShortcuts)"
            )
            page.wait_for_timeout(2000 * PACE)
            times = [_submit(page, keys, number) for number in range(self._submits)]
            expect(page.get_by_role("status").filter(has_text="Saved")).to_be_visible()
            _refuse_empty(page)
        with signed_in(self._address, FIRST) as api:
            found = api.get(f"/api/v1/projects/{project}").json()["images"]["labelled"]
        assert found == self._submits, f"{found} of {self._submits} labels arrived"
        return Submits(
            painted=Times.of([each["painted"] for each in times]),
            seen=Times.of([each["seen"] for each in times]),
        )

    def _panning(self) -> Panning:
        project = self._project("Points", SPARE, mode="tags-and-points")
        with signed_in(self._address, FIRST) as api:
            _label_with_points(api, project)
        with self._opened(self._address, project) as page:
            page.keyboard.press("ArrowLeft")
            expect(page.get_by_text("1 back")).to_be_visible()
            expect(page.get_by_text("Run ")).not_to_have_count(0)
            for _ in range(2):
                page.keyboard.press("+")
            return _pan(page)

    def _opening(self, project: int) -> tuple[float, int, int]:
        """Milliseconds to the first image, the bytes of scripts and styles asked for till it was there, of all."""
        with self._opened(self._address, project) as page:
            first = float(page.evaluate("probe.first"))
            page.wait_for_load_state("networkidle")
            page.wait_for_timeout(1000)
            there, files = page.evaluate(
                """() => {
                  const all = performance.getEntriesByType("resource")
                  const pictures = all.filter(({ name }) => /\\/images\\/\\d+\\/file/.test(name))
                  const files = all.filter(({ name }) => /\\.(js|css)$/.test(name))
                  return [
                    Math.min(...pictures.map(({ responseEnd }) => responseEnd)),
                    files.map(({ encodedBodySize, startTime }) => [encodedBodySize, startTime]),
                  ]
                }"""
            )
        at_first = sum(size for size, asked in files if asked < there)
        return first, at_first, sum(size for size, _ in files)

    def _measured_runs(self) -> int:
        """A project with finished runs of two kinds of label, each with its figures."""
        project = self._project("Accuracy", 0)
        with session_scope() as session:
            for number in range(RUNS):
                kind = "tags" if number % 2 else "points"
                add_measured_run(session, project, (number + 1) / 100, kind, 0.3 + number / 5000)
        return project

    def _opening_of_accuracy(self, project: int) -> float:
        """Milliseconds in a browser that has never been there."""
        with entered(self._browser, self._address, ADMIN) as context:
            page = context.new_page()
            page.goto(f"/projects/{project}/accuracy", wait_until="commit")
            return float(page.evaluate(CURVE_DRAWN, RUNS))


def _copy(pictures: list[Path], number: int, folder: Path) -> Path:
    """Another file of the same picture: what follows the end of a JPEG or PNG file is not shown."""
    picture = pictures[number % len(pictures)]
    copy = folder / f"{picture.stem}-{number:03}{picture.suffix}"
    copy.write_bytes(picture.read_bytes() + f"copy {number}".encode())
    return copy


def _all_images(api: httpx.Client, project: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    cursor: str | None = ""
    while cursor is not None:
        query = {"limit": 100} | ({"cursor": cursor} if cursor else {})
        page = api.get(f"/api/v1/projects/{project}/images", params=query).raise_for_status().json()
        found += page["items"]
        cursor = page["next_cursor"]
    return found


def _submit(page: Page, keys: list[str], number: int) -> dict[str, float]:
    for offset in range(2):
        page.keyboard.press(keys[(number + offset) % len(keys)])
    page.keyboard.press("Enter")
    times: dict[str, float] = page.evaluate("probe.next")
    page.wait_for_timeout(1000 * PACE)
    return times


def _refuse_empty(page: Page) -> None:
    """Raises when nothing is drawn where the image should be."""
    pixel = page.locator("[role=application] canvas").first.evaluate(
        """(canvas) => [...canvas.getContext("2d")
             .getImageData(canvas.width / 2, canvas.height / 2, 1, 1).data]"""
    )
    assert pixel[3] == 255, f"the middle of the image is {pixel}"


def _label_with_points(api: httpx.Client, project: int) -> None:
    [lease] = api.post(f"/api/v1/projects/{project}/leases", json={"count": 1}).json()
    image = lease["image"]
    points = [
        {
            "category": CATEGORIES[number % len(CATEGORIES)],
            "x": (number % 20 + 0.5) * image["width"] / 20,
            "y": (number // 20 + 0.5) * image["height"] / (POINTS / 20),
        }
        for number in range(POINTS)
    ]
    body = {"lease_id": lease["id"], "present": list(CATEGORIES), "points": points,
            "timing": {"wall_ms": 1000, "events": []}}  # fmt: skip
    answer = api.put(
        f"/api/v1/images/{image['id']}/label", json=body, headers={"Idempotency-Key": "1" * 32}
    )
    assert answer.is_success, answer.text


def _pan(page: Page) -> Panning:
    box = page.get_by_role("application").bounding_box()
    assert box is not None
    middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    devtools = page.context.new_cdp_session(page)
    devtools.send("Performance.enable")
    page.mouse.move(*middle)
    page.mouse.down()
    page.mouse.move(middle[0] + PAN_RADIUS, middle[1], steps=10)
    busy = _main_thread_ms(devtools)
    page.evaluate("() => { probe.frames = [] }")
    _circle(page, middle)
    frames = page.evaluate("probe.frames")
    busy = _main_thread_ms(devtools) - busy
    page.mouse.up()
    gaps = [after - before for before, after in pairwise(frames)]
    late = sum(gap > 1.5 * FRAME_MS for gap in gaps)
    return Panning(
        frames=Times.of(gaps),
        per_second=round(1000 * len(gaps) / (frames[-1] - frames[0]), 1),
        late_share=round(late / len(gaps), 3),
        busy_ms=round(busy / len(frames), 1),
    )


def _circle(page: Page, middle: tuple[float, float]) -> None:
    """Drag around, once a second, with the moves of a mouse that reports 125 times a second."""
    began = time.perf_counter()
    while (passed := time.perf_counter() - began) < PAN_SECONDS:
        x, y = PAN_RADIUS * cos(2 * pi * passed), PAN_RADIUS * sin(2 * pi * passed)
        page.mouse.move(middle[0] + x, middle[1] + y)
        page.wait_for_timeout(1000 * PAN_STEP)


def _main_thread_ms(devtools: CDPSession) -> float:
    metrics = devtools.send("Performance.getMetrics")["metrics"]
    return 1000 * next(float(one["value"]) for one in metrics if one["name"] == "TaskDuration")


def _web_process() -> psutil.Process:
    return next(child for child in psutil.Process().children() if "serve" in child.cmdline())


def _print(figures: Figures) -> None:
    table = Table("what", "p50", "p95", "most", title="The labelling page")
    submit, slow, pan, cold, accuracy = (
        figures.submit, figures.submit_slow, figures.pan, figures.cold_open_ms, figures.accuracy_open_ms
    )  # fmt: skip
    for what, times in (
        (f"submit key to next image painted, ms ({submit.seen.count})", submit.painted),
        ("to next image on the screen, at the latest", submit.seen),
        (f"with {1000 * LATENCY:.0f} ms of latency: painted ({slow.seen.count})", slow.painted),
        ("on the screen, at the latest", slow.seen),
        (f"frames of panning with {POINTS} points, ms ({pan.frames.count})", pan.frames),
        (f"cold open to first image painted, ms ({cold.count})", cold),
        (f"cold open to the curve of {RUNS} runs, ms ({accuracy.count})", accuracy),
    ):
        table.add_row(what, f"{times.p50}", f"{times.p95}", f"{times.most}")
    console = Console()
    console.print(table)
    console.print(f"panning: {pan.per_second} frames a second, {pan.late_share:.1%} of them late, "
                  f"{pan.busy_ms} ms of the main thread for each")  # fmt: skip
    console.print(
        f"web process: {figures.server_rss_mb} MB resident, {figures.server_pss_mb} MB its share"
    )
    console.print(f"scripts and styles, compressed: {figures.bytes_at_first_image:,} bytes to the first "
                  f"image, {figures.bytes_with_fetched_ahead:,} with what is fetched ahead")  # fmt: skip
    console.print(f"{figures.machine}, load {figures.load} before, no GPU\n{figures.browser}")


if __name__ == "__main__":
    main()
