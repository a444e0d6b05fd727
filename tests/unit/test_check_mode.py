"""No task exists only to imitate another one in check mode: what a run would change, its list of changes says."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import yaml

sys.path.insert(0, str(Path(__file__).parent))
from task_files import tasks_below  # beside this file

ROOT = Path(__file__).parents[2]
FILES = sorted(path for folder in ("roles", "playbooks") for path in (ROOT / folder).rglob("*.yml"))
# Tasks that change nothing, and so have no change of their own to report.
IDLE = ("ansible.builtin.debug", "ansible.builtin.set_fact", "ansible.builtin.meta", "ansible.builtin.assert")


def imitations(content):
    """Names of tasks that report a change without making one; the list of changes is reported once, in check mode."""
    for task in tasks_below(content):
        idle = [module for module in IDLE if module in task]
        lists = any("whisperops.gpu.change_lines" in str(task[module]) for module in idle)
        reports = task.get("changed_when", False) is not False
        if idle and reports and not (lists and "ansible_check_mode" in str(task["changed_when"])):
            yield task["name"]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_task_imitates_another(path):
    assert list(imitations(yaml.safe_load(path.read_text(encoding="utf-8")))) == []


LIST = "{name: a, ansible.builtin.debug: {msg: '{{ b | whisperops.gpu.change_lines }}'}, changed_when: %s}"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("[{name: a, ansible.builtin.debug: {msg: b}, changed_when: true}]", ["a"]),
        ("[{block: [{name: a, ansible.builtin.set_fact: {b: c}, changed_when: d}]}]", ["a"]),
        ("[{name: a, ansible.builtin.debug: {msg: b}, changed_when: false}]", []),
        ("[{name: a, ansible.builtin.copy: {content: b}, changed_when: true}]", []),
        (f"[{LIST % 'ansible_check_mode'}]", []),
        (f"[{LIST % 'true'}]", ["a"]),
    ],
)
def test_what_is_an_imitation(text, found):
    assert list(imitations(yaml.safe_load(text))) == found
