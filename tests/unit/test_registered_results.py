"""A result whose failed_when decided is not asked whether it failed: once failed_when lets it pass, it says no."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
import yaml

sys.path.insert(0, str(Path(__file__).parent))
from task_files import tasks_below  # beside this file

ROOT = Path(__file__).parents[2]
FILES = sorted(
    path for folder in ("roles", "playbooks") for path in (ROOT / folder).rglob("*.yml") if "meta" not in path.parts
)
OWN_WORDS = {"failed_when", "until", "changed_when"}


def decided(content):
    """The names under which results are registered that failed_when decides about."""
    return {task["register"] for task in tasks_below(content) if {"register", "failed_when"} <= task.keys()}


def asked(content):
    """The names that are asked whether they failed, by others than their own task."""
    for task in tasks_below(content):
        for key, value in task.items():
            texts = [text for text in (value if isinstance(value, list) else [value]) if isinstance(text, str)]
            for name in re.findall(r"(\w+) is (?:not )?(?:failed|failure|success|succeeded)\b", "\n".join(texts)):
                if key not in OWN_WORDS or task.get("register") != name:
                    yield name


def mistaken(contents):
    return set().union(*map(decided, contents)) & {name for content in contents for name in asked(content)}


def test_no_result_is_asked_for_a_failure_that_failed_when_has_taken_away():
    assert mistaken([yaml.safe_load(path.read_text(encoding="utf-8")) for path in FILES]) == set()


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("[{register: a, failed_when: false}, {when: [a is failed]}]", {"a"}),
        ("[{block: [{register: a, failed_when: a is failed and b}]}, {vars: {said: '{{ a is success }}'}}]", {"a"}),
        ("[{register: a, failed_when: a is failed and b}]", set()),
        ("[{register: a, ignore_errors: true}, {when: a is failed}]", set()),
        ("[{register: a, failed_when: false}, {when: a.content is not defined}]", set()),
    ],
)
def test_what_is_found(text, found):
    assert mistaken([yaml.safe_load(text)]) == found
