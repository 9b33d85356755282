"""The product as a person meets it: a real browser, real processes, rendered street scenes."""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect
from safetensors.numpy import load_file

from tests.domains import Domains, make_project, street_scenes, upload
from tests.e2e.site import (
    ADMIN,
    PASSWORD,
    go_on,
    installed,
    new_context,
    settle,
    signed_in,
    violations_of_both,
    wait_until_seen,
)
from tests.product import running_product, weakseg
from tests.server.factories import eventually

pytestmark = pytest.mark.e2e

RUN_SECONDS = 240


@dataclass(frozen=True)
class Installation:
    """A running product with one project of rendered scenes."""

    address: str
    api: httpx.Client
    project: int
    domains: Domains


@pytest.fixture(scope="module")
def product(
    tmp_path_factory: pytest.TempPathFactory, forked_product: dict[str, str]
) -> Iterator[Installation]:
    folder = tmp_path_factory.mktemp("product")
    domains = street_scenes(tmp_path_factory, 12)
    environment = installed(folder) | forked_product | {"WEAKSEG_SWEEP_SECONDS": "1"}
    for card, name in ((domains.source, "source"), (domains.validation, "val")):
        weakseg("datasets", "add", str(card), "--name", name, environment=environment)
    with (
        running_product(environment, folder / "logs") as address,
        signed_in(address, ADMIN) as api,
    ):
        project = make_project(api, domains)
        upload(api, project, domains.images)
        yield Installation(address, api, project, domains)


@pytest.fixture
def page(browser: Browser, product: Installation) -> Iterator[Page]:
    """A signed-out page that fails the test when a script of ours throws."""
    context = new_context(
        browser,
        base_url=product.address,
        viewport={"width": 1440, "height": 900},
        accept_downloads=True,
    )
    opened = context.new_page()
    errors: list[str] = []
    opened.on("pageerror", lambda error: errors.append(str(error)))
    yield opened
    context.close()
    assert errors == []


def sign_in(page: Page) -> None:
    page.goto("/")
    page.get_by_label("Email").fill(ADMIN)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Projects")).to_be_visible()


def test_from_sign_in_to_checkpoint(page: Page, product: Installation, tmp_path: Path) -> None:
    """Sign in, label five images by keyboard and mouse, train, see the overlay, take the weights."""
    sign_in(page)
    page.get_by_role("link", name="Streets").first.click()
    page.get_by_role("link", name=re.compile("^Label images")).click()
    clicked = [label_one(page, product) for _ in range(5)]
    expect(page.get_by_role("status").filter(has_text="Saved")).to_be_visible()
    check_labels(product, clicked)
    page.get_by_role("link", name=re.compile("^Leave labelling")).click()

    start_run(page)
    expect(page.get_by_text("Succeeded").first).to_be_visible(timeout=RUN_SECONDS * 1000)
    download_checkpoint(page, product, tmp_path)
    see_overlay(page, product)
    page.goto(f"/projects/{product.project}/accuracy")
    expect(page.get_by_role("table")).to_contain_text("Point")
    check_for_everyone(page, product)


def check_for_everyone(page: Page, product: Installation) -> None:
    """Axe finds nothing on the pages that a finished run fills."""
    run = product.api.get(f"/api/v1/projects/{product.project}/runs").json()[0]["id"]
    project = f"/projects/{product.project}"
    for route in ("", "/accuracy", "/runs", f"/runs/{run}", "/images", "/label"):
        go_on(page, f"{project}{route}")
        expect(page.locator("h1").first).to_be_visible()
        assert violations_of_both(page) == {}, route


def label_one(page: Page, product: Installation) -> dict[str, tuple[float, float]]:
    """Tick what the mask says is there, click on each, submit; returns the clicks by category."""
    title = page.get_by_text(re.compile(r"^scene-\d+\.jpg$"))
    wait_until_seen(page)
    name = title.inner_text()
    stem = Path(name).stem
    mask = np.asarray(Image.open(product.domains.masks / f"{stem}.png"))
    keys = {c["name"]: c["key"] for c in project_of(product)["categories"]}
    clicks: dict[str, tuple[float, float]] = {}
    for number, category in product.domains.ids.items():
        if (where := np.argwhere(mask == number)).size == 0:
            continue
        page.keyboard.press(keys[category])
        y, x = where[len(where) // 2]
        clicks[category] = (float(x) + 0.5, float(y) + 0.5)
        click_on_image(page, *clicks[category], width=mask.shape[1], height=mask.shape[0])
    page.keyboard.press("Enter")
    expect(title).not_to_have_text(name)
    return clicks


def click_on_image(page: Page, x: float, y: float, *, width: int, height: int) -> None:
    """Click where a pixel of the original is, while the whole image is fitted into the stage."""
    box = page.get_by_role("application").bounding_box()
    assert box is not None
    scale = min(box["width"] / width, box["height"] / height)
    left = box["x"] + (box["width"] - width * scale) / 2
    top = box["y"] + (box["height"] - height * scale) / 2
    page.mouse.click(left + x * scale, top + y * scale)


def project_of(product: Installation) -> dict[str, Any]:
    return dict(product.api.get(f"/api/v1/projects/{product.project}").json())


def check_labels(product: Installation, clicked: list[dict[str, tuple[float, float]]]) -> None:
    """What the server has is what was done, to the pixel."""
    url = f"/api/v1/projects/{product.project}/labels/mine"
    stored = product.api.get(url).json()["items"]
    assert len(stored) == 5
    for label, clicks in zip(reversed(stored), clicked, strict=True):
        assert set(label["present"]) == set(clicks)
        assert set(label["absent"]) == set(product.domains.ids.values()) - set(clicks)
        found = {point["category"]: (point["x"], point["y"]) for point in label["points"]}
        assert found.keys() == clicks.keys()
        for category, place in clicks.items():
            assert found[category] == pytest.approx(place, abs=1.0), category
        assert 0 < label["active_ms"] <= label["wall_ms"]


def start_run(page: Page) -> None:
    page.get_by_role("link", name="Runs", exact=True).click()
    page.get_by_role("button", name="Start run").first.click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Recipe").select_option("tiny")
    dialog.get_by_role("button", name="Start run").click()
    expect(page.get_by_role("heading", name=re.compile(r"^Run \d+"))).to_be_visible()


def download_checkpoint(page: Page, product: Installation, folder: Path) -> None:
    with page.expect_download() as started:
        page.get_by_role("link", name=re.compile("^Download")).first.click()
    path = folder / started.value.suggested_filename
    started.value.save_as(path)
    [run] = product.api.get(f"/api/v1/projects/{product.project}/runs").json()
    checkpoints = product.api.get(f"/api/v1/runs/{run['id']}/checkpoints").json()
    known = {checkpoint["filename"]: checkpoint["sha256"] for checkpoint in checkpoints}
    assert hashlib.sha256(path.read_bytes()).hexdigest() == known[path.name]
    assert load_file(path)


def see_overlay(page: Page, product: Installation) -> None:
    """The model's mask lies over the next image, and goes while the key is held."""
    settle(page, f"/projects/{product.project}/label")
    expect(page.get_by_label(re.compile("opacity|strength", re.IGNORECASE))).to_be_visible()
    stage = page.get_by_role("application")
    with_overlay = stage.screenshot()
    page.keyboard.down(",")
    eventually(lambda: stage.screenshot() != with_overlay)
    page.keyboard.up(",")
