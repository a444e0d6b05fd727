"""Debian's Chromium, and the pages that `make report-check` has rendered before."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright

PAGES = Path(__file__).parents[2] / ".cache" / "report"
HOST_COUNTS = (1, 30, 300)


def browser_path():
    """Where Chromium is; installed if this may be done, else the test is skipped and says why."""
    found = shutil.which("chromium")
    if found:
        return found
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        pytest.skip("there is no chromium, and only root on Debian can install it here: apt-get install chromium")
    for command in (["update"], ["install", "--yes", "--no-install-recommends", "chromium"]):
        done = subprocess.run(["apt-get", "--quiet", "--quiet", *command], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            pytest.skip(f"apt-get {' '.join(command)} did not bring chromium: {done.stderr.strip()[-300:]}")
    return shutil.which("chromium")


@pytest.fixture(scope="session")
def browser():
    path = browser_path()
    with sync_playwright() as driver:
        # Root has no sandbox of Chromium's. The page is our own, and asks for nothing.
        started = driver.chromium.launch(executable_path=path, args=["--no-sandbox"] if os.geteuid() == 0 else [])
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
