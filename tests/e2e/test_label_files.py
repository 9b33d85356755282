"""Labels out of one project and into another, as a person does it in the browser."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.site import ADMIN, entered, signed_in
from tests.server.factories import picture

pytestmark = pytest.mark.e2e


@dataclass(frozen=True)
class Installation:
    """A running server with two projects of the same images; those of the first are labelled."""

    address: str
    labelled: int
    empty: int


@pytest.fixture(scope="module")
def product(address: str) -> Installation:
    with signed_in(address, ADMIN) as api:
        labelled, empty = (make_project(api, name) for name in ("Labelled", "Empty"))
        for image in api.get(f"/api/v1/projects/{labelled}/images").json()["items"]:
            label: dict[str, Any] = {
                "present": ["Road"],
                "absent": ["Tree"],
                "timing": {"wall_ms": 900},
            }
            label["points"] = [{"category": "Road", "x": 12.5, "y": 20.5}]
            api.put(f"/api/v1/images/{image['id']}/label", json=label).raise_for_status()
        return Installation(address, labelled, empty)


def make_project(api: httpx.Client, name: str) -> int:
    categories = [{"name": "Road"}, {"name": "Tree"}]
    project = api.post("/api/v1/projects", json={"name": name, "categories": categories}).json()
    files = [("files", (f"{n}.png", picture(n))) for n in range(3)]
    api.post(f"/api/v1/projects/{project['id']}/images", files=files).raise_for_status()
    return int(project["id"])


@pytest.fixture(params=[(1280, 800), (768, 1024)], ids=["desktop", "tablet"])
def page(request: pytest.FixtureRequest, browser: Browser, product: Installation) -> Iterator[Page]:
    width, height = request.param
    looks = {"viewport": {"width": width, "height": height}}
    with entered(browser, product.address, ADMIN, **looks) as context:
        yield context.new_page()


def export(page: Page, project: int, name: str, to: Path) -> Path:
    page.goto(f"/projects/{project}")
    page.get_by_role("button", name="Export labels").click()
    with page.expect_download() as download:
        page.get_by_role("menuitem", name=name).click()
    assert download.value.suggested_filename.startswith(f"labels-{project}")
    download.value.save_as(to)
    return to


def take_in(page: Page, project: int, name: str, file: Path) -> None:
    page.goto(f"/projects/{project}/images/import")
    page.get_by_label("Format").select_option(name)
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Choose a file of labels").click()
    chooser.value.set_files(file)


def test_labels_go_from_one_project_to_another(
    page: Page, product: Installation, tmp_path: Path
) -> None:
    file = export(page, product.labelled, "COCO keypoints", tmp_path / "coco.json")
    content: dict[str, Any] = json.loads(file.read_text())
    assert len(content["annotations"]) == 3
    content["images"][2]["file_name"] = "lost.png"
    file.write_text(json.dumps(content))

    take_in(page, product.empty, "COCO keypoints", file)

    outcome = page.get_by_role("status").filter(has_text="imported")
    expect(outcome).to_contain_text("labels would be imported")
    expect(outcome).to_contain_text("1 rejected")
    expect(page.get_by_role("table")).to_contain_text("there is no image of this name")
    import_button = page.get_by_role("button", name=re.compile(r"^Import \d+ label"))
    if import_button.is_visible():  # the other size of the page came first
        import_button.click()
        expect(outcome).to_contain_text("labels imported")
    take_in(page, product.empty, "COCO keypoints", file)
    expect(outcome).to_contain_text("0 labels would be imported, 2 known already")
    expect(import_button).to_have_count(0)


def test_a_file_of_another_format_is_refused_with_the_place(
    page: Page, product: Installation, tmp_path: Path
) -> None:
    file = tmp_path / "labels.xml"
    file.write_text("<annotations>\n<image></annotations>")
    take_in(page, product.empty, "CVAT for images 1.1", file)
    expect(page.get_by_role("alert")).to_contain_text(
        re.compile("line 2: not XML: mismatched tag", re.IGNORECASE)
    )


def test_a_folder_of_pictures_is_sent_without_what_is_none(
    page: Page, product: Installation, tmp_path: Path
) -> None:
    width = (page.viewport_size or {"width": 0})["width"]
    folder = tmp_path / f"camera{width}"
    (folder / "@eaDir").mkdir(parents=True)
    names = ("3.05\u202fPM.PNG", "cafe\u0301 \u3000.jfif")
    for shade, name in enumerate(names, width):
        (folder / name).write_bytes(picture(shade))
    for name in ("._1.png", "film.MOV", "notes.txt", "more.txt", "@eaDir/1.jpg"):
        (folder / name).write_bytes(b"not a picture")
    page.goto(f"/projects/{product.empty}/images/import")
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Choose a folder").click()
    chooser.value.set_files(folder)
    outcome = page.get_by_role("status")
    expect(outcome.filter(has_text="2 images imported")).to_be_visible()
    expect(outcome.filter(has_text="Left out: 2 hidden, 2 .txt, 1 .mov.")).to_be_visible()
    with signed_in(product.address, ADMIN) as api:
        items = api.get(f"/api/v1/projects/{product.empty}/images").json()["items"]
    known = {image["external_id"] for image in items}
    assert {f"{folder.name}/{name}" for name in names} <= known

    for file in folder.glob("*.*"):
        if file.suffix != ".txt":
            file.unlink()
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Choose a folder").click()
    chooser.value.set_files(folder)
    nothing = "There are no pictures among these files. Left out: 1 hidden, 2 .txt."
    expect(outcome.filter(has_text=nothing)).to_be_visible()
