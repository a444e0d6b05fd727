"""What the documents tell people to type can be typed: targets, playbooks, inventories, variables, links are there.

Commands of the project are run by `make test`, in the same words or in others: RUN_BY says where. What only the
reader's machines can run (GPUs, other people's hosts) is told by its first word in ELSEWHERE, and only read here.
"""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted(
    path
    for pattern in ("*.md", "docs/*.md", "roles/*/README.md", "tests/README.md", "tests/lab/README.md")
    for path in ROOT.glob(pattern)
    # antsibull-changelog writes it, for its own kind of reader.
    if path.name != "CHANGELOG.md"
)
SHELL = {"", "shell", "sh", "bash", "console"}
# Looked at, not run: what they name must be there.
STATIC = {"cp", "source"}
# Run on the reader's hosts, or with what the reader has: no test of this project can run them.
ELSEWHERE = {
    "ansible",
    "curl",
    "docker",
    "nvidia-smi",
    "dmesg",
    "lspci",
    "systemctl",
    "journalctl",
    "apt-get",
    "promtool",
}
# Where the project itself runs its commands.
RUN_BY = {
    "ansible-playbook": ("Makefile", "molecule"),
    "ansible-galaxy": ("tests/release/build-check",),
    "make": ("Makefile",),
    "tests/lab/engine": ("Makefile",),
}
# Linux knows NVIDIA's kernel modules by these names.
KERNEL_MODULES = {"nvidia_drm", "nvidia_modeset", "nvidia_uvm"}
# Not in git: `make setup` or a build makes it.
MADE_LATER = re.compile(r"\.venv/|inventories/mine|whisperops-gpu-\*")
VARIABLE = re.compile(r"\b(?:docker|fleet|gpu|nvidia|whisper)_[a-z_]+\b")


def read(path):
    return path.read_text(encoding="utf-8")


def blocks(text):
    """(language, lines) of each block of code: fenced, or indented after an empty line."""
    fenced = re.compile(r"^```([^\n`]*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
    for match in fenced.finditer(text):
        yield match.group(1).strip(), match.group(2).splitlines()
    for match in re.finditer(r"(?:\A|\n\n)((?: {4}[^\n]*(?:\n|\Z)|\n(?= {4}))+)", fenced.sub("", text)):
        yield "", [line[4:] for line in match.group(1).splitlines() if line.strip()]


def commands(text):
    """Each command of the shell blocks, as words. What a block shows is a command if it begins with a known one."""
    for language, lines in blocks(text):
        if language not in SHELL:
            continue
        for line in "\n".join(lines).replace("\\\n", " ").splitlines():
            for part in line.split(" && "):
                try:
                    words = shlex.split(part, comments=True)
                except ValueError:
                    # Output, a template, or half of a quotation: no command anyhow.
                    continue
                if words and (words[0] in ELSEWHERE or words[0] in RUN_BY or words[0] in STATIC):
                    yield words


ALL_COMMANDS = sorted({tuple(words) for path in DOCUMENTS for words in commands(read(path))})


def targets():
    return set(re.findall(r"^([a-z-]+):", read(ROOT / "Makefile"), re.MULTILINE))


def specified():
    """All variables of all roles."""
    found = set()
    for path in ROOT.glob("roles/*/meta/argument_specs.yml"):
        for entry in yaml.safe_load(read(path))["argument_specs"].values():
            found |= set(entry.get("options", {}))
    return found


def used_in_playbooks():
    """What playbooks, roles and inventories read or set beside the roles' options: whisper_policy and its like."""
    paths = [path for folder in ("playbooks", "roles", "inventories") for path in (ROOT / folder).rglob("*")]
    paths = [path for path in paths if path.is_file() and path.suffix not in {".wav", ".pyc"}]
    return {name for path in paths for name in VARIABLE.findall(read(path))}


def missing_paths(words):
    """What a command names of this checkout and is not there."""
    named = [word for word in words[1:] if re.match(r"(playbooks|inventories|tests|molecule)/|site\.yml$", word)]
    return [word for word in named if not MADE_LATER.search(word) and "…" not in word and not (ROOT / word).exists()]


def test_commands_were_found():
    assert len(ALL_COMMANDS) > 12
    assert ("make", "demo") in ALL_COMMANDS


@pytest.mark.parametrize("words", ALL_COMMANDS, ids=" ".join)
def test_what_a_command_names_is_there(words):
    assert missing_paths(words) == []
    if words[0] == "make":
        assert {word for word in words[1:] if "=" not in word} <= targets()
    if words[0] == "ansible-playbook" and words[1].startswith("whisperops.gpu."):
        assert (ROOT / "playbooks" / f"{words[1].rpartition('.')[2]}.yml").exists()


@pytest.mark.parametrize("program", sorted({words[0] for words in ALL_COMMANDS} & set(RUN_BY)))
def test_what_runs_a_command_of_ours_does_run_it(program):
    places = [
        file for place in RUN_BY[program] for file in [ROOT / place, *(ROOT / place).rglob("*.yml")] if file.is_file()
    ]
    word = program if program in ("ansible-playbook", "ansible-galaxy") else program.rsplit("/", maxsplit=1)[-1]
    # molecule's playbooks are run by molecule, and it by the Makefile.
    assert any(word in read(file) for file in places)


@pytest.mark.parametrize(
    "playbook", sorted({w[1] for w in ALL_COMMANDS if w[0] == "ansible-playbook" and w[1].startswith("playbooks/")})
)
def test_each_playbook_of_the_documents_is_run_by_a_scenario_or_a_test(playbook):
    name = Path(playbook).name
    runners = [*ROOT.glob("molecule/**/*.yml"), *ROOT.glob("tests/**/*"), ROOT / "Makefile"]
    texts = [
        read(path)
        for path in runners
        if path.suffix in {".yml", ".py", ".sh", ""} and path.is_file() and path != Path(__file__)
    ]
    assert any(f"playbooks/{name}" in text or f"whisperops.gpu.{Path(name).stem}" in text for text in texts)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_each_variable_that_is_named_exists(document):
    spans = re.findall(r"`([^`\n]+)`", read(document)) + ["\n".join(lines) for _kind, lines in blocks(read(document))]
    plugins = {path.stem for path in ROOT.glob("plugins/*/*.py")} | {path.name for path in ROOT.glob("roles/*")}
    facts = set(VARIABLE.findall(" ".join(read(path) for path in ROOT.glob("plugins/**/*.py"))))
    in_use = specified() | used_in_playbooks() | plugins | facts
    named = {name for span in spans for name in VARIABLE.findall(span)}
    codes = set(re.findall(r"^## (.+)$", read(ROOT / "docs" / "troubleshooting.md"), re.MULTILINE))
    # A name that ends in _ stands for all that begin with it.
    unknown = {name for name in named - in_use - codes - KERNEL_MODULES if not name.endswith("_")}
    unknown |= {name for name in named if name.endswith("_") and not any(other.startswith(name) for other in in_use)}
    assert unknown == set()


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_each_link_leads_somewhere(document):
    dead = []
    for target in re.findall(r"\]\(([^)\s]+)\)", read(document)):
        if "://" in target:
            continue
        path, _sharp, place = target.partition("#")
        file = (document.parent / path) if path else document
        headings = re.findall(r"^#+ (.+)$", read(file), re.MULTILINE) if file.suffix == ".md" and file.exists() else []
        slugs = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
        if not file.exists() or (place and place not in slugs):
            dead.append(target)
    assert dead == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_each_block_of_yaml_is_yaml(document):
    for language, lines in blocks(read(document)):
        if language in {"yaml", "yml"}:
            yaml.safe_load("\n".join(lines))


def test_the_example_inventory_can_be_copied_and_used(tmp_path):
    shutil.copytree(ROOT / "inventories" / "example", tmp_path / "mine")
    inventory = [sys.executable, "-m", "ansible", "inventory", "-i", str(tmp_path / "mine"), "--list"]
    hosts = json.loads(subprocess.run(inventory, capture_output=True, text=True, check=True).stdout)
    assert hosts["whisper"]["hosts"] == ["speech-1"]
    assert "whisper_policy" in hosts["_meta"]["hostvars"]["speech-1"]


# --- the test itself ------------------------------------------------------------------------------------------------

SAMPLE = """
    make demo       # all of it
    HOST  SPEED

```shell
ansible-playbook playbooks/none.yml -i inventories/mine && make \\
  nothing
```

```yaml
make: no command
```
"""


def test_commands_are_found_in_both_kinds_of_blocks():
    assert sorted(commands(SAMPLE)) == [
        ["ansible-playbook", "playbooks/none.yml", "-i", "inventories/mine"],
        ["make", "demo"],
        ["make", "nothing"],
    ]


def test_a_playbook_that_is_not_there_is_missed():
    assert missing_paths(["ansible-playbook", "playbooks/none.yml", "-i", "inventories/mine"]) == ["playbooks/none.yml"]
