"""Sweeping a rare category in a real browser: by keys and by touch, offline, and for everyone."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.e2e.site import (
    ADMIN,
    FIRST,
    TABLET,
    add_project,
    entered,
    let_pass,
    settle,
    signed_in,
    stop_clock,
    violations_of_both,
    wait_until_seen,
)

pytestmark = pytest.mark.e2e

IMAGES = 30
PAGE = 24
SHORTEST_LOOK = 400
"""In milliseconds."""
SENDING = re.compile(r"/api/v1/(sweeps/\w+/answers|images/\w+/flag)$")


@dataclass(frozen=True)
class Installation:
    """A running server with rendered street scenes."""

    address: str
    api: httpx.Client
    images: list[Path]

    def project(self, **changes: Any) -> int:
        """A new project with all of the images."""
        categories = [{"name": "Car"}, {"name": "Train"}]
        body = {"categories": categories, "mode": "tags"} | changes
        return add_project(self.api, self.images, **body)

    def said(self, project: int, value: str) -> list[str]:
        """Names of the images of which `value` is said of a train."""
        params: dict[str, str | int] = {"category": "Train", "said": value, "limit": 100}
        items = self.api.get(f"/api/v1/projects/{project}/images", params=params).json()["items"]
        return [image["external_id"] for image in items]


@pytest.fixture(scope="module")
def product(address: str, scenes: list[Path]) -> Iterator[Installation]:
    with signed_in(address, ADMIN) as api:
        yield Installation(address, api, scenes[:IMAGES])


@pytest.fixture
def context(browser: Browser, product: Installation) -> Iterator[BrowserContext]:
    with entered(browser, product.address, FIRST) as opened:
        yield opened


@pytest.fixture
def sweep(context: BrowserContext) -> Callable[[int], Page]:
    """Opens a project's sweep for trains and waits for its first page, and for the next one behind it."""

    def open_page(project: int) -> Page:
        page = context.new_page()
        settle(page, f"/projects/{project}/sweep?category=Train")
        wait_for_page(page, PAGE)
        return page

    return open_page


def wait_for_page(page: Page, images: int) -> None:
    """Until so many new images are shown, and can be answered."""
    expect(tiles(page)).to_have_count(images)
    expect(page.get_by_role("button", name="Save and next page")).to_be_enabled()


def tiles(page: Page) -> Any:
    return page.get_by_role("list", name="Is there Train?").locator("[data-tile]")


def names(page: Page, answer: str) -> list[str]:
    """The images on the page that have this answer, by its word."""
    found = tiles(page).filter(has_text=re.compile(f"^{answer}")).all_inner_texts()
    return [re.search(r"scene-\d+\.jpg", text)[0] for text in found]  # type: ignore[index]


def saved(page: Page) -> None:
    expect(page.get_by_text("Saved", exact=True)).to_be_visible()


def save_unmarked(page: Page) -> None:
    """Says that it is in none of the images, in the two presses that it takes."""
    page.keyboard.press("Enter")
    expect(unmarked_question(page)).to_be_visible()
    page.keyboard.press("Enter")


def unmarked_question(page: Page) -> Any:
    return page.get_by_text("Nothing is marked: this says Train is in none of the").last


def pause(page: Page, milliseconds: int) -> None:
    """The person lets time pass between two presses."""
    page.evaluate("ms => new Promise((done) => setTimeout(done, ms))", milliseconds)


def test_a_double_press_answers_one_page(
    product: Installation, context: BrowserContext, sweep: Any
) -> None:
    stop_clock(context)
    project = product.project(min_view_ms=SHORTEST_LOOK)
    page = sweep(project)
    page.keyboard.press("Space")
    [marked] = names(page, "Present")
    let_pass(page, SHORTEST_LOOK)
    page.keyboard.press("Enter")
    wait_for_page(page, IMAGES - PAGE)
    for gap in (60, 190):
        page.keyboard.press("Enter")
        pause(page, gap)
    expect(tiles(page)).to_have_count(IMAGES - PAGE)
    saved(page)
    assert product.said(project, "present") == [marked]
    assert len(product.said(project, "absent")) == PAGE - 1
    let_pass(page, SHORTEST_LOOK)
    save_unmarked(page)
    expect(tiles(page)).to_have_count(IMAGES - PAGE)
    let_pass(page, SHORTEST_LOOK)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Train is answered for all images")).to_be_visible()
    saved(page)
    assert len(product.said(project, "absent")) == IMAGES - 1


def test_from_the_overview_to_the_last_page(product: Installation, context: BrowserContext) -> None:
    project = product.project()
    page = context.new_page()
    page.goto(f"/projects/{project}")
    page.get_by_role("link", name="Sweep a rare category").click()
    page.get_by_role("link", name=f"Train {IMAGES} left").click()
    wait_for_page(page, PAGE)
    expect(
        page.get_by_text("Mark the exceptions: what you leave alone is answered absent")
    ).to_be_visible()
    expect(page.get_by_text("In order of import")).to_be_visible()

    for key in ("ArrowRight", "ArrowDown", "Space", "ArrowLeft", "u"):
        page.keyboard.press(key)
    present, unsure = names(page, "Present"), names(page, "Not sure")
    assert (len(present), len(unsure)) == (1, 1)
    expect(page.get_by_text(f"{unsure[0]}: not sure.")).to_be_attached()
    expect(page.get_by_text("1 present · 22 absent · 1 not sure", exact=True)).to_be_visible()
    first = tiles(page).first.inner_text()
    page.keyboard.press("Enter")
    wait_for_page(page, IMAGES - PAGE)
    expect(tiles(page).first).not_to_have_text(first)
    expect(page.get_by_text("6 left")).to_be_visible()

    page.keyboard.press("f")
    expect(
        page.get_by_text("Mark the exceptions: what you leave alone is answered present")
    ).to_be_visible()
    tiles(page).nth(2).click()
    absent = names(page, "Absent")
    assert len(absent) == 1
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Train is answered for all images")).to_be_visible()
    saved(page)
    assert product.said(project, "unsure") == unsure
    assert len(product.said(project, "present")) == IMAGES - PAGE
    assert set(product.said(project, "present")) > set(present)
    assert len(product.said(project, "absent")) == 23
    assert set(absent) < set(product.said(project, "absent"))
    counts = product.api.get(f"/api/v1/projects/{project}").json()["images"]
    assert counts["labelled"] == 0, "whole images are still to be labelled"


def test_a_page_is_gone_back_to_and_corrected(product: Installation, sweep: Any) -> None:
    project = product.project()
    page = sweep(project)
    first = tiles(page).first.inner_text()
    save_unmarked(page)
    wait_for_page(page, IMAGES - PAGE)
    page.keyboard.press("PageUp")
    expect(tiles(page)).to_have_count(PAGE)
    expect(tiles(page).first).to_have_text(first, use_inner_text=True)
    expect(page.get_by_role("button", name="Save and forward")).to_be_enabled()
    page.keyboard.press("Space")
    [corrected] = names(page, "Present")
    page.keyboard.press("Enter")
    wait_for_page(page, IMAGES - PAGE)
    saved(page)
    assert product.said(project, "present") == [corrected]


def test_an_image_is_looked_at_large(product: Installation, sweep: Any) -> None:
    page = sweep(product.project())
    page.keyboard.press("e")
    large = page.get_by_role("region", name=re.compile(r"^scene-"))
    expect(large).to_contain_text("Absent")
    before = large.get_attribute("aria-label")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Space")
    expect(large).to_contain_text("Present")
    assert large.get_attribute("aria-label") != before
    page.keyboard.press("Escape")
    expect(large).to_have_count(0)
    assert len(names(page, "Present")) == 1
    tiles(page).nth(5).hover()
    page.get_by_role("button", name=re.compile("^See .* large$")).nth(5).click()
    expect(large).to_be_visible()
    name = large.get_attribute("aria-label") or ""
    large.get_by_role("button", name="Flag the image").click()
    expect(flag_dialog(page)).to_contain_text(name)
    page.keyboard.press("Escape")
    large.get_by_role("button", name="All images again").click()
    expect(large).to_have_count(0)


def flag_dialog(page: Page) -> Any:
    return page.get_by_role("dialog", name="Flag this image")


def test_an_outage_and_a_reload_lose_nothing(
    product: Installation, context: BrowserContext, sweep: Any
) -> None:
    project = product.project()
    page = sweep(project)
    context.route(SENDING, lambda route: route.abort())
    page.keyboard.press("Space")
    [marked] = names(page, "Present")
    page.keyboard.press("Enter")
    wait_for_page(page, IMAGES - PAGE)
    expect(page.get_by_text("Offline: 1 waiting")).to_be_visible()
    tiles(page).nth(1).click()
    [mark] = names(page, "Present")
    page.keyboard.press(":")
    flag_dialog(page).get_by_label("Your word").fill("A tram?")
    flag_dialog(page).get_by_role("button", name="Flag", exact=True).click()
    kept = page.get_by_text(f"Your flag on {mark} is kept on this device")
    expect(kept).to_be_visible()
    page.reload()
    wait_for_page(page, IMAGES - PAGE)
    expect(kept).to_be_visible()
    assert names(page, "Present") == [mark]
    assert product.said(project, "present") == []
    context.unroute(SENDING)
    page.evaluate("dispatchEvent(new Event('online'))")
    saved(page)
    assert product.said(project, "present") == [marked]
    expect(kept).to_have_count(0)
    [flag] = product.api.get(f"/api/v1/projects/{project}/flags").json()["items"]
    assert (flag["text"], flag["image"]) == ("A tram?", mark)


def test_the_session_ends_and_work_goes_on(
    product: Installation, context: BrowserContext, sweep: Any
) -> None:
    project = product.project()
    page = sweep(project)
    context.clear_cookies()
    save_unmarked(page)
    dialog = page.get_by_role("dialog", name="Sign in again")
    dialog.get_by_label("Password").fill("correct horse battery")
    dialog.get_by_role("button", name="Sign in and go on").click()
    saved(page)
    assert len(product.said(project, "absent")) == PAGE


def test_two_people_sweep_different_images(
    browser: Browser, product: Installation, sweep: Any
) -> None:
    project = product.project()
    mine = set(names(sweep(project), "Absent"))
    with entered(browser, product.address, ADMIN) as other:
        page = other.new_page()
        page.goto(f"/projects/{project}/sweep?category=Train")
        expect(page.get_by_role("heading", name="Nothing more for you just now")).to_be_visible()
        page.goto(f"/projects/{project}/sweep?category=Car")
        expect(page.get_by_role("list", name="Is there Car?").locator("[data-tile]")).to_have_count(
            PAGE
        )
    assert len(mine) == PAGE


def test_a_swept_answer_stands_on_the_labelling_form(
    product: Installation, context: BrowserContext, sweep: Any
) -> None:
    project = product.project()
    page = sweep(project)
    page.keyboard.press("Space")
    page.keyboard.press("Enter")
    wait_for_page(page, IMAGES - PAGE)
    saved(page)
    page.get_by_role("link", name="Leave the sweep").click()
    page.get_by_role("link", name="Label images").click()
    train = page.get_by_role("listitem").filter(has_text="Train").get_by_role("button").first
    expect(train).to_have_attribute("aria-pressed", "true")
    wait_until_seen(page)
    with page.expect_response(re.compile(r"/label$")):
        page.keyboard.press("Enter")
    saved(page)
    with signed_in(product.address, FIRST) as api:
        [label] = api.get(f"/api/v1/projects/{project}/labels/mine").json()["items"]
    assert (label["present"], label["absent"], label["partial"]) == (["Train"], ["Car"], False)


def test_a_project_of_tiles_has_no_sweep(product: Installation, context: BrowserContext) -> None:
    project = product.project(mode="tiles")
    page = context.new_page()
    page.goto(f"/projects/{project}/sweep?category=Train")
    expect(page.get_by_text("which a sweep can not tell")).to_be_visible()
    page.get_by_role("link", name="Streets").click()
    expect(page.get_by_role("link", name="Label images")).to_be_visible()
    expect(page.get_by_role("link", name="Sweep a rare category")).to_have_count(0)


def test_axe_finds_nothing(product: Installation, sweep: Any) -> None:
    page = sweep(product.project())
    for key in ("Space", "ArrowRight", "u"):
        page.keyboard.press(key)
    assert violations_of_both(page) == {}
    page.keyboard.press("e")
    assert violations_of_both(page) == {}
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
    assert violations_of_both(page) == {}
    page.keyboard.press("Escape")
    page.get_by_role("link", name="Another category").click()
    expect(page.get_by_role("heading", name="Sweep a category")).to_be_visible()
    expect(page.get_by_role("link", name="Train")).to_be_visible()
    assert violations_of_both(page) == {}


def test_every_target_is_large_enough_for_a_finger(browser: Browser, product: Installation) -> None:
    with entered(browser, product.address, FIRST, viewport=TABLET, has_touch=True) as tablet:
        page = tablet.new_page()
        settle(page, f"/projects/{product.project()}/sweep?category=Train")
        wait_for_page(page, PAGE)
        sizes = page.locator("button:visible, a:visible").evaluate_all(
            """all => all.map((one) => [one, one.getBoundingClientRect()])
                   .map(([{ ariaLabel, textContent }, { width, height }]) =>
                     [ariaLabel ?? textContent, Math.round(width), Math.round(height)])"""
        )
        tiles(page).nth(3).tap()
        expect(page.get_by_text("1 present · 23 absent", exact=True)).to_be_visible()
    assert [(name, *size) for name, *size in sizes if min(size) < 44] == []
