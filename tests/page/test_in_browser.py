"""The page of the API in Debian's Chromium: the real service and decoder, and a stub of whisper-server that answers as
recorded. The microphone is Chromium's own stand-in, which plays a file."""

from __future__ import annotations

import json
import threading
import wave
from pathlib import Path

import pytest
from api_host import CLIP, StubServer, running_service  # conftest.py says where
from chromium import ARGUMENTS, browser_path
from playwright.sync_api import expect, sync_playwright

SAID = "deploy the server image on host seven"
MICROPHONE = [
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
    f"--use-file-for-fake-audio-capture={CLIP}",
]


@pytest.fixture(scope="session")
def browser():
    with sync_playwright() as driver:
        started = driver.chromium.launch(executable_path=browser_path(), args=[*ARGUMENTS, *MICROPHONE])
        yield started
        started.close()


@pytest.fixture
def visit(browser, service):
    """Opens the page, and fails if it complains or asks for anything but itself and the API."""
    contexts, complaints, requests = [], [], []

    def open_page(**options):
        context = browser.new_context(permissions=["microphone", "clipboard-read", "clipboard-write"], **options)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda message: complaints.append(message.text) if message.type != "error" else None)
        page.on("request", lambda request: requests.append(request.url))
        page.goto(f"http://127.0.0.1:{service.port}/")
        expect(page.locator("#model option")).to_have_text(["base.en", "whisper-1"])
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []
    own = f"http://127.0.0.1:{service.port}/"
    assert [url for url in requests if not url.startswith((own, "data:", f"blob:{own}"))] == []


def saved(page, button):
    with page.expect_download() as download:
        page.click(button)
    return Path(download.value.path()).read_text(encoding="utf-8"), download.value.suggested_filename


def test_what_is_recorded_comes_out_as_text(visit, service):
    page = visit()
    page.click("#record")
    expect(page.locator("#record")).to_have_attribute("aria-pressed", "true")
    page.wait_for_timeout(1500)
    page.click("#record")
    expect(page.locator("#segments span")).to_have_text([SAID], timeout=30_000)
    expect(page.locator("#status")).to_contain_text("Done in")
    # The server got WAV: the browser recorded WebM.
    assert service.server.requests[-1]["file"].startswith(b"RIFF")


def test_a_file_is_taken_with_model_and_language_and_saved_as_text_and_srt(visit, service):
    page = visit()
    page.select_option("#model", "whisper-1")
    page.select_option("#language", "de")
    page.set_input_files("#file", str(CLIP))
    expect(page.locator("#segments span")).to_have_text([SAID], timeout=30_000)
    assert service.server.requests[-1]["language"] == b"de"
    assert saved(page, "#text") == (f"{SAID}\n", "transcript.txt")
    srt, name = saved(page, "#srt")
    number, times, text, *_rest = srt.split("\n")
    assert (name, number, text) == ("transcript.srt", "1", SAID)
    assert times.startswith("00:00:00,000 --> 00:00:")
    page.click("#copy")
    assert page.evaluate("navigator.clipboard.readText()") == f"{SAID}\n"


def test_a_file_can_be_dropped(visit):
    page = visit()
    speech = list(CLIP.read_bytes())
    page.evaluate(
        """speech => {
            const data = new DataTransfer();
            data.items.add(new File([new Uint8Array(speech)], "speech.wav"));
            document.getElementById("input").dispatchEvent(new DragEvent("drop", {dataTransfer: data, bubbles: true}));
        }""",
        speech,
    )
    expect(page.locator("#segments span")).to_have_text([SAID], timeout=30_000)


def long_speech(path):
    """Three times the clip, which the service below has in three parts."""
    with wave.open(str(CLIP)) as clip, wave.open(str(path), "wb") as target:
        target.setparams(clip.getparams())
        target.writeframes(3 * clip.readframes(clip.getnframes()))
    return str(path)


@pytest.fixture
def split(tmp_path):
    stub = StubServer()
    with running_service(tmp_path, [stub], split_seconds=3) as running:
        yield running
    stub.close()


def test_the_text_grows_with_each_part_of_long_audio(browser, split, tmp_path):
    reply, third = split.server.reply, threading.Event()
    split.server.reply = lambda _request: (len(split.server.requests) < 3 or third.wait(20), reply)[1]
    page = browser.new_page()
    page.goto(f"http://127.0.0.1:{split.port}/")
    page.set_input_files("#file", long_speech(tmp_path / "long.wav"))
    expect(page.locator("#segments span")).to_have_text([SAID, SAID], timeout=30_000)
    expect(page.locator("#status")).to_contain_text("Waiting for the transcript")
    third.set()
    expect(page.locator("#status")).to_contain_text("Done in")
    expect(page.locator("#segments span")).to_have_text([SAID, SAID, SAID])
    expect(page.locator("#segments time")).to_have_text(["00:00", "00:02", "00:05"])
    page.close()


def test_a_failure_after_the_first_part_is_told_below_what_there_is(browser, split, tmp_path):
    reply = split.server.reply
    split.server.reply = lambda _request: reply if len(split.server.requests) < 3 else (500, b"stoi")
    page = browser.new_page()
    page.goto(f"http://127.0.0.1:{split.port}/")
    page.set_input_files("#file", long_speech(tmp_path / "long.wav"))
    expect(page.get_by_role("alert")).to_contain_text("could not transcribe it", timeout=30_000)
    expect(page.locator("#segments span")).to_have_text([SAID, SAID])
    page.close()


def test_a_failure_is_told_in_the_words_of_the_api(visit, tmp_path):
    page = visit()
    (tmp_path / "text.wav").write_text("no sound", encoding="utf-8")
    page.set_input_files("#file", str(tmp_path / "text.wav"))
    expect(page.get_by_role("alert")).to_contain_text("by its first bytes", timeout=30_000)
    expect(page.locator("#result")).to_be_hidden()


def test_a_transcript_with_markup_is_text(visit, service):
    status, body = service.server.reply
    answer = json.loads(body)
    hostile = "<img src=x onerror=alert(1)>"
    answer["segments"] = [{**answer["segments"][0], "text": f" {hostile}", "words": []}]
    service.server.reply = (status, json.dumps(answer).encode())
    page = visit()
    page.set_input_files("#file", str(CLIP))
    expect(page.locator("#segments span")).to_have_text([hostile], timeout=30_000)
    assert page.locator("#segments img").count() == 0


def test_the_key_is_kept_for_the_tab_and_sent(visit, service):
    page = visit()
    with page.expect_request("**/v1/models") as asked:
        page.fill("#key", "a key")
        page.press("#key", "Tab")
    assert asked.value.headers["authorization"] == "Bearer a key"
    with page.expect_request("**/v1/models") as asked:
        page.reload()
    assert asked.value.headers["authorization"] == "Bearer a key"


def test_everything_is_reached_by_the_keyboard(visit):
    page = visit()
    reached = []
    for _step in range(5):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.id"))
    assert reached == ["key", "model", "language", "record", "file"]
    page.focus("#record")
    page.keyboard.press("Enter")
    expect(page.locator("#record")).to_have_text("Stop")


@pytest.mark.parametrize("width", [320, 360, 1280])
def test_it_fits_a_phone(visit, width):
    page = visit(viewport={"width": width, "height": 640})
    page.set_input_files("#file", str(CLIP))
    expect(page.locator("#segments span")).to_have_text([SAID], timeout=30_000)
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_without_the_setting_there_is_no_page(tmp_path):
    stub = StubServer()
    with running_service(tmp_path, [stub], page=False) as service:
        assert service.get("/")[0] == 404
    stub.close()
