"""Names that an operator reads in a log say what is done to which object, in the words of the field.

Rule 1: the name of a play, task or block is an imperative with a verb of VERBS, and names its object.
Rule 2: no pronoun in such a name, in a heading or in a short description: a line of a log stands alone.
Glossary: one word for one thing (GLOSSARY), in all three.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]

# The verbs of well-known collections, and what this one does beside: it plans, proves, measures and simulates.
# A verb that is missing here is added if other collections use it; otherwise the name takes one of these.
VERBS = set(
    re.findall(
        r"\w+",
        """
        Acquire Add Append Apply Archive Assert Build Change Check Compare Compile Compress Configure Copy Count
        Create Deploy Disable Downgrade Download Enable Export Extract Fail Fetch Find Gather Generate Get Group Hold
        Include Initialize Install Join Keep Kill Limit List Load Mask Measure Modify Mount Open Plan Prepare Pull
        Push Query Read Record Recover Refresh Register Release Reload Remove Rename Render Replace Report Reset
        Restart Restore Roll Run Save Select Send Set Show Simulate Skip Start Stop Tag Transcribe Transfer Truncate
        Undo Update Upgrade Validate Verify Wait Warn Write
        """,
    )
)
# What a verb must be followed by to be an imperative that a reader knows at once.
COMPLEMENTS = {"Assert": {"that"}, "Fail": {"if", "unless", "because"}, "Roll": {"back"}, "Wait": {"for", "until"}}

PRONOUNS = set(
    re.findall(
        r"\w+",
        """
        i me my mine myself we us our ours ourselves he him his himself she her hers herself
        it its itself they them their theirs themselves these those ones others
        what whatever who whoever whom whose none nobody nothing
        anybody anyone anything everybody everyone everything somebody someone something
        """,
    )
)
# Documents address their reader; a log has none.
READER = {"you", "your", "yours"}
# Pronouns where no noun follows: "Try each", "the official one", "all of the packages".
DETERMINERS = {"all", "another", "any", "both", "each", "few", "many", "one", "several", "some", "that", "this"}
NO_NOUN = {"and", "as", "at", "by", "for", "from", "in", "is", "of", "on", "or", "that", "to", "was", "which", "with"}

GLOSSARY = {
    r"cards?|chips?": "GPU",
    r"folders?": "directory",
    r"sums?": "checksum",
    r"figures": "metrics or measurements",
    r"(?<!docker )(?<!docker-)engines?": "Docker Engine",
    r"stand-ins?": "stub",
    r"made-up|pretended": "simulated",
    r"brings?|brought": "install, copy, download, pull or deploy",
    r"set aside": "renamed or disabled",
    r"earlier (server|container)": "previous container",
    r"(?:known|the) speech": "reference audio",
    r"giver|fellows?|courier": "build host, peer host, transfer host",
    r"seats?|slots?": "instance",
    r"anew": "again",
}

# Of the glossary, what has no other meaning in the documents either.
PROSE = [r"cards?|chips?", r"folders?", r"sums?", r"figures", r"stand-ins?", r"made-up|pretended", r"anew"]

# Of each mapping in a list of tasks or plays, the lists below.
BELOW = ("pre_tasks", "tasks", "post_tasks", "handlers", "block", "rescue", "always")
# A scenario's own plays have names that begin so (tests/lab/callback/changes.py).
PREFIX = re.compile(r"^Lab: ")


class Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
    """YAML as Ansible writes it: the value behind !vault or !unsafe is a text."""


Loader.add_multi_constructor("!", lambda loader, _tag, node: getattr(node, "value", None))


def load(text):
    return yaml.load(text, Loader)  # a subclass of SafeLoader


# --- the rules ------------------------------------------------------------------------------------------------------


def words_of(text):
    """The words outside of templates, without 's, in lower case."""
    plain = re.sub(r"\{\{.*?\}\}|\{%.*?%\}|`[^`]*`", " ", text)
    return [re.sub(r"'s?$", "", word) for word in re.findall(r"[a-z][\w.'/-]*", plain.lower())]


def pronouns(text):
    words = words_of(text)
    found = [word for word in words if word in PRONOUNS]
    for word, following in zip(words, [*words[1:], None]):
        relative = word == "that" and following is not None
        if word in DETERMINERS and not relative and (following is None or following in NO_NOUN):
            found.append(word)
    return found


def foreign(text, patterns=None):
    """The words of a text that the glossary has another word for: sentences."""
    plain = re.sub(r"\{\{.*?\}\}|`[^`]*`", " ", text).lower()
    matches = (
        (re.search(rf"(?<![\w-])(?:{pattern})(?![\w-])", plain), GLOSSARY[pattern]) for pattern in patterns or GLOSSARY
    )
    return [f"{match.group()!r}: the word is {instead}" for match, instead in matches if match]


def wording(text):
    """What is wrong with any text that stands alone: sentences."""
    return [f"{word!r} is a pronoun" for word in pronouns(text)] + foreign(text)


def naming(name):
    """What is wrong with a name of a play, task or block: sentences."""
    prefixed = PREFIX.sub("", name)
    verb, *rest = prefixed.split()
    found = []
    # Behind a prefix a verb is in lower case.
    known = verb in VERBS or (prefixed != name and verb.islower() and verb.capitalize() in VERBS)
    if not known:
        found.append(f"{verb!r} is none of the verbs")
    if not rest:
        found.append("no object")
    complements = COMPLEMENTS.get(verb.capitalize())
    if complements and (rest or [""])[0] not in complements:
        found.append(f"{verb!r} without {' or '.join(sorted(complements))}")
    found += [f"{word!r} is a pronoun" for word in words_of(prefixed) if word in READER]
    return found + wording(prefixed)


# --- what is held to them -------------------------------------------------------------------------------------------


def named(entries):
    """The names of plays, tasks and blocks of a list, and of the lists below. Lists of other things have none."""
    if not isinstance(entries, list):
        return
    for entry in entries:
        if not isinstance(entry, dict):
            continue
        # A play, or a task: modules are written with the name of their collection.
        if "name" in entry and ("hosts" in entry or "block" in entry or any("." in str(key) for key in entry)):
            yield str(entry["name"])
        for part in BELOW:
            yield from named(entry.get(part))


def documentation(path):
    """(DOCUMENTATION, EXAMPLES) of a module, of a plugin or of a plugin's .yml."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".yml":
        content = load(text)
        return content.get("DOCUMENTATION"), load(content.get("EXAMPLES") or "")
    values = {
        target.id: node.value.value
        for node in ast.parse(text).body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    return load(values.get("DOCUMENTATION", "")), load(values.get("EXAMPLES", ""))


def plugin_files():
    folders = [*(ROOT / "plugins").iterdir(), ROOT / "tests" / "lab" / "callback"]
    own = [folder for folder in folders if folder.name not in {"module_utils", "plugin_utils", "doc_fragments"}]
    return sorted(path for folder in own for path in folder.glob("*.*") if path.suffix in {".py", ".yml"})


def task_files():
    patterns = ["site.yml", "playbooks/**/*.yml", "roles/*/tasks/**/*.yml", "roles/*/handlers/**/*.yml"]
    patterns += ["molecule/**/*.yml", "tests/**/*.yml"]
    found = {path for pattern in patterns for path in ROOT.glob(pattern)}
    return sorted(path for path in found if not {"fixtures", "output"} & set(path.relative_to(ROOT).parts))


def names():
    """(where, name) of every play, task and block, those of the plugins' examples among them."""
    for path in task_files():
        for name in named(load(path.read_text(encoding="utf-8"))):
            yield path.relative_to(ROOT), name
    for path in plugin_files():
        for name in named(documentation(path)[1]):
            yield path.relative_to(ROOT), name


def short_descriptions():
    for path in plugin_files():
        content = documentation(path)[0]
        if content:
            yield path.relative_to(ROOT), content["short_description"]
    for path in sorted(ROOT.glob("roles/*/meta/argument_specs.yml")):
        for entry in load(path.read_text(encoding="utf-8"))["argument_specs"].values():
            yield path.relative_to(ROOT), entry["short_description"]


def headings(text):
    """Headings outside of blocks of code. A heading that is a code of a problem or of an alert is no sentence."""
    prose = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    found = re.findall(r"^#+ (.+)$", prose, re.MULTILINE)
    return [heading for heading in found if not re.fullmatch(r"[a-z0-9]+(_[a-z0-9]+)+|Whisper\w+", heading)]


ALL_NAMES = list(names())
DOCUMENTS = sorted((ROOT / "docs").glob("*.md"))


def test_names_were_found_everywhere():
    assert len(ALL_NAMES) > 1000
    assert {where.parts[0] for where, _name in ALL_NAMES} == {
        "site.yml",
        "playbooks",
        "roles",
        "molecule",
        "tests",
        "plugins",
    }


def test_each_name_is_an_imperative_that_names_its_object():
    assert [f"{where}: {name}: {fault}" for where, name in ALL_NAMES for fault in naming(name)] == []


def test_each_short_description_stands_alone():
    found = list(short_descriptions())
    assert len(found) > 30
    assert [f"{where}: {text}: {fault}" for where, text in found for fault in wording(text)] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_each_heading_stands_alone(document):
    found = headings(document.read_text(encoding="utf-8"))
    assert found
    assert [f"{heading}: {fault}" for heading in found for fault in wording(heading)] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_each_document_uses_the_words_of_the_glossary(document):
    text = document.read_text(encoding="utf-8")
    # Code, the addresses of links, and the names of files are not prose.
    prose = re.sub(r"^```.*?^```|^ {4}.*?$|\]\([^)]*\)", "", text, flags=re.MULTILINE | re.DOTALL)
    assert foreign(prose, PROSE) == []


# --- the test itself ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        "Install Docker Engine",
        "Fail if the host has no Python",
        "Restart containers that lost access to the GPU",
        "Verify that both servers run",
        "Stop one server",
        "Set the fact {{ it }}",
        "Lab: verify the removal",
        "Deploy with: {{ refusal.bad }}",
    ],
)
def test_a_good_name(name):
    assert naming(name) == []


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("Give it back to those that may not", "'Give' is none of the verbs"),
        ("Give it back to those that may not", "'it' is a pronoun"),
        ("Give it back to those that may not", "'those' is a pronoun"),
        ("Measure them", "'them' is a pronoun"),
        ("Record what was built", "'what' is a pronoun"),
        ("Restore the server's own GPU to its server", "'its' is a pronoun"),
        ("Verify each", "'each' is a pronoun"),
        ("Pull the official one", "'one' is a pronoun"),
        ("Remove all of the packages", "'all' is a pronoun"),
        ("Archive that", "'that' is a pronoun"),
        ("install Docker Engine", "'install' is none of the verbs"),
        ("Lab: what was promised", "'what' is none of the verbs"),
        ("Configure", "no object"),
        ("Fail on old hosts", "'Fail' without because or if or unless"),
        ("Roll over the server", "'Roll' without back"),
        ("Get the cards of the host", "'cards': the word is GPU"),
        ("Create the folder of the models", "'folder': the word is directory"),
        ("Copy the made-up data", "'made-up': the word is simulated"),
        ("Check whether the engine runs", "'engine': the word is Docker Engine"),
        ("Remove the packages that were brought", "'brought': the word is install, copy, download, pull or deploy"),
    ],
)
def test_a_bad_name(name, fault):
    assert fault in naming(name)


TASKS = """
- name: Lab play
  hosts: all
  vars:
    things: [{name: no task}]
    secret: !vault |
      $ANSIBLE_VAULT;1.1;AES256
  tasks:
    - name: A block
      block:
        - name: A task
          ansible.builtin.debug:
            msg: !unsafe "{{ raw }}"
      rescue:
        - {name: A rescue, ansible.builtin.debug: }
      always:
        - {name: The end, ansible.builtin.debug: }
  handlers:
    - {name: A handler, ansible.builtin.debug: }
- name: An import
  ansible.builtin.import_playbook: other.yml
- {name: a case, url: no task}
"""


def test_names_are_found_in_plays_blocks_and_handlers_and_in_no_other_list():
    found = ["Lab play", "A block", "A task", "A rescue", "The end", "A handler", "An import"]
    assert list(named(load(TASKS))) == found


def test_headings_are_found_outside_of_code():
    assert headings("# One\n\n```yaml\n# a comment\n```\n\n## Two\n\n## gpu_lost\n\n### WhisperXid\n") == ["One", "Two"]
