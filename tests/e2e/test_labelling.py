"""The labelling page in a real browser: every mode, own keys, nothing lost, everyone can use it."""

import gzip
import io
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect

from tests.e2e.site import (
    ADMIN,
    FIRST,
    PASSWORD,
    SECOND,
    TABLET,
    add_project,
    entered,
    let_pass,
    settle,
    sign_in,
    signed_in,
    stop_clock,
    violations_of_both,
    wait_until_seen,
)

pytestmark = pytest.mark.e2e

CATEGORIES = (
    {"name": "Car", "key": "c"},
    {"name": "Road", "key": "r"},
    {"name": "Sky", "key": "k"},
)
SENDING = re.compile(r"/api/v1/images/\d+/label$")
LEASING = re.compile(r"/api/v1/projects/\d+/leases$")
MOST_BYTES = 175_000
"""Scripts and styles, compressed, of all that the labelling page fetches by itself.

The build limits what comes first, and what comes in all but for the states that a slow machine shows.
"""


@dataclass(frozen=True)
class Installation:
    """A running server with rendered street scenes to label."""

    address: str
    api: httpx.Client
    images: list[Path]

    def project(self, **changes: Any) -> int:
        """A new project with all of the images."""
        return add_project(self.api, self.images, **{"categories": CATEGORIES} | changes)

    def labels(self, project: int, email: str = FIRST) -> list[dict[str, Any]]:
        """One person's labels, the oldest first."""
        with signed_in(self.address, email) as api:
            items = api.get(f"/api/v1/projects/{project}/labels/mine").json()["items"]
        return list(reversed(items))


@pytest.fixture(scope="module")
def product(address: str, scenes: list[Path]) -> Iterator[Installation]:
    with signed_in(address, ADMIN) as api:
        yield Installation(address, api, scenes[:8])


@pytest.fixture
def context(browser: Browser, product: Installation) -> Iterator[BrowserContext]:
    """A browser in which the first annotator is signed in."""
    with entered(browser, product.address, FIRST) as opened:
        yield opened


@pytest.fixture
def label(context: BrowserContext) -> Callable[[int], Page]:
    """Opens the labelling page of a project and waits for its first image."""

    def open_page(project: int) -> Page:
        page = context.new_page()
        open_at_image(page, project)
        return page

    return open_page


def open_at_image(page: Page, project: int) -> None:
    """With all that the page fetches in advance: what comes later would move what is pressed."""
    settle(page, f"/projects/{project}/label")
    wait_for_image(page)


def wait_for_image(page: Page) -> None:
    wait_until_seen(page)
    expect(page.get_by_text(re.compile(r"^scene-\d+\.jpg$"))).to_be_visible()


def image_name(page: Page) -> str:
    return page.get_by_text(re.compile(r"^scene-\d+\.jpg$")).inner_text()


def row(page: Page, category: str) -> Any:
    """The button that ticks a category."""
    rows = page.get_by_role("listitem").filter(has_text=category)
    return rows.get_by_role("button").first


def spot(page: Page, x: float, y: float) -> tuple[float, float]:
    """Where a place of the image is on the page; x and y are shares of its width and height."""
    box = page.get_by_role("application").bounding_box()
    assert box is not None
    scale = min(box["width"] / 480, box["height"] / 360)
    left = box["x"] + (box["width"] - 480 * scale) / 2
    top = box["y"] + (box["height"] - 360 * scale) / 2
    return left + x * 480 * scale, top + y * 360 * scale


def click(page: Page, x: float, y: float) -> None:
    page.mouse.click(*spot(page, x, y))


def submit(page: Page) -> None:
    name = image_name(page)
    wait_until_seen(page)
    page.keyboard.press("Enter")
    expect(page.get_by_text(name)).to_have_count(0)
    expect(page.get_by_role("status").filter(has_text="Saved")).to_be_visible()


def submit_empty(page: Page) -> None:
    """Says that nothing is there, in the two presses that it takes."""
    wait_until_seen(page)
    page.keyboard.press("Enter")
    expect(empty_question(page)).to_be_visible()
    submit(page)


def empty_question(page: Page) -> Any:
    return page.get_by_text("Nothing is ticked: this says all 3 categories are absent.").last


def pause(page: Page, milliseconds: int) -> None:
    """The person lets time pass between two presses."""
    page.evaluate("ms => new Promise((done) => setTimeout(done, ms))", milliseconds)


# --- Nothing that nobody meant is saved

SHORTEST_LOOK = 1500
"""In milliseconds."""


def test_a_double_press_labels_one_image(
    product: Installation, context: BrowserContext, label: Any
) -> None:
    stop_clock(context)
    project = product.project(min_view_ms=SHORTEST_LOOK)
    page = label(project)
    labelled: list[str] = []
    for gap in (10, 60, 110, 190, 350):
        labelled.append(image_name(page))
        page.keyboard.press("c")
        wait_until_seen(page)
        let_pass(page, SHORTEST_LOOK)
        page.keyboard.press("Enter")
        pause(page, gap)
        page.keyboard.press("Enter")
        expect(page.get_by_text(labelled[-1])).to_have_count(0)
    labelled.append(image_name(page))
    page.keyboard.press("c")
    wait_until_seen(page)
    let_pass(page, SHORTEST_LOOK)
    page.get_by_role("button", name="Save and next").dblclick()
    expect(page.get_by_text(labelled[-1])).to_have_count(0)
    expect(page.get_by_role("status").filter(has_text="Saved")).to_be_visible()
    assert [one["present"] for one in product.labels(project)] == [["Car"]] * len(labelled)


def test_a_double_tap_labels_one_image(browser: Browser, product: Installation) -> None:
    project = product.project(min_view_ms=SHORTEST_LOOK)
    with entered(browser, product.address, FIRST, has_touch=True) as tablet:
        stop_clock(tablet)
        page = tablet.new_page()
        open_at_image(page, project)
        row(page, "Car").tap()
        let_pass(page, SHORTEST_LOOK)
        button = page.get_by_role("button", name="Save and next")
        box = button.bounding_box()
        assert box is not None
        for _ in range(2):
            page.touchscreen.tap(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        expect(row(page, "Car")).to_have_attribute("aria-pressed", "false")
        expect(page.get_by_role("status").filter(has_text="Saved")).to_be_visible()
    assert [one["present"] for one in product.labels(project)] == [["Car"]]


def test_a_held_key_labels_one_image(product: Installation, label: Any) -> None:
    project = product.project()
    page = label(project)
    name = image_name(page)
    page.keyboard.press("c")
    page.get_by_role("button", name="Save and next").focus()
    for _ in range(20):
        page.keyboard.down("Enter")
    page.keyboard.up("Enter")
    expect(page.get_by_text(name)).to_have_count(0)
    expect(page.get_by_role("status").filter(has_text="Saved")).to_be_visible()
    expect(empty_question(page)).to_have_count(0)
    assert len(product.labels(project)) == 1


def test_an_empty_form_is_saved_by_a_second_press(
    product: Installation, context: BrowserContext, label: Any
) -> None:
    stop_clock(context)
    project = product.project(min_view_ms=SHORTEST_LOOK)
    page = label(project)
    name = image_name(page)
    let_pass(page, SHORTEST_LOOK)
    for _ in range(3):
        page.keyboard.press("Enter")
    expect(empty_question(page)).to_be_visible()
    expect(page.get_by_text(name)).to_be_visible()
    assert product.labels(project) == []
    let_pass(page, SHORTEST_LOOK)
    submit(page)
    [stored] = product.labels(project)
    assert (stored["present"], len(stored["absent"])) == ([], 3)


def test_the_key_that_ends_the_tags_does_not_save_them_without_points(
    product: Installation, context: BrowserContext, label: Any
) -> None:
    stop_clock(context)
    project = product.project(mode="points", min_view_ms=SHORTEST_LOOK)
    page = label(project)
    page.keyboard.press("c")
    let_pass(page, SHORTEST_LOOK)
    for _ in range(2):
        page.keyboard.press("Enter")
    expect(row(page, "Car")).to_contain_text("click it")
    click(page, 0.5, 0.5)
    let_pass(page, SHORTEST_LOOK)
    submit(page)
    [stored] = product.labels(project)
    assert len(stored["points"]) == 1


# --- Nothing is lost

IS_ROAD_KEPT = """async () => {
  const databases = await indexedDB.databases()
  if (!databases.some(({ name }) => name === "weakseg-drafts")) return false
  const done = (request) => new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result)
    request.onerror = () => reject(request.error)
  })
  const database = await done(indexedDB.open("weakseg-drafts"))
  const kept = await done(database.transaction("drafts").objectStore("drafts").getAll())
  database.close()
  return kept.some(({ sheet }) => JSON.stringify(sheet).includes("Road"))
}"""
"""Whether the last of what is said of an image is on this device; it is written a little later."""


def test_a_reload_keeps_what_is_not_submitted(product: Installation, label: Any) -> None:
    project = product.project()
    page = label(project)
    name = image_name(page)
    page.keyboard.press("c")
    click(page, 0.5, 0.5)
    page.keyboard.press("Shift+r")
    expect(row(page, "Road")).to_contain_text("not sure")
    page.wait_for_function(IS_ROAD_KEPT)
    page.reload()
    wait_for_image(page)
    assert image_name(page) == name
    expect(row(page, "Car")).to_have_attribute("aria-pressed", "true")
    expect(row(page, "Road")).to_have_attribute("aria-pressed", "mixed")
    submit(page)
    [stored] = product.labels(project)
    assert (stored["present"], stored["unsure"], stored["absent"]) == (["Car"], ["Road"], ["Sky"])
    [point] = stored["points"]
    assert (point["x"], point["y"]) == pytest.approx((240, 180), abs=1)


def test_an_expired_session_asks_on_the_page(
    product: Installation, context: BrowserContext, label: Any
) -> None:
    project = product.project()
    page = label(project)
    context.clear_cookies()
    page.keyboard.press("c")
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="Sign in again")
    expect(dialog).to_contain_text("1 label waits on this device")
    dialog.get_by_label("Password").fill(PASSWORD)
    dialog.get_by_role("button", name="Sign in and go on").click()
    expect(dialog).to_have_count(0)
    expect(page.get_by_role("status").filter(has_text="Saved")).to_be_visible()
    assert [one["present"] for one in product.labels(project)] == [["Car"]]


def test_nobody_labels_in_the_name_of_whoever_comes_next(
    product: Installation, context: BrowserContext, label: Any
) -> None:
    project = product.project()
    page = label(project)
    page.route(SENDING, lambda route: route.abort())
    page.keyboard.press("c")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status").filter(has_text="Offline: 1 waiting")).to_be_visible()
    sign_in(context, SECOND)
    page.unroute(SENDING)
    page.evaluate("dispatchEvent(new Event('online'))")
    dialog = page.get_by_role("dialog", name="Sign in again")
    expect(dialog).to_be_visible()
    assert product.labels(project, SECOND) == []

    other = label(project)
    expect(other.get_by_role("status").filter(has_text=f"1 of {FIRST}")).to_be_visible()
    submit_empty(other)
    assert [one["present"] for one in product.labels(project, SECOND)] == [[]]
    assert product.labels(project) == []

    dialog.get_by_label("Password").fill(PASSWORD)
    dialog.get_by_role("button", name="Sign in and go on").click()
    expect(page.get_by_role("status").filter(has_text="Saved")).to_be_visible()
    assert [one["present"] for one in product.labels(project)] == [["Car"]]


def test_two_tabs_send_each_label_once(product: Installation, label: Any) -> None:
    project = product.project()
    tabs = [label(project), label(project)]
    for tab, key in zip(tabs, "cr", strict=True):
        tab.route(SENDING, lambda route: route.abort())
        tab.keyboard.press(key)
        tab.keyboard.press("Enter")
        expect(tab.get_by_role("status").filter(has_text="Offline: 1 waiting")).to_be_visible()
    tabs[1].reload()
    for tab in tabs:
        tab.unroute(SENDING)
        tab.evaluate("dispatchEvent(new Event('online'))")
        expect(tab.get_by_role("status").filter(has_text="Saved")).to_be_visible()
    stored = product.labels(project)
    assert sorted(one["present"] for one in stored) == [["Car"], ["Road"]]
    assert [one["revision"] for one in stored] == [1, 1]
    assert len({one["image_id"] for one in stored}) == 2


def test_a_label_for_an_image_that_was_taken_over_is_refused_by_name(
    product: Installation, context: BrowserContext, label: Any
) -> None:
    project = product.project()
    page = label(project)
    name = image_name(page)
    leases: list[str] = []

    def cut(route: Route) -> None:
        leases.append((route.request.post_data_json or {})["lease_id"])
        route.abort()

    page.route(SENDING, cut)
    # Else the page, which looks for more images to have ahead, may be handed this one once more.
    page.route(LEASING, lambda route: route.abort())
    page.keyboard.press("c")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status").filter(has_text="Offline: 1 waiting")).to_be_visible()
    # As when its time runs out: anybody may have the image.
    assert context.request.delete(f"/api/v1/leases/{leases[0]}").ok
    with signed_in(product.address, SECOND) as api:
        taken = api.post(f"/api/v1/projects/{project}/leases", json={"count": 4}).json()
        [lease] = [one for one in taken if one["image"]["external_id"] == name]
        body = {"present": ["Road"], "lease_id": lease["id"], "timing": {"wall_ms": 4000}}
        api.put(f"/api/v1/images/{lease['image']['id']}/label", json=body).raise_for_status()
    page.unroute(SENDING)
    page.unroute(LEASING)
    page.evaluate("dispatchEvent(new Event('online'))")
    refusal = page.get_by_text(f"{name} was not saved")
    expect(refusal).to_contain_text("Somebody else has labelled this image")
    page.get_by_role("button", name="Understood").click()
    expect(refusal).to_have_count(0)
    submit_empty(page)
    assert [one["present"] for one in product.labels(project)] == [[]]
    assert [one["present"] for one in product.labels(project, SECOND)] == [["Road"]]


def test_a_page_that_was_open_for_eight_days_loses_nothing(
    product: Installation, context: BrowserContext, label: Any
) -> None:
    stop_clock(context)
    project = product.project()
    page = label(project)
    page.keyboard.press("c")
    let_pass(page, 8 * 24 * 3_600_000)
    submit(page)
    [stored] = product.labels(project)
    assert (stored["present"], stored["wall_ms"]) == (["Car"], 7 * 24 * 3_600_000)
    assert stored["active_ms"] < 60_000


SMALL, FIRST_ONES, ALONE = 60, 6, 16
"""Images of the project, and how many are labelled with the network and without it."""
AHEAD = (SMALL - FIRST_ONES) // 2
"""Held for one person who is quick: half of what is left."""
PICTURES_ARE_THERE = """count => new Set(performance.getEntriesByType("resource")
  .map(entry => new URL(entry.name).pathname)
  .filter(path => /images\\/\\d+\\/file$/.test(path))).size >= count"""


def test_there_is_work_for_a_minute_without_the_network(
    product: Installation, context: BrowserContext, label: Any
) -> None:
    stop_clock(context)  # else whoever is slower is held fewer images
    project = add_project(product.api, [], categories=CATEGORIES, mode="tags")
    upload_small(product.api, project, SMALL)
    page = label(project)
    for _ in range(FIRST_ONES):
        page.keyboard.press("c")
        submit(page)
    page.wait_for_function(PICTURES_ARE_THERE, arg=FIRST_ONES + AHEAD)
    context.set_offline(True)
    for number in range(ALONE):
        page.keyboard.press("r")
        name = image_name(page)
        wait_until_seen(page)
        page.keyboard.press("Enter")
        expect(page.get_by_text(name)).to_have_count(0)
        expect(page.get_by_text(f"Offline: {number + 1} waiting")).to_be_visible()
    assert image_name(page)
    context.set_offline(False)
    expect(page.get_by_role("status").filter(has_text="Saved")).to_be_visible()
    with signed_in(product.address, SECOND) as api:
        left = api.post(f"/api/v1/projects/{project}/leases", json={"count": 4}).json()
    assert len(left) == 4, "there is something for others"
    counts = product.api.get(f"/api/v1/projects/{project}").json()["images"]
    assert counts["labelled"] == FIRST_ONES + ALONE


def upload_small(api: httpx.Client, project: int, count: int) -> None:
    files = []
    for number in range(count):
        content = io.BytesIO()
        Image.new("RGB", (32, 24), (4 * number, 100, 255 - 4 * number)).save(content, "jpeg")
        files.append(("files", (f"scene-{number:05}.jpg", content.getvalue())))
    answer = api.post(f"/api/v1/projects/{project}/images", files=files)
    assert answer.json()["imported"] == count, answer.text


# --- Seeing


def test_the_image_is_brightened_and_the_person_remembered(
    product: Installation, label: Any
) -> None:
    page = label(product.project())
    image = page.locator("canvas").first
    expect(image).to_have_css("filter", "none")
    page.keyboard.press("]")
    page.keyboard.press("}")
    page.keyboard.press(">")
    expect(image).to_have_css("filter", re.compile(r"brightness\(1\.15\) contrast\(1\.15\) url"))
    filters = page.locator("canvas").evaluate_all("all => all.map(one => one.style.filter)")
    assert [text for text in filters[1:] if text] == []
    page.reload()
    wait_for_image(page)
    expect(page.locator("canvas").first).to_have_css("filter", re.compile("brightness"))
    page.keyboard.press("\\")
    expect(page.locator("canvas").first).to_have_css("filter", "none")


# --- Keys


def test_the_page_is_busy_until_it_knows_the_keys(
    product: Installation, context: BrowserContext
) -> None:
    project, page, held = product.project(), context.new_page(), list[Route]()

    def hold(route: Route) -> None:
        held.append(route)

    page.route(re.compile(rf"/api/v1/projects/{project}/keys$"), hold)
    page.goto(f"/projects/{project}/label")
    stage = page.get_by_role("application")
    expect(page.locator("canvas").first).to_be_visible()
    expect(stage).to_have_attribute("aria-busy", "true")
    page.keyboard.press("c")
    expect(row(page, "Car")).to_have_attribute("aria-pressed", "false")
    held[0].continue_()
    expect(stage).to_have_attribute("aria-busy", "false")
    page.keyboard.press("c")
    expect(row(page, "Car")).to_have_attribute("aria-pressed", "true")


def test_a_person_has_keys_of_their_own(product: Installation, label: Any) -> None:
    page = label(product.project())
    page.keyboard.press("?")
    dialog = page.get_by_role("dialog", name="Keys")
    dialog.get_by_role("button", name="Choose your own keys").click()
    dialog.get_by_role("button", name="Car", exact=False).first.click()
    page.keyboard.press("r")
    expect(dialog).to_contain_text("R is the key of Road.")
    dialog.get_by_role("button", name="Give it to Car").click()
    expect(dialog.get_by_role("button", name=re.compile("^Road"))).to_contain_text("C")
    page.keyboard.press("Escape")
    page.keyboard.press("r")
    expect(row(page, "Car")).to_have_attribute("aria-pressed", "true")
    page.reload()
    wait_for_image(page)
    expect(row(page, "Car")).to_have_attribute("aria-keyshortcuts", "r")
    page.keyboard.press("?")
    dialog.get_by_role("button", name="Choose your own keys").click()
    dialog.get_by_role("button", name="Back to the project's keys").click()
    expect(row(page, "Car")).to_have_attribute("aria-keyshortcuts", "c")


class Keyboard:
    """Presses keys of another layout: what they write is not what a US keyboard has there."""

    def __init__(self, page: Page) -> None:
        self.session = page.context.new_cdp_session(page)

    def press(self, key: str, code: str, **more: Any) -> None:
        event = {"key": key, "code": code} | more
        self.session.send("Input.dispatchKeyEvent", {"type": "rawKeyDown"} | event)
        self.session.send("Input.dispatchKeyEvent", {"type": "keyUp"} | event)

    def compose(self, text: str) -> None:
        """What an input method shows before it is taken."""
        ends = {"selectionStart": len(text), "selectionEnd": len(text)}
        self.session.send("Input.imeSetComposition", {"text": text} | ends)


CONTROL, SHIFT = {"modifiers": 2}, {"modifiers": 8}
BY_AN_INPUT_METHOD = {"windowsVirtualKeyCode": 229}


def test_keyboards_of_other_scripts_reach_categories_and_commands(
    product: Installation, label: Any
) -> None:
    categories = [*CATEGORIES, {"name": "Tram", "key": "1"}, {"name": "Sign", "key": "ж"}]
    project = product.project(categories=categories, mode="tags")
    page = label(project)
    keyboard = Keyboard(page)
    ticked = page.locator("[aria-pressed=true][aria-keyshortcuts]")
    keyboard.press("\u0441", "KeyC")
    keyboard.press("\u03c1", "KeyR")
    keyboard.press("&", "Digit1")
    keyboard.press("ж", "Semicolon")
    expect(ticked).to_have_count(4)
    keyboard.press("\u044f", "KeyZ", **CONTROL)
    expect(row(page, "Sign")).to_have_attribute("aria-pressed", "false")
    keyboard.press("ㅏ", "KeyK", **SHIFT)
    expect(row(page, "Sky")).to_contain_text("not sure")
    # Neither a command nor a category: it belongs to the input method.
    keyboard.press("Process", "KeyR", **BY_AN_INPUT_METHOD)
    keyboard.press("Enter", "Enter", **BY_AN_INPUT_METHOD)
    keyboard.press("ч", "KeyX")
    expect(ticked).to_have_count(3)
    keyboard.press(",", "Slash", **SHIFT)
    keyboard.press("؟", "Slash", **SHIFT)
    dialog = page.get_by_role("dialog", name="Keys")
    dialog.get_by_role("button", name="Choose your own keys").click()
    dialog.get_by_role("button", name="Car", exact=False).first.click()
    keyboard.press("ש", "KeyA")
    expect(dialog.get_by_role("button", name=re.compile("^Car"))).to_contain_text("ש")
    page.keyboard.press("Escape")
    keyboard.press("ש", "KeyA")
    expect(row(page, "Car")).to_have_attribute("aria-pressed", "false")
    submit(page)
    [saved] = product.labels(project)
    assert (saved["present"], saved["unsure"]) == (["Road", "Tram"], ["Sky"])


def test_the_enter_that_ends_a_composition_ticks_nothing(product: Installation, label: Any) -> None:
    names = ["자동차", "도로", "하늘"]
    page = label(product.project(categories=[{"name": name} for name in names], mode="tags"))
    keyboard = Keyboard(page)
    keyboard.press("ж", "Semicolon")
    finder = page.get_by_role("textbox", name="Find a category")
    expect(finder).to_be_focused()
    keyboard.compose("도")
    keyboard.press("Enter", "Enter", **BY_AN_INPUT_METHOD)
    expect(finder).to_have_value("도")
    keyboard.session.send("Input.insertText", {"text": "도"})
    expect(page.get_by_role("complementary").get_by_role("listitem")).to_have_count(1)
    page.keyboard.press("Enter")
    expect(finder).to_have_count(0)
    expect(row(page, "도로")).to_have_attribute("aria-pressed", "true")


def test_categories_without_a_key_are_found_by_name(product: Installation, label: Any) -> None:
    names = [f"Kind {number:02}" for number in range(40)]
    project = product.project(categories=[{"name": name} for name in names], mode="tags")
    page = label(project)
    page.keyboard.press(";")
    page.keyboard.type("kind 39")
    expect(page.get_by_role("listitem")).to_have_count(1)
    page.keyboard.press("Enter")
    expect(page.get_by_role("listitem")).to_have_count(40)
    submit(page)
    [stored] = product.labels(project)
    assert stored["present"] == ["Kind 39"]
    assert len(stored["absent"]) == 39


# --- Modes


def test_a_held_key_tags_and_points_at_once(product: Installation, label: Any) -> None:
    project = product.project()
    page = label(project)
    page.keyboard.down("c")
    click(page, 0.25, 0.25)
    click(page, 0.75, 0.25)
    page.keyboard.up("c")
    page.keyboard.press("k")
    click(page, 0.5, 0.1)
    submit(page)
    [stored] = product.labels(project)
    assert stored["present"] == ["Car", "Sky"]
    assert [point["category"] for point in stored["points"]] == ["Car", "Car", "Sky"]


def test_points_go_to_what_was_ticked_in_that_order(product: Installation, label: Any) -> None:
    project = product.project()
    page = label(project)
    for key in "krc":
        page.keyboard.press(key)
    image = page.get_by_role("application")
    expect(image).to_contain_text("Next: Sky")
    for share, category in ((0.2, "Sky"), (0.4, "Road"), (0.6, "Car")):
        page.mouse.move(*spot(page, share, 0.5))
        expect(image).to_have_text(category)
        click(page, share, 0.5)
    expect(image).to_have_text("")
    page.keyboard.press("Backspace")
    expect(image).to_have_text("Car")
    click(page, 0.7, 0.5)
    submit(page)
    [stored] = product.labels(project)
    assert [(point["category"], round(point["x"] / 48)) for point in stored["points"]] == [
        ("Sky", 2), ("Road", 4), ("Car", 7),
    ]  # fmt: skip


def test_points_come_up_in_turn_after_the_tags(product: Installation, label: Any) -> None:
    project = product.project(mode="points", points_per_category=2)
    page = label(project)
    for key in "rkc":
        page.keyboard.press(key)
    page.keyboard.press("Enter")
    expect(row(page, "Car")).to_contain_text("click 1 of 2")
    click(page, 0.2, 0.6)
    click(page, 0.3, 0.6)
    expect(row(page, "Road")).to_contain_text("click 1 of 2")
    page.keyboard.press("Backspace")
    expect(row(page, "Car")).to_contain_text("click 2 of 2")
    click(page, 0.4, 0.6)
    click(page, 0.5, 0.9)
    click(page, 0.6, 0.9)
    expect(row(page, "Sky")).to_contain_text("click 1 of 2")
    page.keyboard.press("End")
    expect(row(page, "Sky")).to_have_attribute("aria-pressed", "false")
    submit(page)
    [stored] = product.labels(project)
    assert (stored["present"], stored["absent"]) == (["Car", "Road"], ["Sky"])
    assert [point["category"] for point in stored["points"]] == ["Car"] * 2 + ["Road"] * 2


def test_tiles_are_pressed_swept_and_keyed(product: Installation, label: Any) -> None:
    project = product.project(mode="tiles", tile_rows=2, tile_cols=3)
    page = label(project)
    page.keyboard.press("c")
    page.keyboard.press("Numpad7")
    click(page, 0.5, 0.75)
    expect(row(page, "Car")).to_contain_text("2 tiles")
    page.keyboard.press("r")
    page.mouse.move(*spot(page, 0.1, 0.75))
    page.mouse.down()
    page.mouse.move(*spot(page, 0.9, 0.75), steps=4)
    page.mouse.up()
    expect(row(page, "Road")).to_contain_text("3 tiles")
    page.keyboard.press("k")
    page.get_by_role("link", name="Leave labelling").focus()
    page.keyboard.press("Tab")
    expect(page.get_by_role("application")).to_be_focused()
    page.keyboard.press("ArrowRight")
    page.keyboard.press(" ")
    page.get_by_role("application").evaluate("stage => stage.blur()")
    expect(row(page, "Sky")).to_contain_text("1 tile")
    submit(page)
    [stored] = product.labels(project)
    assert stored["present"] == ["Car", "Road", "Sky"]
    assert stored["tiles"] == {
        "rows": 2, "cols": 3, "present": {"Car": [0, 4], "Road": [3, 4, 5], "Sky": [1]},
    }  # fmt: skip


# --- Everyone


@pytest.mark.parametrize("mode", ["tags-and-points", "tiles"])
def test_axe_finds_nothing(product: Installation, label: Any, mode: str) -> None:
    page = label(product.project(mode=mode))
    page.keyboard.press("c")
    click(page, 0.3, 0.3)
    assert violations_of_both(page) == {}
    page.keyboard.press("?")
    page.get_by_role("button", name="Choose your own keys").click()
    assert violations_of_both(page) == {}
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Brightness, contrast, colours").click()
    page.get_by_label("safe for colour-blind people").check()
    assert violations_of_both(page) == {}


def test_every_target_is_large_enough_for_a_finger(browser: Browser, product: Installation) -> None:
    with entered(browser, product.address, FIRST, viewport=TABLET, has_touch=True) as tablet:
        page = tablet.new_page()
        open_at_image(page, product.project())
        sizes = page.locator("button:visible, a:visible").evaluate_all(
            """all => all.map((one) => [one, one.getBoundingClientRect()])
                   .map(([{ ariaLabel, textContent }, { width, height }]) =>
                     [ariaLabel ?? textContent, Math.round(width), Math.round(height)])"""
        )
    small = [(name, *size) for name, *size in sizes if min(size) < 44]
    assert small == []


def test_the_page_is_light(product: Installation, context: BrowserContext, label: Any) -> None:
    # How early the states of a page come, which all pages share, depends on how fast the machine is.
    page = label(product.project())
    page.wait_for_function(
        """() => performance.getEntriesByType("resource")
             .some(({ name, responseEnd }) => /\\/sign-in-dialog-.*js$/.test(name) && responseEnd > 0)"""
    )
    names, late = page.evaluate(
        """() => {
          const all = performance.getEntriesByType("resource")
          const files = all.filter(({ name }) => /\\.(js|css)$/.test(name))
          const pictures = all.filter(({ name }) => /\\/images\\/\\d+\\/file/.test(name))
          const first = Math.min(...pictures.map(({ responseEnd }) => responseEnd))
          const parts = files.filter(({ name }) => /\\/(parts|sign-in-dialog)-/.test(name))
          return [files.map(({ name }) => name), parts.map(({ startTime }) => startTime > first)]
        }"""
    )
    assert late
    assert all(late)
    sizes = {name: len(gzip.compress(product.api.get(name).content, 9)) for name in set(names)}
    assert 0 < sum(sizes.values()) <= MOST_BYTES, sizes
