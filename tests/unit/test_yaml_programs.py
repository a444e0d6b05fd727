"""Logic is in filters and modules, which have tests; YAML of roles and playbooks only calls them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILES = sorted(path for folder in ("roles", "playbooks") for path in (ROOT / folder).rglob("*.yml"))

# What hands on another program's template is none.
STATEMENT = re.compile(r"\{%-?\s*(?!(?:end)?raw\b)\w+")
BY_NAME = re.compile(r"ansible_failed_task\b")
# A condition on the words of what a module said.
BY_WORDS = re.compile(r"'[^'{}]+' (?:not )?in ansible_failed_result\b|ansible_failed_result\.msg is (?:search|match)")


def faults(text):
    return [
        kind
        for kind, form in (("statement", STATEMENT), ("by name", BY_NAME), ("by words", BY_WORDS))
        if form.search(text)
    ]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_program_is_written_in_yaml(path):
    assert faults(path.read_text(encoding="utf-8")) == []


def test_files_were_read():
    assert len(FILES) > 80


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("{%- set rows = [] -%}", "statement"),
        ("{% for host in hosts %}", "statement"),
        ("{%-if a-%}", "statement"),
        ("{% elif 'base' in ansible_failed_task.name -%}", "by name"),
        ("when: \"'no space left' in ansible_failed_result.msg\"", "by words"),
        ("when: ansible_failed_result.msg is search('validate')", "by words"),
    ],
)
def test_a_program_is_seen(text, kind):
    assert kind in faults(text)


@pytest.mark.parametrize(
    "text",
    [
        'argv: [docker, ps, --format, "{% raw %}{{json .}}{% endraw %}"]',
        'msg: "{{ ansible_failed_result | whisperops.gpu.failure_message }}"',
        "when: ansible_failed_result.reason | default('') == 'disk'",
    ],
)
def test_a_call_is_no_program(text):
    assert faults(text) == []
