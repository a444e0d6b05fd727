"""Debian's Chromium, and the pages that `make report-check` has rendered before."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright

sys.path.insert(0, str(Path(__file__).parent))
from chromium import ARGUMENTS, browser_path  # beside this file

PAGES = Path(__file__).parents[2] / ".cache" / "report"
HOST_COUNTS = (1, 30, 300)


@pytest.fixture(scope="session")
def browser():
    with sync_playwright() as driver:
        started = driver.chromium.launch(executable_path=browser_path(), args=ARGUMENTS)
        yield started
        started.close()


@pytest.fixture(params=HOST_COUNTS, ids=lambda count: f"{count} hosts")
def page_file(request):
    return PAGES / f"hosts-{request.param}" / "fleet.html"


@pytest.fixture
def visit(browser):
    """Opens a page and fails if it complains or asks for anything but itself."""
    contexts, complaints, requests = [], [], []

    def open_page(file, width=360, **options):
        context = browser.new_context(viewport={"width": width, "height": 800}, **options)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: requests.append(request.url))
        page.goto(file.as_uri())
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []
    assert {url.split("#")[0].rsplit("/", 1)[-1] for url in requests} <= {"fleet.html"}
