"""People come in: by invitation, with a password that is not theirs, and with a second factor."""

import contextlib
from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import pyotp
import pytest
from playwright.sync_api import Browser, Page, ViewportSize, expect

from tests.e2e.site import (
    ADMIN,
    DESK,
    FIRST,
    PASSWORD,
    SCHEMES,
    add_project,
    entered,
    new_context,
    resize,
    settle,
    signed_in,
    violations,
)

PHONE: ViewportSize = {"width": 320, "height": 640}
GOOD = "a heron waits for rain"
OTHER = "two herons wait no more"


@pytest.fixture
def lead(browser: Browser, address: str) -> Iterator[Page]:
    """A page of the admin's."""
    with entered(browser, address, ADMIN) as context:
        yield context.new_page()


@contextlib.contextmanager
def stranger(browser: Browser, address: str) -> Iterator[Page]:
    """A page in a browser in which nobody is signed in."""
    context = new_context(browser, base_url=address, viewport=DESK, reduced_motion="reduce")
    yield context.new_page()
    context.close()


def fill_in(page: Page, email: str, password: str) -> None:
    page.get_by_label("Email").fill(email)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()


def change(page: Page, email: str, entry: str) -> None:
    page.get_by_role("button", name=f"Change {email}").click()
    page.get_by_role("menuitem", name=entry).click()


def require_for_everyone(page: Page) -> None:
    """Axe finds nothing in either scheme, and the page is as wide as a phone."""
    for scheme in SCHEMES:
        page.emulate_media(color_scheme=scheme)
        assert violations(page) == []
    resize(page, PHONE)
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    resize(page, DESK)


def invited(lead: Page, email: str, *, look: bool = False) -> str:
    """Add somebody by invitation; gives the link. `look`: the dialog with the link is for everyone."""
    settle(lead, "/users")
    lead.get_by_role("button", name="Add user").click()
    dialog = lead.get_by_role("dialog")
    dialog.get_by_label("Email").fill(email)
    dialog.get_by_role("button", name="Add and invite").click()
    link = dialog.locator("code").inner_text()
    if look:
        require_for_everyone(lead)
    dialog.get_by_role("button", name="Done").click()
    return link


def test_an_invitation_leads_in(lead: Page, browser: Browser, address: str) -> None:
    link = invited(lead, "invited@example.org", look=True)
    with stranger(browser, address) as page:
        page.goto(link)
        expect(page.get_by_label("Email")).to_have_value("invited@example.org")
        require_for_everyone(page)
        for password, said in (("password1234", "guessed among the first"), (GOOD, None)):
            page.get_by_label("New password", exact=True).fill(password)
            page.get_by_label("New password again").fill(password)
            page.get_by_role("button", name="Set password").click()
            if said:
                expect(page.get_by_role("alert")).to_contain_text(said)
        expect(page.get_by_role("heading", name="Sign in to weakseg")).to_be_visible()
        fill_in(page, "invited@example.org", GOOD)
        expect(page.get_by_role("heading", name="Projects")).to_be_visible()
        page.goto(link)
        expect(page.get_by_role("alert")).to_contain_text("ask for a new one")


def test_a_password_that_an_admin_set_is_changed_first(
    lead: Page, browser: Browser, address: str
) -> None:
    email = "reset@example.org"
    invited(lead, email)
    change(lead, email, "Set password")
    dialog = lead.get_by_role("dialog")
    dialog.get_by_text("You choose one and tell them").click()
    dialog.get_by_label("New password", exact=True).fill(GOOD)
    dialog.get_by_label("New password again").fill(GOOD)
    require_for_everyone(lead)
    dialog.get_by_role("button", name="Set password").click()
    expect(lead.get_by_text(f"{email} has a new password")).to_be_visible()
    with stranger(browser, address) as page:
        page.goto("/account")
        fill_in(page, email, GOOD)
        expect(page.get_by_role("heading", name="Choose your own password")).to_be_visible()
        page.goto("/projects")
        expect(page.get_by_role("heading", name="Choose your own password")).to_be_visible()
        require_for_everyone(page)
        page.get_by_label("Current password").fill(GOOD)
        page.get_by_label("New password", exact=True).fill(OTHER)
        page.get_by_label("New password again").fill(OTHER)
        page.get_by_role("button", name="Change password").click()
        expect(page.get_by_role("heading", name="Projects")).to_be_visible()
        change(lead, email, "Sessions and tokens")
        dialog = lead.get_by_role("dialog")
        expect(dialog.get_by_role("button", name="End the session")).to_have_count(1)
        require_for_everyone(lead)
        dialog.get_by_role("button", name="End all").click()
        expect(dialog).to_contain_text("Signed in nowhere")
        page.reload()
        expect(page.get_by_role("heading", name="Sign in to weakseg")).to_be_visible()


def test_a_second_factor_is_set_up_and_asked_for(
    lead: Page, browser: Browser, address: str
) -> None:
    email = "factor@example.org"
    link = invited(lead, email)
    with stranger(browser, address) as page:
        page.goto(link)
        page.get_by_label("New password", exact=True).fill(GOOD)
        page.get_by_label("New password again").fill(GOOD)
        page.get_by_role("button", name="Set password").click()
        fill_in(page, email, GOOD)
        expect(page.get_by_role("heading", name="Projects")).to_be_visible()
        settle(page, "/account")
        page.get_by_role("button", name="Set up").click()
        uri = page.get_by_role("link", name="QR code").get_attribute("href") or ""
        [secret] = parse_qs(urlsplit(uri).query)["secret"]
        expect(page.get_by_text(secret)).to_be_visible()
        require_for_everyone(page)
        page.get_by_label("Code").fill(pyotp.TOTP(secret).now())
        page.get_by_label("Your password").fill(GOOD)
        page.get_by_role("button", name="Turn on").click()
        codes = page.get_by_role("list", name="Recovery codes").get_by_role("listitem")
        expect(codes).to_have_count(10)
        recovery = codes.first.inner_text()
        require_for_everyone(page)
        page.get_by_role("button", name="I have kept them").click()
        expect(page.get_by_text("10 recovery codes left")).to_be_visible()
        require_for_everyone(page)
    with stranger(browser, address) as page:
        page.goto("/sign-in")
        fill_in(page, email, GOOD)
        expect(page.get_by_role("status")).to_contain_text("authenticator app")
        require_for_everyone(page)
        page.get_by_label("Code").fill("000000")
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("alert")).to_contain_text("code is wrong")
        page.get_by_label("Code").fill(recovery)
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("heading", name="Projects")).to_be_visible()
    lead.reload()
    change(lead, email, "Remove second factor")
    expect(lead.get_by_text(f"{email} has no second factor now")).to_be_visible()
    with stranger(browser, address) as page:
        page.goto("/sign-in")
        fill_in(page, email, GOOD)
        expect(page.get_by_role("heading", name="Projects")).to_be_visible()


def test_the_account_page_lists_sessions_and_changes_the_password(
    lead: Page, browser: Browser, address: str
) -> None:
    settle(lead, "/account")
    expect(lead.get_by_text("This browser")).to_be_visible()
    lead.get_by_label("Current password").fill("wrong")
    lead.get_by_label("New password", exact=True).fill(OTHER)
    lead.get_by_label("New password again").fill(OTHER)
    lead.get_by_role("button", name="Change password").click()
    expect(lead.get_by_role("alert")).to_contain_text("wrong")
    for new, current in ((OTHER, PASSWORD), (PASSWORD, OTHER)):
        lead.get_by_label("Current password").fill(current)
        lead.get_by_label("New password", exact=True).fill(new)
        lead.get_by_label("New password again").fill(new)
        lead.get_by_role("button", name="Change password").click()
        expect(lead.get_by_label("Current password")).to_have_value("")
        expect(lead.get_by_text("This browser")).to_be_visible()


def test_a_lead_takes_people_into_a_project_and_out_again(
    lead: Page, browser: Browser, address: str
) -> None:
    with signed_in(address, ADMIN) as api:
        road = [{"name": "Road"}]
        project = add_project(api, [], categories=road, open_to_everybody=False)
    settle(lead, f"/projects/{project}/team")
    section = lead.get_by_role("region", name="Team")
    lead.get_by_label("Email of an account").fill(FIRST)
    lead.get_by_role("button", name="Add member").click()
    expect(section.get_by_role("row", name=FIRST)).to_contain_text("Annotator")
    require_for_everyone(lead)
    with entered(browser, address, FIRST) as context:
        page = context.new_page()
        settle(page, f"/projects/{project}")
        expect(page.get_by_role("link", name="Settings")).to_have_count(0)
        change(lead, FIRST, "Make viewer")
        expect(section.get_by_role("row", name=FIRST)).to_contain_text("Viewer")
        settle(page, f"/projects/{project}")
        expect(page.get_by_role("navigation").get_by_role("link", name="Label")).to_have_count(0)
        change(lead, FIRST, "Remove")
        lead.get_by_role("button", name="Remove member").click()
        expect(section.get_by_role("row", name=FIRST)).to_have_count(0)
        settle(page, "/projects")
        expect(page.locator(f"a[href='/projects/{project}']")).to_have_count(0)
