"""What the collection says of itself in one place holds in the others."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
import yaml
from ansible_collections.whisperops.gpu.plugins.module_utils._gpu import problems

ROOT = Path(__file__).parents[2]
GUIDE = ROOT / "docs" / "troubleshooting.md"

# https://semver.org, "Is there a suggested regular expression"
NUMBER = r"(?:0|[1-9]\d*)"
SEMANTIC_VERSION = re.compile(rf"{NUMBER}\.{NUMBER}\.{NUMBER}(?:-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?")

CODE = r"[a-z]+(?:_[a-z]+)+"
MENTION = re.compile(r"\bwhisperops\.gpu\.([a-z_]+)")


def files(*patterns):
    return sorted(path for pattern in patterns for path in ROOT.glob(pattern) if path.is_file())


def read(path):
    return path.read_text(encoding="utf-8")


# --- versions -------------------------------------------------------------------------------------------------------


def test_the_version_is_semantic():
    version = yaml.safe_load(read(ROOT / "galaxy.yml"))["version"]
    assert SEMANTIC_VERSION.fullmatch(version)


@pytest.mark.parametrize("version", ["1.0", "01.2.3", "1.2.3.4", "v1.2.3", "1.2.3-"])
def test_other_versions_are_not(version):
    assert not SEMANTIC_VERSION.fullmatch(version)


# --- names ----------------------------------------------------------------------------------------------------------


def existing(name):
    """Whether ``whisperops.gpu.NAME`` is something of this collection."""
    return (
        name == "plugins"
        or (ROOT / "roles" / name / "tasks" / "main.yml").exists()
        or (ROOT / "playbooks" / f"{name}.yml").exists()
        or any(ROOT.glob(f"plugins/*/{name}.py"))
        or any(ROOT.glob(f"plugins/*/{name}.yml"))
    )


def test_each_name_that_is_mentioned_exists():
    shown = ("*.md", "*.yml", "ansible.cfg", "docs/**/*", "inventories/**/*.yml", "playbooks/**/*", "roles/**/*")
    read_by_people = [path for path in files(*shown) if path.suffix not in {".wav", ".pyc"}]
    mentions = {
        (str(path.relative_to(ROOT)), name)
        for path in [*read_by_people, *files("plugins/**/*.py", "plugins/**/*.yml")]
        for name in MENTION.findall(read(path))
    }
    assert len(mentions) > 20, "nothing was read"
    assert {mention for mention in mentions if not existing(mention[1])} == set()


@pytest.mark.parametrize("name", ["no_such_role", "module_utils", "preflight", "summary_"])
def test_a_name_of_nothing_does_not_exist(name):
    assert not existing(name)


# --- problem codes --------------------------------------------------------------------------------------------------


def tasks_of(value):
    """Every task of a file, those in blocks too."""
    if isinstance(value, list):
        for item in value:
            yield from tasks_of(item)
    elif isinstance(value, dict):
        yield value
        for part in ("tasks", "pre_tasks", "post_tasks", "handlers", "block", "rescue", "always"):
            yield from tasks_of(value.get(part, []))


def failure_messages():
    """(file, text) for all that roles and playbooks end a run with."""
    for path in files("roles/*/tasks/**/*.yml", "roles/*/handlers/**/*.yml", "playbooks/**/*.yml"):
        for task in tasks_of(yaml.safe_load(read(path))):
            texts = [
                task.get("ansible.builtin.fail", {}).get("msg"),
                task.get("ansible.builtin.assert", {}).get("fail_msg"),
            ]
            for text in texts:
                if text is not None:
                    yield str(path.relative_to(ROOT)), text


def codes_of_message(text):
    """The code that a message begins with; where an expression chooses it, all that it may choose."""
    written = re.match(rf"\s*({CODE}):\s", text)
    if written:
        return {written.group(1)}
    expression = re.match(r"\s*\{\{(.*?)\}\}\s*:", text, re.DOTALL)
    return set(re.findall(rf"'({CODE})'", expression.group(1))) if expression else set()


def codes_of_variable_or_template(text):
    """Codes in a role's variables and templates: what starts a line, a quoted text, or a verdict of the Dockerfile."""
    return set(re.findall(rf"(?:^\s*|%\}}\s*|'|WHISPEROPS )({CODE}): ", text, re.MULTILINE))


def codes_of_roles():
    found = {code for file, text in failure_messages() for code in codes_of_message(text)}
    for path in files("roles/*/vars/*.yml"):
        for value in yaml.safe_load(read(path)).values():
            if isinstance(value, str):
                found |= codes_of_variable_or_template(value)
    for path in files("roles/*/templates/*"):
        found |= codes_of_variable_or_template(read(path))
    return found


def codes_of_plugins():
    """Codes of the plugins: what a problem is built with, or what an error's text begins with."""
    found = set()
    for path in files("plugins/**/*.py"):
        for node in ast.walk(ast.parse(read(path))):
            if isinstance(node, ast.Call) and node.args:
                builder = getattr(node.func, "id", getattr(node.func, "attr", ""))
                first = node.args[0].values[0] if isinstance(node.args[0], ast.JoinedStr) else node.args[0]
                text = first.value if isinstance(first, ast.Constant) and isinstance(first.value, str) else ""
                if builder in {"Problem", "DamagedFileError", "documented", "_Kind"} and text:
                    found.add(text)
                elif builder.endswith("Error"):
                    found |= codes_of_message(text)
            # What a task fails with.
            elif isinstance(node, ast.Constant) and isinstance(node.value, str) and path.stem.endswith("_failure"):
                found |= codes_of_message(node.value)
    return found


def headings():
    return re.findall(r"^## (.+)$", read(GUIDE), re.MULTILINE)


def test_no_code_has_two_sections():
    assert sorted(set(headings())) == sorted(headings())


def test_each_code_has_a_section_and_each_section_a_code():
    assert set(headings()) == {*problems.CODES, *codes_of_roles(), *codes_of_plugins()}


def test_each_failure_begins_with_a_code_or_takes_it_from_elsewhere():
    # From elsewhere: a variable of the role, or the plan.
    without = {
        (file, text) for file, text in failure_messages() if not codes_of_message(text) and not text.startswith("{{ ")
    }
    assert without == set()


@pytest.mark.parametrize("code", headings())
def test_each_section_goes_from_symptom_to_check_to_fix(code):
    section = read(GUIDE).split(f"\n## {code}\n")[1].split("\n## ")[0]
    parts = [section.index(part) for part in ("**Symptom.**", "**Check.**", "**Fix.**")]
    assert parts == sorted(parts)
    assert "`" in section[parts[1] : parts[2]], "the check names no command and no variable"


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("port_in_use: port {{ item.port }} is taken", {"port_in_use"}),
        ("{{ 'sum_wrong' if 'sum' in x else 'far_away' }}:\n{{ x }}", {"sum_wrong", "far_away"}),
        ("{{ _whisper_image_failure }}", set()),
        ("Port {{ item.port }}: taken", set()),
    ],
)
def test_codes_are_found_in_messages(text, codes):
    assert codes_of_message(text) == codes


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("{% if a %}\nsum_wrong: {{ x }}\n{% endif %}", {"sum_wrong"}),
        ("{%- elif 'sum' in x -%} sum_wrong: {{ x }}", {"sum_wrong"}),
        ("{{ first | default('build_failed: ' ~ log) }}", {"build_failed"}),
        ("|| { echo 'WHISPEROPS far_away: git could not'; exit 1; }", {"far_away"}),
        ("image_name: x:y", {"image_name"}),
        ("{{ inventory_hostname }}:{{ build_dir }}/log", set()),
    ],
)
def test_codes_are_found_in_variables_and_templates(text, codes):
    assert codes_of_variable_or_template(text) == codes
