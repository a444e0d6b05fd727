# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every variable of the collection, from the argument specifications of its roles. Private, for the control node."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any, Mapping, NamedTuple

from ansible.module_utils.common.yaml import yaml_load
from ansible_collections.whisperops.gpu.plugins.plugin_utils._collection import ROOT

DATA = Path(__file__).parent
# What a check needs of an entry; the rest is documentation.
CHECKED = ("type", "elements", "choices", "default", "no_log", "required")


class Specification(NamedTuple):
    """What may be set, and what a name of the collection begins with."""

    # Variable → its entry in an argument specification.
    options: Mapping[str, Mapping[str, Any]]
    prefixes: tuple[str, ...]
    # Variables that tasks of the collection register or set, and that nobody has to set.
    facts: frozenset[str]


@cache
def specification() -> Specification:
    return read(ROOT, DATA)


def read(collection: Path, data: Path) -> Specification:
    """The options of all entry points of all roles; of an option with two entries, that of `main`."""
    options: dict[str, Mapping[str, Any]] = {}
    # Variables of the playbooks, which no role has.
    files = [data / "product.yml", *sorted(collection.glob("roles/*/meta/argument_specs.yml"))]
    for path in files:
        entries = yaml_load(path.read_text(encoding="utf-8"))["argument_specs"]
        for name in sorted(entries, key=lambda entry: entry != "main"):
            for option, described in (entries[name].get("options") or {}).items():
                options.setdefault(option, without_documentation(described))
    roles = sorted(path.parents[1].name for path in files[1:])
    facts = yaml_load((data / "facts.yml").read_text(encoding="utf-8"))
    return Specification(options, tuple(f"{name}_" for name in ("whisper", *roles)), frozenset(facts))


def without_documentation(described: Mapping[str, Any]) -> dict[str, Any]:
    entry = {key: described[key] for key in CHECKED if key in described}
    if "options" in described:
        entry["options"] = {key: without_documentation(inner) for key, inner in described["options"].items()}
    return entry
