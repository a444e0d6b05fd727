"""What the page is made of, before any browser forgives it."""

from __future__ import annotations

import re
from functools import cache
from xml.etree.ElementTree import Element

import html5lib
import pytest

XHTML = "{http://www.w3.org/1999/xhtml}"


@cache
def parsed(file):
    # Strict: the first error of the syntax raises.
    return html5lib.HTMLParser(strict=True).parse(file.read_text(encoding="utf-8"))


@pytest.fixture
def document(page_file):
    return parsed(page_file)


def elements(document, *names):
    return [e for e in document.iter() if isinstance(e.tag, str) and e.tag.removeprefix(XHTML) in names]


def text(element: Element) -> str:
    return " ".join("".join(element.itertext()).split())


def test_it_is_well_formed_and_each_link_leads_somewhere(document):
    names = [element.get("id") for element in document.iter() if element.get("id")]
    assert len(names) == len(set(names))
    targets = {element.get("href") for element in elements(document, "a")}
    assert targets
    assert {target for target in targets if not target.startswith("#") or target[1:] not in names} == set()
    labelled = {name for element in document.iter() for name in (element.get("aria-labelledby") or "").split()}
    assert labelled <= set(names)


def test_headings_come_in_order(document):
    levels = [int(heading.tag[-1]) for heading in elements(document, *(f"h{level}" for level in range(1, 7)))]
    assert levels.count(1) == 1
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in zip(levels, levels[1:]))
    assert all(text(heading) for heading in elements(document, "h1", "h2", "h3", "h4"))


def test_each_control_has_a_label_and_each_drawing_a_caption(document):
    labels = {label.get("for") for label in elements(document, "label")}
    assert {control.get("id") for control in elements(document, "input", "select")} == labels
    for figure in elements(document, "figure"):
        assert figure.get("aria-label") or figure.get("aria-labelledby")
    assert all(text(summary) for summary in elements(document, "summary"))


def test_it_asks_for_nothing(page_file, document):
    html = page_file.read_text(encoding="utf-8")
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', html).group(1)
    assert policy.startswith("default-src 'none'; ")
    assert "script-src 'sha256-" in policy
    assert not any(element.get("src") for element in document.iter())
    assert not elements(document, "link", "base", "iframe", "object", "embed", "img")
    assert not [n for e in document.iter() for n in e.attrib if n.lower().startswith("on")]


def test_it_says_that_its_hosts_are_made_up(document):
    assert "MADE-UP HOSTS" in text(elements(document, "title")[0])
    assert "MADE-UP HOSTS" in text(elements(document, "header")[0])
