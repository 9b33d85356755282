"""Answers held against known ones, in a real browser: from making the images to the figures."""

import re
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.domains import street_scenes
from tests.e2e.site import (
    ADMIN,
    DESK,
    FIRST,
    SECOND,
    TABLET,
    add_project,
    entered,
    installed,
    resize,
    settle,
    signed_in,
    violations_of_both,
)
from tests.product import running_product, weakseg
from tests.server.factories import eventually

pytestmark = pytest.mark.e2e

CATEGORIES = ("Road", "Car", "Pedestrian", "Tree")
OWN, GOLD = 20, 8
MAKING_SECONDS = 60


@dataclass(frozen=True)
class Installation:
    """A running server with a worker, a source domain and a few images."""

    address: str
    api: httpx.Client
    """The admin's."""
    images: list[Path]
    database: Path

    def project(self, **settings: Any) -> int:
        """A new project with the images."""
        categories = [{"name": name} for name in CATEGORIES]
        return add_project(self.api, self.images, **{"categories": categories} | settings)

    def label(self, project: int, email: str, said: dict[str, Any]) -> None:
        """Somebody says the same of every image that they are given."""
        with signed_in(self.address, email) as api:
            while found := api.post(f"/api/v1/projects/{project}/leases", json={}).json():
                [lease] = found
                body = said | {"lease_id": lease["id"], "timing": {"wall_ms": 4000}}
                answer = api.put(f"/api/v1/images/{lease['image']['id']}/label", json=body)
                assert answer.is_success, answer.text


@pytest.fixture(scope="module")
def product(
    tmp_path_factory: pytest.TempPathFactory, forked_product: dict[str, str]
) -> Iterator[Installation]:
    folder = tmp_path_factory.mktemp("quality")
    environment = installed(folder) | forked_product
    scenes = street_scenes(tmp_path_factory, OWN)
    weakseg("datasets", "add", str(scenes.source), "--name", "town", environment=environment)
    with (
        running_product(environment, folder / "logs") as address,
        signed_in(address, ADMIN) as api,
    ):
        yield Installation(address, api, scenes.images, folder / "data/weakseg.sqlite3")


@pytest.fixture
def page(browser: Browser, product: Installation) -> Iterator[Page]:
    """A page of a browser in which the admin is signed in."""
    with entered(browser, product.address, ADMIN) as context:
        yield context.new_page()


@pytest.fixture(scope="module")
def answered(product: Installation) -> int:
    """A project with gold images, after two people have answered everything in it."""
    project = product.project(source="town", gold_share=0.5, overlap=2)
    address = f"/api/v1/projects/{project}/gold"
    product.api.post(address, json={"count": GOLD})
    eventually(lambda: product.api.get(address).json()["state"] == "ready")
    clicks = [{"category": "Road", "x": 240.5, "y": 350.5}, {"category": "Car", "x": 1, "y": 1}]
    product.label(project, FIRST, {"present": list(CATEGORIES), "points": clicks})
    product.label(project, SECOND, {"present": ["Road"], "absent": ["Car", "Pedestrian"]})
    return project


def known_answers(page: Page, project: int) -> Any:
    """The section of the quality page, opened."""
    settle(page, f"/projects/{project}/quality")
    return page.locator("section", has=page.get_by_role("heading", name="Against known answers"))


def test_without_a_source_domain_the_page_says_where_to_choose_one(
    page: Page, product: Installation
) -> None:
    project = product.project()
    section = known_answers(page, project)
    section.get_by_role("link", name="Choose a source domain").click()
    expect(page.get_by_role("heading", name="Settings", exact=True)).to_be_visible()


def test_gold_images_are_made_at_the_press_of_a_button(page: Page, product: Installation) -> None:
    section = known_answers(page, product.project(source="town"))
    section.get_by_role("button", name="Make gold images").click()
    made = section.get_by_text(f"{GOLD} images of town with known answers.")
    expect(made).to_be_visible(timeout=MAKING_SECONDS * 1000)  # by a worker
    expect(section.get_by_text("Nobody has answered one yet.")).to_be_visible()
    expect(section.get_by_role("button")).to_have_count(0)


def test_what_the_server_refuses_is_said(page: Page, product: Installation) -> None:
    body = {"name": "Bare", "categories": [{"name": "Road"}], "source": "town"}
    bare = product.api.post("/api/v1/projects", json=body).json()["id"]
    section = known_answers(page, bare)
    section.get_by_role("button", name="Make gold images").click()
    expect(section.get_by_role("alert")).to_contain_text("Import the project's own images first")


def test_each_person_has_a_row_and_their_categories_on_demand(
    page: Page, product: Installation, answered: int
) -> None:
    section = known_answers(page, answered)
    people = section.get_by_role("region", name="Answers against known ones by person")
    rows = people.get_by_role("row").filter(has_text=re.compile("@example.org"))
    expect(rows).to_have_count(2)
    found = product.api.get(f"/api/v1/projects/{answered}/quality").json()["annotators"]
    assert [one["annotator"] for one in found] == [FIRST, SECOND]
    clicks = found[0]["total"]["clicks_on"]
    assert 0 < clicks["hits"] < clicks["of"]
    for row, one in zip(rows.all(), found, strict=True):
        assert one["images"] > 0
        for rate in (one["total"]["precision"], one["total"]["recall"]):
            expect(row).to_contain_text(f"{rate['share'] * 100:.1f} % of {rate['of']}")

    button = section.get_by_role("button", name=SECOND)
    expect(button).to_have_attribute("aria-expanded", "false")
    button.click()
    categories = section.get_by_role("region", name="Answers against known ones by category")
    car = categories.get_by_role("row").filter(has_text="Car")
    of = next(c for c in found[1]["categories"] if c["category"] == "Car")["scores"]
    assert of["wrongly_absent"]["share"] == 1
    expect(car).to_contain_text(f"100.0 % of {of['wrongly_absent']['of']}")
    button.click()
    expect(categories).to_have_count(0)


def test_annotators_see_their_own_answers_the_day_after(
    browser: Browser, product: Installation, answered: int
) -> None:
    with entered(browser, product.address, FIRST) as context:
        page = context.new_page()
        title = page.get_by_role("heading", name="Your answers against known ones")
        page.goto(f"/projects/{answered}")
        expect(page.get_by_role("heading", name="Your pace")).to_be_visible()
        expect(title).to_have_count(0)
        with sqlite3.connect(product.database) as database:
            moved = "UPDATE labels SET created_at = datetime(created_at, '-1 day')"
            database.execute(f"{moved} WHERE project_id = ?", (answered,))
        settle(page, f"/projects/{answered}")
        expect(title).to_be_visible()
        expect(page.get_by_role("main")).not_to_contain_text(SECOND)
        assert violations_of_both(page) == {}


def test_the_share_is_set_where_there_is_a_source_domain(page: Page, product: Installation) -> None:
    project = product.project(source="town")
    page.goto(f"/projects/{project}/settings")
    share = page.get_by_role("textbox", name="Images with known answers, percent")
    expect(share).to_have_value("2")
    share.fill("51")
    expect(page.get_by_text("A percentage from 0 to 50.")).to_be_visible()
    share.fill("7.5")
    page.get_by_role("button", name="Save settings").click()
    expect(page.get_by_text("Settings saved")).to_be_visible()
    assert product.api.get(f"/api/v1/projects/{project}").json()["gold_share"] == 0.075

    page.goto(f"/projects/{product.project()}/settings")
    expect(page.get_by_role("button", name="Save settings")).to_be_visible()
    expect(share).to_have_count(0)


def test_a_second_person_for_each_image_is_a_setting(page: Page, product: Installation) -> None:
    project = product.project()
    product.label(project, FIRST, {"present": ["Road"]})
    page.goto(f"/projects/{project}/settings")
    page.get_by_role("textbox", name="People per image").fill("2")
    page.get_by_role("button", name="Save settings").click()
    expect(page.get_by_text("Settings saved")).to_be_visible()
    with signed_in(product.address, SECOND) as api:
        found = api.post(f"/api/v1/projects/{project}/leases", json={"count": 4}).json()
    assert len(found) == 4


def test_axe_finds_nothing(page: Page, answered: int) -> None:
    section = known_answers(page, answered)
    section.get_by_role("button", name=FIRST).click()
    expect(section.get_by_role("heading", name=f"{FIRST} by category")).to_be_visible()
    for size in (DESK, TABLET):
        resize(page, size)
        assert violations_of_both(page) == {}
