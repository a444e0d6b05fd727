"""Each problem has a builder of its name, a remedy, and a section in the troubleshooting guide."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest
from ansible_collections.whisperops.gpu.plugins.module_utils._gpu import problems

GUIDE = Path(__file__).parents[5] / "docs" / "troubleshooting.md"
SECTION = re.compile(r"^## (\w+)\n(.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)
EXAMPLES = {
    "str": "EXAMPLE",
    "str | None": "EXAMPLE",
    "Sequence[str]": ["EXAMPLE"],
    "int | None": 2,
}


def build(code):
    builder = getattr(problems, code)
    return builder(*[EXAMPLES[parameter.annotation] for parameter in inspect.signature(builder).parameters.values()])


def sections():
    return dict(SECTION.findall(GUIDE.read_text(encoding="utf-8")))


def test_the_guide_has_a_section_for_each_code():
    # tests/unit/test_collection.py has the other direction, over the codes of the whole collection.
    assert set(problems.CODES) <= set(sections())


def test_no_builder_is_left_out_of_the_codes():
    builders = {
        name
        for name, function in inspect.getmembers(problems, inspect.isfunction)
        if function.__module__ == problems.__name__ and not name.startswith("_")
    }
    assert builders == set(problems.CODES)


@pytest.mark.parametrize("code", problems.CODES)
def test_each_section_goes_from_symptom_to_check_to_cure(code):
    text = sections()[code]
    parts = [text.index(part) for part in ("**Symptom.**", "**Check.**", "**Fix.**")]
    assert parts == sorted(parts)
    assert "`" in text[parts[1] : parts[2]], "the check names no command"


@pytest.mark.parametrize("code", problems.CODES)
def test_each_problem_says_what_was_seen_and_where_to_read_on(code):
    problem = build(code)
    assert problem.code == code
    assert problem.remedy.endswith(f" See docs/troubleshooting.md#{code}")
    has_parameters = inspect.signature(getattr(problems, code)).parameters
    shown = "EXAMPLE" in problem.message
    assert shown == bool(has_parameters)


def test_the_guide_has_the_versions_that_the_code_has():
    assert problems.OLDEST_USABLE_DRIVER in sections()["driver_too_old"]
    assert problems.TOOLKIT_SECURITY_FLOOR in sections()["toolkit_vulnerable"]
