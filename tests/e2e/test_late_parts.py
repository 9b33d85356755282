"""Parts of the labelling page that have scripts of their own: there when they are asked for."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, Request, Route, expect

from tests.e2e.site import ADMIN, FIRST, add_project, entered, signed_in, wait_until_seen

pytestmark = pytest.mark.e2e

SCRIPTS = re.compile(r"/assets/(parts|sign-in-dialog|tile-layer)-[^/]*\.js$")
FILES = re.compile(r"/assets/(parts|sign-in-dialog)-[^/]*\.(js|css)$")
MakeProject = Callable[[str], int]


@pytest.fixture
def project(address: str, scenes: list[Path]) -> MakeProject:
    """Makes a project of a mode, with images to label."""

    def make(mode: str) -> int:
        categories = [{"name": "Car", "key": "c"}]
        with signed_in(address, ADMIN) as api:
            return add_project(api, scenes[:4], categories=categories, mode=mode)

    return make


@pytest.fixture
def context(browser: Browser, address: str) -> Iterator[BrowserContext]:
    with entered(browser, address, FIRST) as opened:
        yield opened


def open_page(context: BrowserContext, project: int) -> Page:
    page = context.new_page()
    page.goto(f"/projects/{project}/label")
    wait_until_seen(page)
    return page


def is_inked(layer: Locator) -> bool:
    """Whether anything is drawn on a canvas."""
    return bool(
        layer.evaluate(
            """(canvas) => new Uint32Array(canvas.getContext("2d")
                 .getImageData(0, 0, canvas.width, canvas.height).data.buffer).some(Boolean)"""
        )
    )


def test_a_dialog_opens_by_a_key_that_comes_before_its_script(
    context: BrowserContext, project: MakeProject
) -> None:
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    context.route(SCRIPTS, hold)
    page = open_page(context, project("tags"))
    page.keyboard.press("?")
    car = page.get_by_role("button", name="C Car", exact=True)
    page.keyboard.press("c")
    expect(car).to_have_attribute("aria-pressed", "false")
    for route in held:
        route.continue_()
    context.unroute(SCRIPTS)
    dialog = page.get_by_role("dialog", name="Keys")
    expect(dialog).to_be_visible()
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    page.keyboard.press("c")
    expect(car).to_have_attribute("aria-pressed", "true")


def test_everything_is_there_when_the_network_goes(
    context: BrowserContext, project: MakeProject
) -> None:
    missing = {(part, kind) for part in ("parts", "sign-in-dialog") for kind in ("js", "css")}

    def is_last(request: Request) -> bool:
        file = FILES.search(request.url)
        missing.discard((file[1], file[2]) if file else ("", ""))
        return not missing

    page = context.new_page()
    with page.expect_event("requestfinished", is_last):
        page.goto(f"/projects/{project('tags')}/label")
    wait_until_seen(page)
    context.set_offline(True)
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Brightness, contrast, colours").click()
    expect(page.get_by_label("Brightness", exact=True)).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press(".")
    expect(page.get_by_role("dialog", name="Skip this image")).to_be_visible()
    page.keyboard.press("1")
    expect(page.get_by_role("status").filter(has_text="Offline: 1 waiting")).to_be_visible()
    context.set_offline(False)
    expect(page.get_by_role("status").filter(has_text="Saved")).to_be_visible()


def test_tiles_are_drawn_after_the_network_was_away_for_their_script(
    context: BrowserContext, project: MakeProject
) -> None:
    refused: list[str] = []

    def refuse(route: Route) -> None:
        refused.append(route.request.url)
        route.abort()

    context.route(SCRIPTS, refuse)
    page = open_page(context, project("tiles"))
    layers = page.get_by_role("application").locator("canvas")
    expect(layers).to_have_count(1)
    page.keyboard.press("c")
    page.keyboard.press("Numpad7")
    expect(page.get_by_role("listitem").filter(has_text="Car")).to_contain_text("1 tile")
    assert any("tile-layer" in url for url in refused)
    context.unroute(SCRIPTS)
    expect(layers).to_have_count(2)
    assert is_inked(layers.last)
