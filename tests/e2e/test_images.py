"""Images found by name and by page, and a dataset uploaded, in a real browser."""

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, expect

from tests.e2e.site import ADMIN, add_project, entered, signed_in

pytestmark = pytest.mark.e2e


def png(values: np.ndarray) -> bytes:
    content = io.BytesIO()
    Image.fromarray(values.astype(np.uint8)).save(content, "png")
    return content.getvalue()


def test_images_are_found_by_name_and_by_page(browser: Browser, address: str) -> None:
    with signed_in(address, ADMIN) as api:
        project = add_project(api, [], categories=[{"name": "Road"}])
        shades = np.arange(130)[:, None, None, None] * np.ones((1, 24, 32, 3), np.uint8)
        files = [("files", (f"cam{n % 7}/{n:03}.png", png(shades[n]))) for n in range(130)]
        assert api.post(f"/api/v1/projects/{project}/images", files=files).json()["imported"] == 130
    with entered(browser, address, ADMIN) as context:
        page = context.new_page()
        page.goto(f"/projects/{project}/images")
        tiles = page.get_by_role("main").get_by_role("listitem")
        pages = page.get_by_role("navigation", name="Pages")
        expect(pages.get_by_role("status")).to_have_text("130 images")
        pages.get_by_role("button", name="Last page").click()
        expect(tiles).to_have_count(10)
        expect(pages.get_by_role("textbox", name="Page")).to_have_value("3")
        page.keyboard.press("ArrowLeft")
        expect(tiles.first).to_contain_text("060.png")
        page.reload()
        expect(tiles.first).to_contain_text("060.png")
        pages.get_by_role("textbox", name="Page").fill("1")
        page.keyboard.press("Enter")
        expect(tiles.first).to_contain_text("000.png")
        page.get_by_label("Name contains").fill("cam3/")
        page.keyboard.press("Enter")
        expect(pages.get_by_role("status")).to_have_text("19 images")
        expect(tiles).to_have_count(19)
        page.get_by_label("Name contains").fill("")
        expect(pages.get_by_role("status")).to_have_text("130 images")


def test_an_archive_is_uploaded_and_waits_for_a_worker(
    browser: Browser, address: str, tmp_path: Path
) -> None:
    path = tmp_path / "town.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("images/a.png", png(np.full((24, 32, 3), 90)))
        archive.writestr("masks/a.png", png(np.zeros((24, 32))))
    with entered(browser, address, ADMIN) as context:
        page = context.new_page()
        page.goto("/datasets")
        page.get_by_label("Name of the dataset").fill("town")
        page.get_by_role("button", name="Begin").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("town")
        with page.expect_file_chooser() as chooser:
            page.get_by_role("button", name="Choose a ZIP file").click()
        chooser.value.set_files(path)
        expect(page.get_by_text("an archive, ")).to_be_visible()
        page.get_by_role("button", name="Add a value").click()
        page.get_by_label("Value 1", exact=True).fill("0")
        page.get_by_label("Category of 0").fill("Road")
        page.get_by_role("button", name="Save values").click()
        expect(page.get_by_text("Values saved")).to_be_visible()
        page.get_by_role("button", name="Check and make it a dataset").click()
        # Here is no worker: tests of services show what one does.
        expect(page.get_by_role("progressbar", name="Check")).to_be_visible()
        page.reload()
        expect(page.get_by_role("progressbar", name="Check")).to_be_visible()
