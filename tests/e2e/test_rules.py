"""Rules and flags in a real browser: from what a lead publishes to the answer that is read."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, Dialog, Page, Route, expect

from tests.e2e.site import ADMIN, FIRST, add_project, entered, sign_in, signed_in, wait_until_seen
from tests.server.factories import eventually

pytestmark = pytest.mark.e2e

CATEGORIES = ({"name": "Car", "key": "c"}, {"name": "Road", "key": "r"})


@pytest.fixture
def api(address: str) -> Iterator[httpx.Client]:
    with signed_in(address, ADMIN) as lead:
        yield lead


@pytest.fixture
def context(browser: Browser, address: str) -> Iterator[BrowserContext]:
    with entered(browser, address, FIRST) as opened:
        yield opened


def publish(api: httpx.Client, project: int, text: str, based_on: int) -> None:
    section = {"category": "Car", "text": text}
    body = {"based_on": based_on, "sections": [section]}
    assert api.post(f"/api/v1/projects/{project}/rules", json=body).is_success


def open_page(context: BrowserContext, project: int) -> Page:
    page = context.new_page()
    page.goto(f"/projects/{project}/label")
    wait_until_seen(page)
    return page


def test_rules_are_shown_once_and_a_flag_is_answered(
    context: BrowserContext, api: httpx.Client, scenes: list[Path]
) -> None:
    project = add_project(api, scenes[:2], categories=CATEGORIES, mode="tags")
    publish(api, project, "Vans are <b>cars</b>, **trailers** too", 0)
    page = open_page(context, project)
    rules = page.get_by_role("dialog", name="Rules of")
    expect(rules).to_contain_text("Vans are <b>cars</b>, trailers too")
    page.keyboard.press("Enter")  # meant for the image: it neither closes nor saves
    rules.get_by_role("button", name="Understood").click()
    expect(rules).to_have_count(0)
    url = f"/api/v1/projects/{project}/rules/readers"
    eventually(lambda: FIRST in {one["email"] for one in api.get(url).json()})
    page.keyboard.press("_")
    expect(rules).to_be_visible()
    rules.get_by_role("button", name="Close").last.click()
    expect(rules).to_have_count(0)

    context.set_offline(True)
    page.keyboard.press(":")
    flag = page.get_by_role("dialog", name="Flag this image")
    flag.get_by_label("Your word").fill("Is a caravan a car?")
    flag.get_by_role("button", name="Flag", exact=True).click()
    expect(page.get_by_text("is kept on this device until")).to_be_visible()
    context.set_offline(False)
    flags = f"/api/v1/projects/{project}/flags"
    eventually(lambda: len(api.get(flags).json()["items"]) == 1)
    (raised,) = api.get(flags).json()["items"]
    assert raised["text"] == "Is a caravan a car?"
    assert api.put(f"{flags}/{raised['id']}/answer", json={"answer": "No"}).is_success
    publish(api, project, "Vans alone", 1)

    page.reload()
    wait_until_seen(page)
    expect(rules).to_contain_text("Vans alone")
    rules.get_by_role("button", name="Understood").click()
    expect(rules).to_have_count(0)
    expect(page.get_by_text("Answer: No")).to_be_visible()
    page.get_by_role("button", name="Understood").click()
    expect(page.get_by_text("Answer: No")).to_have_count(0)
    unread = {"state": "unread"}
    with signed_in(str(api.base_url), FIRST) as own:
        eventually(lambda: own.get(flags, params=unread).json()["items"] == [])


def test_a_draft_is_lost_neither_to_others_nor_by_leaving(
    browser: Browser, address: str, api: httpx.Client
) -> None:
    project = add_project(api, [], categories=CATEGORIES)
    with entered(browser, address, ADMIN) as context:
        page = context.new_page()
        asked: list[str] = []
        answers: list[bool] = []

        def decide(dialog: Dialog) -> None:
            asked.append(dialog.message)
            if answers.pop():
                dialog.accept()
            else:
                dialog.dismiss()

        page.on("dialog", decide)
        page.goto(f"/projects/{project}/settings")
        text = page.get_by_label("Of the whole project")
        text.fill("Kerbs are road")
        publish(api, project, "Vans are cars", 0)
        page.get_by_role("button", name="Publish version 1").click()
        page.get_by_role("button", name="Go on with mine").click()
        expect(text).to_have_value("Kerbs are road")
        page.get_by_role("button", name="Publish version 2").click()
        expect(page.get_by_text("Version 2 is what counts")).to_be_visible()
        current = api.get(f"/api/v1/projects/{project}/rules").json()
        assert [each["text"] for each in current["sections"]] == ["Kerbs are road"]

        page.get_by_label("Description").fill("A town")
        text.fill("Kerbs are pavement")
        answers[:] = [True, False]
        overview = page.get_by_role("link", name="Overview", exact=True)
        overview.click()
        expect(text).to_have_value("Kerbs are pavement")
        overview.click()
        expect(text).to_have_count(0)
        assert len(asked) == 2, "once for both"
        assert "settings" in asked[0]
        assert "rules" in asked[0]
        page.get_by_role("link", name="Settings").click()
        expect(text).to_have_value("Kerbs are road")
        overview.click()
        expect(text).to_have_count(0)
        assert len(asked) == 2, "nothing was written"

        page.get_by_role("link", name="Settings").click()
        text.fill("Kerbs are gone")
        context.clear_cookies()
        page.get_by_role("button", name="Publish version 3").click()
        expect(page.get_by_text("What you wrote is still here")).to_be_visible()
        sign_in(context, ADMIN)
        page.get_by_role("button", name="Publish version 3").click()
        expect(page.get_by_text("Version 3 is what counts")).to_be_visible()
        expect(page.get_by_text("What you wrote is still here")).to_have_count(0)

        held: list[Route] = []
        page.route(
            "**/rules",
            lambda route: (
                held.append(route) if route.request.method == "POST" else route.continue_()
            ),
        )
        text.fill("Kerbs are back")
        with page.expect_request(lambda request: request.method == "POST"):
            page.get_by_role("button", name="Publish version 4").click()
        text.fill("Kerbs are back, and drains")
        held.pop().continue_()
        expect(page.get_by_text("Version 4 is what counts")).to_be_visible()
        expect(text).to_have_value("Kerbs are back, and drains")
        expect(page.get_by_role("button", name="Publish version 5")).to_be_enabled()
