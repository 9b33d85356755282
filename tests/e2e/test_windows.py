"""Small, low and narrow windows: the picture has its half of them, and nothing is out of reach."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e import site
from tests.e2e.site import (
    ADMIN,
    FIRST,
    add_project,
    entered,
    settle,
    signed_in,
    violations,
    wait_until_seen,
)

pytestmark = pytest.mark.e2e

NAMES = [
    "Road", "Sidewalk", "Building", "Wall", "Fence", "Pole", "Traffic light", "Traffic sign",
    "Vegetation", "Terrain", "Sky", "Person", "Rider", "Car", "Truck", "Bus", "Train",
    "Motorcycle", "Bicycle",
]  # fmt: skip
MODES = ("tags", "points", "tags-and-points", "tiles")
PHONES = [(360, 640), (640, 360), (390, 844), (844, 390), (932, 430), (768, 1024), (1024, 768)]
WINDOWS = [
    *PHONES,
    # 1280 x 720 and 1280 x 800 at 150, 200 and 300 %, then windows of other shapes.
    (853, 480), (853, 533), (640, 400), (427, 240), (427, 267),
    (600, 500), (700, 700), (1008, 641), (1366, 625), (1280, 800), (1920, 1080), (2560, 1080),
]  # fmt: skip
MEASURE = """() => {
  const stage = document.querySelector("[role=application]").getBoundingClientRect()
  const isReached = (element) => {
    const { left, right, top, bottom, width, height } = element.getBoundingClientRect()
    const isInside = left >= 0 && top >= 0 && right <= innerWidth + 0.5 && bottom <= innerHeight + 0.5
    const hit = document.elementFromPoint(left + width / 2, top + height / 2)
    return isInside && width >= 24 && height >= 24 && element.contains(hit)
  }
  const controls = [...document.querySelectorAll("header a, footer button, aside p + button")]
  const shown = controls.filter((one) => one.checkVisibility())
  return {
    share: (stage.width * stage.height) / (innerWidth * innerHeight),
    wide: document.documentElement.scrollWidth - innerWidth,
    shown: shown.map((one) => one.ariaLabel ?? one.textContent),
    missed: shown.filter((one) => !isReached(one)).map((one) => one.ariaLabel ?? one.textContent),
  }
}"""
BELOW = """() => {
  const list = document.querySelector("aside ul")
  const fold = list.getBoundingClientRect().bottom
  const boxes = [...list.children].map((row) => row.getBoundingClientRect())
  return boxes.filter(({ top, height }) => top + 0.75 * height > fold).length
}"""

IS_SAID = f"""() => {{
  const said = [...document.querySelectorAll("aside button")].map((one) => one.textContent)
  const below = ({BELOW})()
  return said.some((text) => text === `${{below}} more below`) || below === 0
}}"""


MakeProject = Callable[[str, int], int]


@pytest.fixture(scope="module")
def project(address: str, scenes: list[Path]) -> Iterator[MakeProject]:
    """Makes a project of a mode, with so many images."""
    categories = [{"name": name} for name in NAMES]
    with signed_in(address, ADMIN) as api:
        yield lambda mode, count: add_project(api, scenes[:count], mode=mode, categories=categories)


@pytest.fixture(scope="module")
def swept(project: MakeProject) -> int:
    return project("tags", 24)


def opened(context: Any, path: str, ready: str) -> Page:
    page: Page = context.new_page()
    settle(page, path)
    expect(page.locator(ready).first).to_be_visible()
    return page


def resize(page: Page, size: tuple[int, int]) -> None:
    site.resize(page, {"width": size[0], "height": size[1]})


def mark(page: Page) -> Any:
    return page.get_by_role("button", name="more below")


def count_below(page: Page) -> int:
    """How many categories are below the fold, once the page says so: the line that does takes room itself."""
    # A function: text that is looked at again and again is kept from running by the page's policy.
    page.wait_for_function(IS_SAID)
    below: int = page.evaluate(BELOW)
    return below


@pytest.mark.parametrize("mode", MODES)
def test_the_picture_has_half_of_every_window(
    browser: Browser, address: str, project: MakeProject, mode: str
) -> None:
    with entered(browser, address, FIRST) as context:
        page = opened(context, f"/projects/{project(mode, 4)}/label", "[role=application]")
        wait_until_seen(page)
        for size in WINDOWS:
            resize(page, size)
            below = count_below(page)
            text = f"{below} more below"
            expect(mark(page)).to_have_text([text] if below else [])
            found = page.evaluate(MEASURE)
            assert found["share"] >= 0.5, (size, found)
            assert found["wide"] <= 0, (size, found)
            assert found["missed"] == [], (size, found)
            assert {"Back to the image before", "Undo"} <= set(found["shown"]), (size, found)
            assert any(name.startswith("Skip") for name in found["shown"]), (size, found)


@pytest.mark.parametrize("size", [(360, 640), (640, 360), (427, 240)])
def test_every_category_and_tool_is_reached_by_touch(
    browser: Browser, address: str, project: MakeProject, size: tuple[int, int]
) -> None:
    with entered(browser, address, FIRST, has_touch=True, is_mobile=True) as context:
        path = f"/projects/{project('tags-and-points', 4)}/label"
        page = opened(context, path, "[role=application]")
        wait_until_seen(page)
        resize(page, size)
        rows = page.get_by_role("complementary").get_by_role("listitem")
        expect(rows.first.locator("kbd")).to_be_hidden()
        below = count_below(page)
        assert 0 < below < len(NAMES)
        while below:
            mark(page).tap()
            page.wait_for_function(f"(before) => ({BELOW})() < before", arg=below)
            below = count_below(page)
        expect(mark(page)).to_have_count(0)
        last = rows.last.get_by_role("button").first
        last.tap()
        expect(last).to_have_attribute("aria-pressed", "true")
        stage = page.get_by_role("application").bounding_box()
        assert stage is not None
        page.touchscreen.tap(stage["x"] + stage["width"] / 2, stage["y"] + stage["height"] / 2)
        expect(last).to_contain_text("1")
        page.get_by_role("button", name="More tools").tap()
        page.get_by_role("button", name="Brightness, contrast, colours").tap()
        expect(page.get_by_role("slider", name="Brightness")).to_be_visible()
        page.keyboard.press("Escape")
        page.keyboard.press("Escape")
        expect(page.get_by_role("button", name="Brightness, contrast, colours")).to_be_hidden()
        page.get_by_role("button", name="Skip", exact=False).last.tap()
        dialog = page.get_by_role("dialog", name="Skip this image")
        dialog.get_by_role("button", name="Skip", exact=True).scroll_into_view_if_needed()
        dialog.get_by_role("button", name="Too dark or blurred").tap()
        # The next image's categories are seen from the first on.
        expect(mark(page)).to_be_visible()
        assert page.evaluate("document.querySelector('aside ul').scrollTop") == 0


@pytest.mark.parametrize("size", [(360, 640), (640, 360), (853, 533)])
def test_a_sweep_says_how_many_images_are_below(
    browser: Browser, address: str, swept: int, size: tuple[int, int]
) -> None:
    with entered(browser, address, FIRST) as context:
        page = opened(context, f"/projects/{swept}/sweep?category=Car", "[data-tile]")
        resize(page, size)
        box = page.get_by_role("main").bounding_box()
        assert box is not None
        assert box["width"] * box["height"] >= 0.5 * size[0] * size[1]
        expect(mark(page)).to_be_visible()
        for name in ("Save and next page", "Answer them present", "Not sure"):
            expect(page.get_by_role("button", name=name)).to_be_in_viewport(ratio=1)
        for _ in range(24):
            if mark(page).count() == 0:
                break
            said = mark(page).inner_text()
            mark(page).click()
            expect(page.get_by_text(said)).to_have_count(0)
        expect(mark(page)).to_have_count(0)
        expect(page.locator("[data-tile]").last).to_be_in_viewport(ratio=0.7)


@pytest.mark.parametrize("size", [(360, 640), (640, 360)])
def test_axe_finds_nothing_in_a_small_window(
    browser: Browser, address: str, project: MakeProject, size: tuple[int, int]
) -> None:
    with entered(browser, address, FIRST, has_touch=True) as context:
        page = opened(context, f"/projects/{project('points', 4)}/label", "[role=application]")
        wait_until_seen(page)
        resize(page, size)
        expect(mark(page)).to_be_visible()
        page.get_by_role("button", name="More tools").tap()
        assert violations(page) == []
