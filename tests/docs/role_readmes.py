# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes roles/*/README.md from each role's argument specification: ``role_readmes.py``.

The example playbook is ``role_examples/ROLE.yml``. A role without one gets a play that names its required variables.
"""

from __future__ import annotations

import re
import textwrap
from pathlib import Path
from typing import Any, Iterator, Mapping

import yaml

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = Path(__file__).resolve().parent / "role_examples"
COLLECTION = "whisperops.gpu"
WIDTH = 100
HEADER = "<!-- Made by `make readmes` from meta/argument_specs.yml: edit that file. -->"
# Ansible's semantic markup, which may hold escaped parentheses but no nested ones.
MARKUP = re.compile(r"\b([A-Z]{1,2})\(((?:[^()\\]|\\.)*)\)")
# A space that may not become a line's end, because it stands in a code span.
FIXED_SPACE = "\x00"


def markdown(text: str) -> str:
    """One paragraph of a specification as Markdown, with code spans that `wrapped` keeps on one line."""
    parts, end = [], 0
    for match in MARKUP.finditer(text):
        parts += [_plain(text[end : match.start()]), _marked(match.group(1), re.sub(r"\\(.)", r"\1", match.group(2)))]
        end = match.end()
    return "".join([*parts, _plain(text[end:])])


def _plain(text: str) -> str:
    return re.sub(r"([*<`])", r"\\\1", text)


def _marked(kind: str, content: str) -> str:
    """What one macro of Ansible's markup says: code, except for links and for emphasis."""
    if kind == "L":
        label, _comma, address = content.rpartition(",")
        return f"[{label.strip()}]({address.strip()})"
    if kind in ("U", "B", "I"):
        return {"U": "<{}>", "B": "**{}**", "I": "*{}*"}[kind].format(content)
    name, _hash, plugin_type = content.partition("#")
    prefix = f"{COLLECTION}."
    if kind == "P" and plugin_type == "role" and name.startswith(prefix):
        return f"[{_code(name)}](../{name[len(prefix) :]}/README.md)"
    return _code(name if kind == "P" else content)


def _code(text: str) -> str:
    return f"`{text}`".replace(" ", FIXED_SPACE)


def wrapped(text: str, first: str = "", rest: str = "") -> str:
    lines = textwrap.wrap(
        text, WIDTH, initial_indent=first, subsequent_indent=rest, break_long_words=False, break_on_hyphens=False
    )
    return "\n".join(lines).replace(FIXED_SPACE, " ")


def paragraphs(description: str | list[str]) -> list[str]:
    return [description] if isinstance(description, str) else description


def facts(option: Mapping[str, Any]) -> str:
    """What stands in parentheses behind a variable: its type, its choices, and its default or that it is required."""
    kind = str(option.get("type", "str"))
    if option.get("elements"):
        kind += f" of {option['elements']}"
    found = [kind]
    if "choices" in option:
        found.append("one of " + ", ".join(_code(_value(choice)) for choice in option["choices"]))
    if option.get("required"):
        found.append("required")
    elif "default" in option:
        found.append(f"default {_code(_value(option['default']))}")
    return ", ".join(found)


def _value(value: Any) -> str:
    """A value as one writes it in an inventory."""
    return yaml.safe_dump(value, default_flow_style=True, width=10_000).removesuffix("\n").removesuffix("\n...")


def variables(options: Mapping[str, Any], indent: str = "") -> Iterator[str]:
    """One item of a list for each option, required ones first, with those that are nested in it below."""
    for name, option in sorted(options.items(), key=lambda item: not item[1].get("required")):
        text = " ".join(markdown(part) for part in paragraphs(option["description"]))
        yield wrapped(f"**{_code(name)}** ({facts(option)}): {text}", f"{indent}- ", f"{indent}  ")
        yield from variables(option.get("options", {}), f"{indent}  ")


def generic_example(role: str, entry_points: Mapping[str, Any]) -> str:
    """A play with the required variables of `main`, each to be filled in."""
    required = {name: one for name, one in entry_points["main"].get("options", {}).items() if one.get("required")}
    lines = [
        "---",
        f"- name: Apply the role {role}",
        "  hosts: whisper",
        "  gather_facts: false",
        "  become: true",
        "  roles:",
        f"    - role: {COLLECTION}.{role}",
    ]
    if required:
        lines += ["      vars:", *(f"        {name}: # {one['type']}, required" for name, one in required.items())]
    return "\n".join(lines) + "\n"


def readme(role: Path, examples: Path = EXAMPLES) -> str:
    """The README of the role in this directory."""
    text = (role / "meta" / "argument_specs.yml").read_text(encoding="utf-8")
    entry_points = yaml.safe_load(text)["argument_specs"]
    file = examples / f"{role.name}.yml"
    example = file.read_text(encoding="utf-8") if file.exists() else generic_example(role.name, entry_points)
    blocks = [HEADER, f"# {COLLECTION}.{role.name}"]
    for entry, specification in sorted(entry_points.items(), key=lambda item: item[0] != "main"):
        if entry != "main":
            blocks += [f"## Entry point {entry}", f"Include the role with `tasks_from: {entry}`."]
        blocks.append(wrapped(f"{markdown(specification['short_description'])}."))
        blocks += [wrapped(markdown(part)) for part in paragraphs(specification.get("description", []))]
        if entry == "main":
            blocks += ["## Example playbook", f"```yaml\n{example.removeprefix('---').strip()}\n```", "## Variables"]
        options = specification.get("options", {})
        if entry != "main" and options and options == entry_points["main"].get("options"):
            blocks.append("The variables are those of the role.")
        else:
            blocks.append("\n".join(variables(options)) if options else "None.")
    return "\n\n".join(blocks) + "\n"


def main() -> None:
    for role in sorted(path.parents[1] for path in ROOT.glob("roles/*/meta/argument_specs.yml")):
        (role / "README.md").write_text(readme(role), encoding="utf-8")


if __name__ == "__main__":
    main()
