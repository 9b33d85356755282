"""The accuracy page over runs that are there: what it shows is what HTTP answers."""

import csv
import io
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect
from sqlalchemy.orm import Session

from server import db
from server.models import Category, Project
from tests.e2e.site import ADMIN, entered, serving, settle, signed_in
from tests.server.factories import add_measured_run

EMPTY, ONE, UNMEASURED, FULL, MANY = 1, 2, 3, 4, 5


@pytest.fixture(scope="module")
def address(
    tmp_path_factory: pytest.TempPathFactory, forked_processes: dict[str, str]
) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("accuracy")
    with serving(folder, forked_processes) as started:
        engine = db.make_engine(f"sqlite:///{folder / 'data' / 'weakseg.sqlite3'}")
        with Session(engine) as session, session.begin():
            for number, name in enumerate(("Empty", "One", "Unmeasured", "Full", "Many"), 1):
                project = Project(id=number, name=name, recipe="tiny", supervision="image")
                project.categories = [Category(position=0, name="Road", color="#102030", key="r")]
                project.stop_below = 0.9 if number == FULL else None
                session.add(project)
            session.flush()
            add_measured_run(session, ONE, 0.25, "tags", 0.4)
            add_measured_run(session, UNMEASURED, 0.25, "tags", None)
            for hours in (0, 0.5, 1, 2, 3):
                add_measured_run(session, FULL, hours, "tags", 0.3 + 0.05 * hours)
            add_measured_run(session, FULL, 1.5, "points", 0.5)
            add_measured_run(session, FULL, 0.75, "tiles", 0.4)
            add_measured_run(session, FULL, 2, "tags", 0.41, recipe="demo")
            add_measured_run(session, FULL, 3.5, "tags", 0.47)
            for number in range(500):
                kind = "tags" if number % 2 else "points"
                add_measured_run(session, MANY, (number + 1) / 100, kind, 0.3 + number / 5000)
        engine.dispose()
        yield started


@pytest.fixture
def context(browser: Browser, address: str) -> Iterator[BrowserContext]:
    with entered(browser, address, ADMIN) as context:
        yield context


@pytest.fixture
def page(context: BrowserContext) -> Page:
    return context.new_page()


@pytest.fixture
def api(address: str) -> Iterator[httpx.Client]:
    with signed_in(address, ADMIN) as client:
        yield client


def table_of(page: Page, count: int) -> list[dict[str, str]]:
    """The table of so many runs as a reader of screens has it."""
    table = page.get_by_role("region", name="Finished runs by labelling time").get_by_role("table")
    rows = table.locator("tbody tr")
    expect(rows).to_have_count(count)
    titles = table.get_by_role("columnheader").all_inner_texts()
    return [
        dict(zip(titles, [t.strip() for t in row.locator("th, td").all_inner_texts()], strict=True))
        for row in rows.all()
    ]


def percent(share: float | None) -> str:
    return "\N{EN DASH}" if share is None else f"{share * 100:.1f} %"


def duration(hours: float) -> str:
    seconds = round(hours * 3600)
    if not seconds:
        return "0.0 s"
    return f"{hours:.2f} h" if hours >= 1 else f"{seconds // 60} min {seconds % 60:02} s"


def test_page_json_and_csv_have_the_same_figures(page: Page, api: httpx.Client) -> None:
    url = f"/api/v1/projects/{FULL}/cost-curve"
    points: list[dict[str, Any]] = api.get(url).json()["points"]
    sheet = list(csv.DictReader(io.StringIO(api.get(url, params={"format": "csv"}).text)))
    settle(page, f"/projects/{FULL}/accuracy")
    shown = table_of(page, len(points))

    def of_json(p: dict[str, Any]) -> dict[str, str]:
        interval = p["intervals"].get("miou")
        return {
            "Run": f"Run {p['run_id']}",
            "Active time": duration(p["active_hours"]),
            "of it tags": duration(p["hours_by_kind"]["tags"]),
            "of it tiles": duration(p["hours_by_kind"]["tiles"]),
            "Labels": f"{p['labels']:,}",
            "Answers": f"{p['answers']:,}",
            "mIoU": percent(p["miou"]),
            "80 %": f"{percent(interval['low'])} to {percent(interval['high'])}",
        }

    expected = [of_json(point) for point in points]
    assert [{key: row[key] for key in of_json(points[0])} for row in shown] == expected
    most = points[-1]
    traced = page.get_by_role("link", name=f"{most['labels']:,}", exact=True)
    snapshot = f"/projects/{FULL}/times?snapshot={most['snapshot_id']}"
    expect(traced).to_have_attribute("href", snapshot)
    assert [
        (float(row["active_hours"]), float(row["miou"]), float(row["hours_by_kind.tiles"]))
        for row in sheet
    ] == [(p["active_hours"], p["miou"], p["hours_by_kind"]["tiles"]) for p in points]


def test_a_point_opens_its_run_and_all_of_the_forecast_is_said(page: Page) -> None:
    settle(page, f"/projects/{FULL}/accuracy")
    legend = page.get_by_role("list").filter(has_text="Image-level labels, demo")
    expect(legend).to_contain_text("Point labels, tiny")
    told = page.locator("section").filter(has_text="The next hour").last
    expect(told).to_contain_text("It is time to stop")
    expect(told).to_contain_text("Another hour of tagging is expected to bring")
    expect(told).to_contain_text(
        "Not enough runs yet to say what another hour of clicking points brings"
    )
    page.get_by_label("Against", exact=True).select_option("Labels")
    page.get_by_label("Measure", exact=True).select_option("IoU of Road")
    chart = page.get_by_role("img", name="IoU of Road against labels, 9 runs")
    # The one with most labels stands alone; marks are drawn in the order of hours.
    dot = chart.locator("[aria-label=dot] path").last
    box = dot.bounding_box()
    assert box is not None
    place = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(*place)
    expect(chart).to_contain_text("1,400 labels")
    page.mouse.click(*place)
    expect(page).to_have_url(f"/projects/{FULL}/runs/11")


def test_what_a_project_with_little_shows(page: Page) -> None:
    for project, said in (
        (EMPTY, "No point on the curve yet"),
        (ONE, "4 more runs would do, best with none"),
        (UNMEASURED, "The finished runs were not measured"),
    ):
        settle(page, f"/projects/{project}/accuracy")
        expect(page.locator("main")).to_contain_text(said)
    expect(page.get_by_role("table")).to_contain_text("15 min 00 s")


def test_five_hundred_runs_are_one_answer_and_sixty_rows(page: Page) -> None:
    """What the page costs grows by no request with its runs, and by no row that nobody asked for."""
    asked: set[str] = set()
    page.on("request", lambda request: asked.add(urlsplit(request.url).path))
    settle(page, f"/projects/{MANY}/accuracy")
    chart = page.get_by_role("img", name="mIoU against active labelling, 500 runs")
    expect(chart.locator("[aria-label=dot] path")).to_have_count(500)
    expect(page.get_by_role("button", name="Show all 500 runs")).to_be_visible()
    table_of(page, 60)
    of_project = {path for path in asked if path.startswith(f"/api/v1/projects/{MANY}/")}
    assert of_project == {f"/api/v1/projects/{MANY}/{name}" for name in ("cost-curve", "forecast")}
    assert len({path for path in asked if path.startswith("/api/")}) <= 8
