# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: unmet_dependencies
short_description: Get the collections that are missing or too old on the control node
version_added: 0.1.0
author: The whisperops.gpu founders (@whisperops)
description:
  - Internal to this collection, and may change in any release.
  - Compares the collections that whisperops.gpu declares as its dependencies with those installed on the control node.
    C(ansible-galaxy) does so when it installs whisperops.gpu; nothing does where a checkout is used, or where the
    package C(ansible) brings the collections.
options:
  _terms:
    description: Dictionaries from collection to versions, to compare in place of the declared dependencies.
    type: list
    elements: dict
"""

EXAMPLES = r"""
- name: Fail if a collection is missing or too old
  ansible.builtin.fail:
    msg: "{{ item.name }} {{ item.needed }} is needed, {{ item.version or 'none' }} was found"
  loop: "{{ query('whisperops.gpu.unmet_dependencies') }}"
"""

RETURN = r"""
_list:
  description:
    - One entry for each collection that is missing or has another version than those needed.
    - C(name) of the collection, C(version) that is installed (none where it is missing), C(needed) versions.
  type: list
  elements: dict
  sample:
    - name: community.docker
      version: 4.2.0
      needed: ">=4.8.3,!=5.0.0,!=5.0.1"
"""

import json
from importlib import import_module
from pathlib import Path
from typing import Any, Mapping

import yaml
from ansible.plugins.lookup import LookupBase

OWN = Path(__file__).parents[2]


def declared(directory: Path) -> Mapping[str, Any]:
    """What a collection says of itself: built, in MANIFEST.json; a checkout, in galaxy.yml."""
    manifest = directory / "MANIFEST.json"
    if manifest.exists():
        return dict(json.loads(manifest.read_text(encoding="utf-8"))["collection_info"])
    return dict(yaml.safe_load((directory / "galaxy.yml").read_text(encoding="utf-8")))


def installed(name: str) -> str | None:
    """The version of an installed collection."""
    try:
        package = import_module(f"ansible_collections.{name}")
    except ImportError:
        return None
    # Of several, the one that Ansible takes is the first.
    return str(declared(Path(package.__path__[0]))["version"])


def unmet(needed: Mapping[str, str], found: Mapping[str, str | None]) -> list[dict[str, Any]]:
    # ansible-core brings it; ansible-test imports plugins without.
    specifiers = import_module("packaging.specifiers")
    return [
        {"name": name, "version": found[name], "needed": versions}
        for name, versions in sorted(needed.items())
        if found[name] is None or not specifiers.SpecifierSet(versions).contains(str(found[name]), prereleases=True)
    ]


class LookupModule(LookupBase):  # type: ignore[misc]  # ansible-core ships no types
    def run(self, terms: list[Any], variables: Any = None, **kwargs: Any) -> list[dict[str, Any]]:
        needed = {name: versions for term in terms for name, versions in term.items()} or declared(OWN)["dependencies"]
        return unmet(needed, {name: installed(name) for name in needed})
