"""The pages around labelling in a real browser: settings, images, quality; for everyone."""

import io
import re
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Locator, Page, ViewportSize, expect

from tests.e2e.site import (
    ADMIN,
    DESK,
    FIRST,
    SCHEMES,
    SECOND,
    TABLET,
    add_project,
    entered,
    go_on,
    resize,
    settle,
    signed_in,
    violations,
)

pytestmark = pytest.mark.e2e

CATEGORIES = (
    {"name": "Car", "key": "c", "color": "#2f5bea"},
    {"name": "Road", "key": "r", "color": "#804080"},
    {"name": "Bus", "key": "b", "color": "#00a6a6"},
    {"name": "Tree", "key": "t", "color": "#6b8e23"},
)
IMAGES = 24
PHONE: ViewportSize = {"width": 320, "height": 640}

Answers = Callable[[int], dict[str, Any]]
"""What somebody says of the image with this place in the order of import."""


@dataclass(frozen=True)
class Installation:
    """A running server with rendered street scenes, most of them labelled by two people."""

    address: str
    api: httpx.Client
    """The admin's."""
    images: list[Path]
    streets: int
    """A project in which two people label each image."""

    def project(self, count: int = 4, **changes: Any) -> int:
        """A new project with some of the images."""
        return add_project(self.api, self.images[:count], **{"categories": CATEGORIES} | changes)

    def show(self, project: int) -> dict[str, Any]:
        return dict(self.api.get(f"/api/v1/projects/{project}").json())

    def listed(self, project: int, **wanted: Any) -> list[dict[str, Any]]:
        """Images of a project that pass a filter."""
        answer = self.api.get(f"/api/v1/projects/{project}/images", params=wanted | {"limit": 200})
        assert answer.is_success, answer.text
        return list(answer.json()["items"])

    def label(self, project: int, email: str, answers: Answers, most: int = 200) -> None:
        """Somebody labels the images that they are given, at most so many."""
        places = {image["id"]: place for place, image in enumerate(self.listed(project))}
        with signed_in(self.address, email) as api:
            for _ in range(most):
                leased = api.post(f"/api/v1/projects/{project}/leases", json={"count": 1})
                assert leased.is_success, leased.text
                if not leased.json():
                    return
                [lease] = leased.json()
                image = lease["image"]["id"]
                said = answers(places[image])
                body = said | {"lease_id": lease["id"], "timing": {"wall_ms": 4000}}
                answer = api.put(f"/api/v1/images/{image}/label", json=body)
                assert answer.is_success, answer.text


def first_says(place: int) -> dict[str, Any]:
    """A car on two images of three, a bus on every fourth; the road always, trees never."""
    present = ["Road", *(["Car"] if place % 3 else []), *([] if place % 4 else ["Bus"])]
    car = [{"category": "Car", "x": 120.5, "y": 200.5}] if place % 3 else []
    absent = [name for name in ("Car", "Bus", "Tree") if name not in present]
    return {"present": present, "absent": absent, "points": car}


def second_says(place: int) -> dict[str, Any]:
    """As the first, but a car on every sixth where the first sees none, and trees are unsure."""
    said = first_says(place)
    if place % 6 == 0:
        point = {"category": "Car", "x": 300.5, "y": 220.5}
        said = said | {"present": ["Car", *said["present"]], "points": [point]}
    absent = [name for name in ("Car", "Bus") if name not in said["present"]]
    return said | {"absent": absent, "unsure": ["Tree"]}


@pytest.fixture(scope="module")
def product(address: str, scenes: list[Path]) -> Iterator[Installation]:
    images = scenes[:IMAGES]
    with signed_in(address, ADMIN) as api:
        bare = Installation(address, api, images, streets=0)
        streets = bare.project(IMAGES, name="Streets", overlap=2, prefill="priors", blind_share=0.4)
        bare.label(streets, FIRST, first_says)
        bare.label(streets, SECOND, second_says, most=IMAGES - 3)
        yield Installation(address, api, images, streets)


@pytest.fixture
def context(browser: Browser, product: Installation) -> Iterator[BrowserContext]:
    """A browser in which the admin is signed in."""
    with entered(browser, product.address, ADMIN) as opened:
        yield opened


@pytest.fixture
def page(context: BrowserContext) -> Page:
    return context.new_page()


def saved(page: Page) -> None:
    page.get_by_role("button", name="Save settings").click()
    expect(page.get_by_text("Settings saved")).to_be_visible()


def tiles(page: Page) -> Locator:
    return page.get_by_role("main").get_by_role("listitem")


def shown_names(page: Page) -> list[str]:
    return [name.strip() for name in tiles(page).locator("[title]").all_inner_texts()]


def names_of(images: list[dict[str, Any]]) -> list[str]:
    return [image["external_id"] for image in images]


# --- Projects


def test_the_task_of_a_project_is_changed(product: Installation, page: Page) -> None:
    project = product.project()
    settle(page, f"/projects/{project}/settings")
    page.get_by_role("radio", name=re.compile("^Tiles")).check(force=True)
    page.get_by_label("Rows of tiles").fill("3")
    page.get_by_label("Columns of tiles").fill("17")
    expect(page.get_by_text("Rows and columns are whole numbers")).to_be_visible()
    page.get_by_label("Columns of tiles").fill("4")
    page.get_by_role("radio", name=re.compile("^What the model expects")).check(force=True)
    page.get_by_label("Blind images, percent").fill("12.5")
    page.get_by_label("Which images come first").select_option("rare")
    saved(page)
    changed = product.show(project)
    kept = {name: changed[name] for name in ("mode", "tile_rows", "tile_cols", "prefill", "order")}
    assert kept == {
        "mode": "tiles", "tile_rows": 3, "tile_cols": 4, "prefill": "model", "order": "rare",
    }  # fmt: skip
    assert changed["blind_share"] == 0.125


def test_categories_change_places_by_mouse_and_by_keyboard(
    product: Installation, page: Page
) -> None:
    project = product.project()
    settle(page, f"/projects/{project}/settings")
    handle = page.get_by_role("button", name="Move category Tree")
    below = page.get_by_label("Name of category 1")
    drag(page, handle, below)
    expect(page.get_by_label("Name of category 1")).to_have_value("Tree")
    handle.focus()
    page.keyboard.press("ArrowDown")
    expect(page.get_by_label("Name of category 2")).to_have_value("Tree")
    expect(page.get_by_role("button", name="Move category Tree, 2 of 4")).to_be_focused()
    saved(page)
    assert [category["name"] for category in product.show(project)["categories"]] == [
        "Car", "Tree", "Road", "Bus",
    ]  # fmt: skip


def drag(page: Page, handle: Locator, onto: Locator) -> None:
    handle.scroll_into_view_if_needed()
    start, end = handle.bounding_box(), onto.bounding_box()
    assert start is not None
    assert end is not None
    x = start["x"] + start["width"] / 2
    page.mouse.move(x, start["y"] + start["height"] / 2)
    page.mouse.down()
    page.mouse.move(x, end["y"] + end["height"] / 2, steps=12)
    page.mouse.up()


def test_a_key_that_is_taken_is_refused_at_once(product: Installation, page: Page) -> None:
    project = product.project()
    settle(page, f"/projects/{project}/settings")
    page.get_by_label("Key of category 2").fill("c")
    expect(page.get_by_text("C is also the key of Car.")).to_be_visible()
    expect(page.get_by_role("button", name="Save settings")).to_have_attribute(
        "aria-disabled", "true"
    )
    page.get_by_label("Key of category 1").fill("r")
    saved(page)
    keys = {category["name"]: category["key"] for category in product.show(project)["categories"]}
    assert keys == {"Car": "r", "Road": "c", "Bus": "b", "Tree": "t"}


def test_a_category_that_labels_name_stays(product: Installation, page: Page) -> None:
    settle(page, f"/projects/{product.streets}/settings")
    page.get_by_role("button", name="Remove category 1 Car").click()
    page.get_by_role("button", name="Save settings").click()
    expect(page.get_by_role("alert")).to_contain_text("there are labels that name it")
    page.get_by_role("button", name="Keep Car").click()
    saved(page)
    names = {category["name"] for category in product.show(product.streets)["categories"]}
    assert names == {"Car", "Road", "Bus", "Tree"}


def test_a_project_is_made_from_a_known_set(product: Installation, page: Page) -> None:
    settle(page, "/projects/new")
    page.get_by_label("Name", exact=True).fill("Cityscapes streets")
    page.get_by_role("button", name="Cityscapes, 19 categories").click()
    page.get_by_role("button", name="Remove category 19 bicycle").click()
    page.get_by_label("People per image").fill("2")
    page.get_by_role("radio", name=re.compile("^Points in turn")).check(force=True)
    page.get_by_role("button", name="Create project").click()
    expect(page.get_by_role("heading", name="Import", exact=True)).to_be_visible()
    [made] = [
        project
        for project in product.api.get("/api/v1/projects").json()
        if project["name"] == "Cityscapes streets"
    ]
    assert (len(made["categories"]), made["overlap"], made["mode"]) == (18, 2, "points")


# --- Images


def test_filters_are_kept_in_the_address(product: Installation, page: Page) -> None:
    page.goto(f"/projects/{product.streets}/images")
    page.get_by_label("Category", exact=True).select_option("Bus")
    page.get_by_label("Labelled by").select_option(label=SECOND)
    wanted = {"category": "Bus", "annotator": user_id(product, SECOND)}
    expect(tiles(page)).to_have_count(len(product.listed(product.streets, **wanted)))
    page.get_by_label("What people say of Bus").select_option("absent")
    expected = product.listed(product.streets, said="absent", **wanted)
    expect(tiles(page)).to_have_count(len(expected))
    assert 0 < len(expected) < IMAGES
    page.reload()
    expect(tiles(page)).to_have_count(len(expected))
    assert shown_names(page) == names_of(expected)
    page.get_by_role("link", name="Disputed", exact=True).click()
    both = product.listed(product.streets, state="disputed", said="absent", **wanted)
    expect(tiles(page)).to_have_count(len(both))


def user_id(product: Installation, email: str) -> int:
    users = product.api.get("/api/v1/users").json()
    return next(int(user["id"]) for user in users if user["email"] == email)


def test_a_long_list_goes_on_by_itself_and_keeps_its_place(
    product: Installation, page: Page
) -> None:
    project = product.project(1)
    upload_small(product, project, 130)
    page.goto(f"/projects/{project}/images")
    expect(tiles(page)).to_have_count(60)
    for count in (120, 131):
        # The key End goes to where the page ended when it was last painted.
        tiles(page).last.scroll_into_view_if_needed()
        expect(tiles(page)).to_have_count(count)
    last = tiles(page).last.get_by_role("link")
    last.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("small-129.png")
    page.go_back()
    expect(tiles(page)).to_have_count(131)
    expect(last).to_be_in_viewport()


def upload_small(product: Installation, project: int, count: int) -> None:
    files = []
    for number in range(count):
        content = io.BytesIO()
        Image.new("RGB", (32, 24), (number, 100, 255 - number)).save(content, "png")
        files.append(("files", (f"small-{number:03}.png", content.getvalue())))
    answer = product.api.post(f"/api/v1/projects/{project}/images", files=files)
    assert answer.json()["imported"] == count, answer.text


def test_selected_images_are_handed_out_again(product: Installation, page: Page) -> None:
    project = product.project(6)
    product.label(project, FIRST, first_says)
    page.goto(f"/projects/{project}/images")
    boxes = tiles(page).get_by_role("checkbox")
    boxes.nth(1).focus()
    page.keyboard.press("Space")
    boxes.nth(3).click(modifiers=["Shift"])
    bar = page.get_by_role("region", name="Selected images")
    expect(bar.get_by_role("status")).to_have_text("3 selected")
    page.keyboard.press("Escape")
    expect(bar).not_to_be_visible()
    boxes.nth(4).click()
    boxes.nth(2).click(modifiers=["Shift"])
    bar.get_by_role("button", name="Hand out again").click()
    dialog = page.get_by_role("dialog", name="Hand out 3 images again?")
    dialog.get_by_role("button", name="Hand out again").click()
    expect(page.get_by_text("3 images will be handed out again")).to_be_visible()
    expect(bar).not_to_be_visible()
    chosen = {image["id"] for image in product.listed(project)[2:5]}
    with signed_in(product.address, SECOND) as api:
        leases = api.post(f"/api/v1/projects/{project}/leases", json={"count": 6}).json()
    assert {lease["image"]["id"] for lease in leases} == chosen


def test_arrow_keys_leaf_through_the_filtered_list(product: Installation, page: Page) -> None:
    expected = names_of(product.listed(product.streets, category="Bus"))
    page.goto(f"/projects/{product.streets}/images?category=Bus")
    tiles(page).first.get_by_role("link").click()
    title = page.get_by_role("heading", level=1)
    expect(title).to_have_text(expected[0])
    previous = page.get_by_role("button", name="Previous image")
    expect(previous).to_be_disabled()
    for name in expected[1:]:
        expect(page.get_by_role("button", name="Next image")).to_be_enabled()
        page.keyboard.press("ArrowRight")
        expect(title).to_have_text(name)
    expect(page.get_by_role("button", name="Next image")).to_be_disabled()
    expect(previous).to_be_enabled()
    page.keyboard.press("ArrowLeft")
    expect(title).to_have_text(expected[-2])
    page.get_by_role("link", name="Back to the list").click()
    expect(page).to_have_url(f"/projects/{product.streets}/images?category=Bus")


def test_an_image_says_who_said_what_and_where_they_differ(
    product: Installation, page: Page
) -> None:
    image = product.listed(product.streets, state="disputed")[0]["id"]
    page.goto(f"/projects/{product.streets}/images/{image}")
    notice = page.get_by_role("status").filter(has_text="People do not agree")
    expect(notice).to_contain_text(f"Present: {SECOND}")
    expect(notice).to_contain_text(f"Absent: {FIRST}")
    first = page.get_by_role("button", name=re.compile(f"^{FIRST}"))
    expect(first).to_contain_text("4.0 s of work")
    expect(page.get_by_role("img", name="1 clicked points")).to_be_visible()
    first.click()
    expect(page.get_by_role("img", name="1 clicked points")).not_to_be_visible()


# --- Quality


def test_disputed_images_are_decided_by_keyboard(product: Installation, page: Page) -> None:
    project = product.project(7, overlap=2)
    product.label(project, FIRST, first_says)
    product.label(project, SECOND, second_says)
    disputed = product.listed(project, state="disputed")
    assert len(disputed) == 2
    page.goto(f"/projects/{project}/quality")
    page.get_by_role("link", name="Review them").click()
    save = page.get_by_role("button", name="Save, next image")
    expect(save).to_have_attribute("aria-disabled", "true")
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("button", name="Car: Present")).to_have_attribute(
        "aria-pressed", "true"
    )
    # Neither a second press nor a double click is taken for the image that comes next.
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    expect(page.get_by_role("img", name=disputed[0]["external_id"])).to_be_visible()
    page.keyboard.press("Enter")
    save.dblclick(force=True)
    expect(page.get_by_text("1 category open")).to_be_visible()
    page.keyboard.press("c")
    page.keyboard.press("c")
    page.keyboard.press("Enter")
    expect(page.get_by_text("You decided 2 images.")).to_be_visible()
    assert product.listed(project, state="disputed") == []
    later, earlier = (decision_of(product, image["id"]) for image in reversed(disputed))
    assert (later["present"], later["absent"]) == (["Car", "Road"], ["Bus"])
    assert [point["x"] for point in later["points"]] == [300.5]
    assert later["unsure"] == ["Tree"]
    assert (earlier["present"], earlier["absent"]) == (["Road", "Bus"], ["Car"])
    assert earlier["points"] == []
    assert 0 < earlier["active_ms"] <= earlier["wall_ms"]


def decision_of(product: Installation, image: int) -> dict[str, Any]:
    history = product.api.get(f"/api/v1/images/{image}").json()["history"]
    return dict(next(label for label in history if label["resolves"]))


def test_an_image_that_is_left_for_later_stays_in_dispute(
    product: Installation, page: Page
) -> None:
    before = names_of(product.listed(product.streets, state="disputed"))
    page.goto(f"/projects/{product.streets}/quality/review")
    for _ in before:
        expect(page.get_by_role("button", name="Save, next image")).to_be_visible()
        page.keyboard.press(".")
    expect(page.get_by_text(f"{len(before)} images left for later.")).to_be_visible()
    assert names_of(product.listed(product.streets, state="disputed")) == before


def test_agreement_and_the_effect_of_prefilling_are_shown(
    product: Installation, page: Page
) -> None:
    page.goto(f"/projects/{product.streets}/quality")
    agreement = page.get_by_role("region", name="Agreement by category")
    expect(agreement.get_by_role("row", name=re.compile("^Bus"))).to_contain_text("very good")
    expect(agreement.get_by_role("row", name=re.compile("^Car"))).to_contain_text("moderate")
    expect(agreement.get_by_role("row", name=re.compile("^Road"))).to_contain_text(
        "always the same"
    )
    expect(page.get_by_role("img", name=re.compile("^Kappa by category"))).to_be_visible()
    effect = page.get_by_role("region", name="Answers by category, pre-filled and blind")
    figures = product.api.get(f"/api/v1/projects/{product.streets}/prefill-effect").json()
    of = figures["categories"][0]["blind"]
    expect(effect.get_by_role("row", name=re.compile("^Car"))).to_contain_text(f"of {of}")


def test_people_correct_their_own_answer_and_no_other(
    browser: Browser, product: Installation
) -> None:
    project = product.project(3, overlap=2)
    product.label(project, FIRST, first_says, most=2)
    mine, _, other = (image["id"] for image in product.listed(project))
    with entered(browser, product.address, FIRST) as context:
        page = context.new_page()
        page.goto(f"/projects/{project}/images/{mine}")
        page.get_by_role("link", name="Correct").click()
        page.get_by_role("button", name="Tree: Present").click()
        page.get_by_role("button", name="Save", exact=True).click()
        expect(page.get_by_text("Changed: added Tree")).to_be_visible()
        page.goto(f"/projects/{project}/images/{other}/answer")
        expect(page.get_by_role("heading", name="Not found")).to_be_visible()
        page.goto(f"/projects/{project}/quality")
        expect(page.get_by_role("link", name="Label images")).to_be_visible()
        expect(page).to_have_url(re.compile(rf"/projects/{project}$"))
    [newest, *_] = product.api.get(f"/api/v1/images/{mine}").json()["history"]
    assert (newest["revision"], newest["resolves"]) == (2, False)
    assert newest["present"] == ["Road", "Bus", "Tree"]


# --- Everyone


def routes(product: Installation) -> list[str]:
    """Every page of a signed-in admin, with something to show and without."""
    empty = product.project(0, name=f"Every street of the old town, {uuid.uuid4()}")
    full = f"/projects/{product.streets}"
    image = product.listed(product.streets, state="disputed")[0]["id"]
    label = product.api.get(f"/api/v1/images/{image}").json()["history"][0]["id"]
    return [
        "/projects", "/projects/new", "/account", "/users", "/audit", "/datasets", "/guide", "/nowhere",
        *(f"/projects/{empty}{page}" for page in ("", "/images", "/runs", "/accuracy", "/quality")),
        *(f"{full}{page}" for page in (
            "", "/images", "/images?state=disputed", "/images?category=Tree&said=present",
            "/images/import", f"/images/{image}", f"/images/{image}/answer", "/runs", "/accuracy",
            "/quality", "/quality/review", "/rules", "/flags", "/team", "/times", f"/times?label={label}",
            "/settings", "/label",
        )),
    ]  # fmt: skip


def test_axe_finds_nothing_on_any_page_and_all_fit_a_phone(
    product: Installation, page: Page
) -> None:
    found = {}
    settle(page, "/")
    for route in routes(product):
        go_on(page, route)
        for scheme, size in zip(SCHEMES, (DESK, TABLET), strict=True):
            page.emulate_media(color_scheme=scheme)
            resize(page, size)
            if wrong := violations(page):
                found[route, scheme] = wrong
        resize(page, PHONE)
        wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        if wide and not route.endswith("/label"):  # which has windows of its own
            found[route, "phone"] = [f"{wide} px too wide"]
        page.set_viewport_size(DESK)
    assert found == {}


TARGETS = "main :is(button, a, select, summary, input:not([type=checkbox], [type=radio])):visible"


def test_every_target_is_large_enough_for_a_finger(browser: Browser, product: Installation) -> None:
    small = {}
    with entered(browser, product.address, ADMIN, viewport=TABLET, has_touch=True) as context:
        page = context.new_page()
        for route in (
            "images",
            "images?state=disputed",
            "quality",
            "quality/review",
            "team",
            "settings",
        ):
            settle(page, f"/projects/{product.streets}/{route}")
            sizes = page.locator(TARGETS).evaluate_all(
                "all => all.map(one => [one.ariaLabel ?? one.textContent, one.getBoundingClientRect()])"
            )
            assert sizes
            wrong = [name for name, box in sizes if min(box["width"], box["height"]) < 44]
            if wrong:
                small[route] = wrong
    assert small == {}
