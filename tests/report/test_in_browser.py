"""The report as people get it: in a browser, on a phone, by keyboard, on paper."""

from __future__ import annotations

import io
import json
import time
from pathlib import Path

import pytest
from pypdf import PdfReader

PAGES = Path(__file__).parents[2] / ".cache" / "report"
OPEN_ALL = "document.querySelectorAll('details').forEach(details => { details.open = true; })"
# Everything of the page that reaches beyond it to the side, but for what is put there to be heard, not seen.
TOO_WIDE = """() => [...document.querySelectorAll("body *")]
  .filter(element => { const box = element.getBoundingClientRect();
    return box.width && box.left > -900 && (box.right > innerWidth + 1 || box.left < -1) && !element.closest("svg"); })
  .slice(0, 5).map(element => element.outerHTML.slice(0, 200))"""
# The contrast of each text with what lies below it (WCAG 2.2, 1.4.3), the least first.
CONTRASTS = """() => {
  const channels = colour => colour.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map(value => value / 255)
    .map(value => value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4)
    .reduce((sum, value, place) => sum + value * [0.2126, 0.7152, 0.0722][place], 0);
  const below = element => {
    for (; element; element = element.parentElement) {
      const colour = channels(getComputedStyle(element).backgroundColor);
      if (colour.length === 3 || colour[3] === 1) return colour;
    }
    return null;
  };
  const found = new Map();
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || ["SCRIPT", "STYLE"].includes(element.tagName)) continue;
    const style = getComputedStyle(element);
    const ink = channels(element.closest("svg") ? style.fill : style.color), paper = below(element);
    const [high, low] = [light(ink), light(paper)].sort((one, other) => other - one);
    found.set(`${ink} on ${paper}`, [(high + 0.05) / (low + 0.05), element.outerHTML.slice(0, 120)]);
  }
  return [...found.values()].sort((one, other) => one[0] - other[0]);
}"""


def hosts_of(file):
    return json.loads((file.parent / "fleet.json").read_text(encoding="utf-8"))["hosts"]


def test_nothing_reaches_beyond_a_phone(page_file, visit):
    page = visit(page_file, width=360)
    page.evaluate(OPEN_ALL)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    assert page.evaluate(TOO_WIDE) == []


def test_it_is_small_for_its_hosts(page_file, visit, capsys):
    begun = time.perf_counter()
    page = visit(page_file, width=1200)
    page.wait_for_function("document.querySelector('#count').textContent")
    seconds = time.perf_counter() - begun
    count, size = len(hosts_of(page_file)), page_file.stat().st_size / 1024
    with capsys.disabled():
        print(f"\n{count} hosts: {size:.0f} KiB, loaded in {seconds:.2f} s", end="")
    assert page.locator("details.host").count() == count
    assert size < 8 * (count + 30)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_each_text_stands_out(visit, scheme):
    page = visit(PAGES / "hosts-30" / "fleet.html", color_scheme=scheme)
    page.evaluate(OPEN_ALL)
    contrasts = page.evaluate(CONTRASTS)
    assert len(contrasts) > 8, "nothing was measured"
    assert [found for found in contrasts if found[0] < 4.5] == []


def test_hostile_texts_are_texts(visit):
    file = PAGES / "hosts-300" / "fleet.html"
    page = visit(file)
    page.evaluate(OPEN_ALL)
    assert page.title() == "MADE-UP HOSTS: Speech-to-text fleet, 300 hosts"
    assert page.locator("h1").all_text_contents() == ["Speech-to-text fleet"]
    assert page.locator("script, img, iframe, object, link").count() == 1, "the page's own script and nothing else"
    shown = set(page.locator("details.host h3").all_text_contents())
    for text in ("<script>document.title='owned'</script>", "{{ 7 * 7 }} {% raw %}", "⟨U+202E⟩gnp.exe", "⟨U+D800⟩"):
        assert any(text in name for name in shown), text


def test_a_link_to_a_host_opens_it(visit):
    page = visit(PAGES / "hosts-30" / "fleet.html")
    link = page.locator(".problem a").first
    target = link.get_attribute("href").removeprefix("#")
    link.click()
    assert page.evaluate("name => document.getElementById(name).open", target)


def test_the_list_narrows(visit):
    page = visit(PAGES / "hosts-30" / "fleet.html")
    page.get_by_label("Name, GPU or driver").fill("v100")
    left = page.locator("details.host:visible summary").all_text_contents()
    assert 0 < len(left) < 30
    assert all("V100" in text for text in left)
    assert page.locator("#count").text_content() == f"{len(left)} of 30 hosts"
    page.get_by_label("State", exact=True).select_option("failed")
    assert page.locator("details.host:visible").count() == 0


def test_the_keyboard_reaches_everything_in_order(visit):
    page = visit(PAGES / "hosts-1" / "fleet.html")
    focusable = "a[href], summary, input, select"
    expected = page.locator(focusable).evaluate_all("all => all.filter(e => e.checkVisibility()).map(e => e.outerHTML)")
    reached = []
    for _place in expected:
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.outerHTML"))
        assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"
    assert reached == expected
    page.locator("details.host summary").focus()
    page.keyboard.press("Enter")
    assert page.evaluate("document.querySelector('details.host').open")


@pytest.mark.parametrize("script", [True, False], ids=["with its script", "without"])
def test_on_paper_all_is_open(visit, script):
    page = visit(PAGES / "hosts-30" / "fleet.html", width=1200, java_script_enabled=script)
    printed = PdfReader(io.BytesIO(page.pdf(format="A4")))
    text = " ".join(" ".join(sheet.extract_text() for sheet in printed.pages).split())
    assert text.count("Compute capability") > 20, "the hosts' insides were not printed"
    assert "Name, GPU or driver" not in text


def test_without_its_script_the_page_is_whole(visit):
    page = visit(PAGES / "hosts-30" / "fleet.html", java_script_enabled=False)
    assert page.locator("details.host").count() == 30
    assert not page.locator("#filter").is_visible()
    page.locator("details.host summary").first.click()
    assert page.locator("details.host .inside").first.is_visible()
