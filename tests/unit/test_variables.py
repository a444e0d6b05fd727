"""Every variable that people set stands in a specification; the collection's own tasks set every other one."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from ansible_collections.whisperops.gpu.plugins.plugin_utils._plan import policy
from ansible_collections.whisperops.gpu.plugins.plugin_utils._variables.check import candidates
from ansible_collections.whisperops.gpu.plugins.plugin_utils._variables.specification import specification

ROOT = Path(__file__).parents[2]
# What of an expression is no name of a variable: texts in quotes, and what follows a dot.
QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"")
EXPRESSION = re.compile(r"\{\{.*?\}\}|\{%.*?%\}", re.DOTALL)
# Words of a task whose values are expressions without braces.
BARE = {"when", "until", "failed_when", "changed_when", "that", "loop", "var"}

# A scenario has them refused.
MISSPELLED = {"whisper_server_listen_adress", "whisper_polcy"}


def files(*patterns):
    return sorted(path for pattern in patterns for path in ROOT.glob(pattern) if path.is_file())


def read(path):
    return path.read_text(encoding="utf-8")


TASKS = files("playbooks/**/*.yml", "roles/*/tasks/**/*.yml", "roles/*/handlers/**/*.yml")


def dictionaries(value):
    """Every dictionary of a document, at any depth."""
    if isinstance(value, list):
        for item in value:
            yield from dictionaries(item)
    elif isinstance(value, dict):
        yield value
        for inner in value.values():
            yield from dictionaries(inner)


def set_by(document):
    """Variables that tasks register, set, loop with, or give to what they include."""
    for part in dictionaries(document):
        yield from (part[word] for word in ("register", "loop_var", "index_var") if isinstance(part.get(word), str))
        for word in ("ansible.builtin.set_fact", "vars"):
            yield from part.get(word) or {}


def names_of(expression, known):
    """Variables of the collection in one expression, without those that begin with an underscore."""
    words = re.findall(r"(?<![\w.])[a-z]\w*(?!\w|\()", QUOTED.sub("", expression))
    return set(candidates(words, known))


def texts(value):
    """(key above it, text) for each text of a document."""
    if isinstance(value, dict):
        for key, inner in value.items():
            for found, text in texts(inner):
                yield (found or key), text
    elif isinstance(value, list):
        for inner in value:
            yield from texts(inner)
    elif isinstance(value, str):
        yield None, value


def used_in(path, known):
    """Variables of the collection that a file of tasks, of variables or a template reads."""
    if path.suffix != ".yml":
        found = EXPRESSION.findall(read(path))
    else:
        pairs = list(texts(yaml.safe_load(read(path))))
        found = [text for word, text in pairs if word in BARE and "{{" not in text]
        found += [expression for _word, text in pairs for expression in EXPRESSION.findall(text)]
    return {name for expression in found for name in names_of(expression, known)}


@pytest.fixture(scope="module")
def known():
    return specification()


def test_the_facts_are_those_that_the_tasks_set(known):
    everything = {name for path in TASKS for name in set_by(yaml.safe_load(read(path)))}
    ours = {name for name in everything if name.startswith(known.prefixes)}
    assert known.facts == ours - set(known.options)


def test_each_variable_that_roles_and_playbooks_read_is_specified(known):
    paths = [*TASKS, *files("roles/*/vars/*.yml", "roles/*/defaults/*.yml", "roles/*/templates/*")]
    used = {path: used_in(path, known) for path in paths}
    assert len(set().union(*used.values())) > 50, "nothing was read"
    unknown = {str(path.relative_to(ROOT)): names - set(known.options) for path, names in used.items()}
    assert {path: names for path, names in unknown.items() if names} == {}


SCENARIOS = files("inventories/**/*.yml", "molecule/**/*.yml")


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: str(path.relative_to(ROOT)))
def test_inventories_and_scenarios_set_only_variables_that_are_known(path, known):
    document = yaml.safe_load(read(path))
    given = {key for part in dictionaries(document) for key in part}
    registered = set(set_by(document)) - given
    groups = {"whisper_gateway"}
    misspelled = MISSPELLED if path == ROOT / "molecule" / "refusals" / "verify.yml" else set()
    assert set(candidates(given, known)) - set(known.options) - registered - groups == misspelled


def test_the_policy_has_the_keys_that_the_plan_reads(known):
    options = known.options["whisper_policy"]["options"]
    assert {key: option.get("default") for key, option in options.items()} == policy.DEFAULTS


# --- the test itself ------------------------------------------------------------------------------------------------


def test_names_are_found_in_expressions(known):
    expression = "{{ whisper_hosts | default('whisper_none') ~ _whisper_own ~ item.whisper_port ~ gpu_metrics_mine }}"
    assert names_of(expression, known) == {"whisper_hosts", "gpu_metrics_mine"}


def test_what_tasks_set_is_found():
    document = [
        {"block": [{"register": "a"}, {"ansible.builtin.set_fact": {"b": 1}}], "vars": {"c": 1}},
        {"loop_control": {"loop_var": "d", "index_var": "e"}},
    ]
    assert set(set_by(document)) == set("abcde")
