"""A machine and a line as slow as one likes, to find tests of the browser that depend on either.

`WEAKSEG_TEST_CPU=6` makes every page's own work take six times as long, and `WEAKSEG_TEST_DELAY=500`
keeps each request of the browser for up to 500 ms, at random.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import BrowserContext, Page

from tests.services.latency import delaying_proxy

CPU = float(os.environ.get("WEAKSEG_TEST_CPU", "1"))
DELAY_MS = float(os.environ.get("WEAKSEG_TEST_DELAY", "0"))


def slow_down(context: BrowserContext) -> None:
    """Pages that the context opens from now on work more slowly, where that is asked for."""

    def throttle(page: Page) -> None:
        session = context.new_cdp_session(page)
        session.send("Emulation.setCPUThrottlingRate", {"rate": CPU})

    if CPU > 1:
        context.on("page", throttle)


@contextmanager
def slow_line() -> Iterator[list[str]]:
    """Chromium's arguments for a line that takes its time; none where that is not asked for."""
    if not DELAY_MS:
        yield []
        return
    with delaying_proxy(DELAY_MS / 1000) as address:
        yield [f"--proxy-server={address}", "--proxy-bypass-list=<-loopback>"]
