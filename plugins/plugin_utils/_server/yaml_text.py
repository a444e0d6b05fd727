# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""YAML for people: in the order in which it was made, texts of several lines as such, and no references."""

from __future__ import annotations

from typing import Any

import yaml

WIDTH = 118


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        """Lists further in than their key, as yamllint wants them."""
        super().increase_indent(flow, False)


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", str(text), style="|" if "\n" in text else None)


# Ansible's own texts, numbers, lists and dictionaries are of classes below these.
_Dumper.add_multi_representer(str, _text)
_Dumper.add_multi_representer(int, yaml.SafeDumper.represent_int)
_Dumper.add_multi_representer(list, yaml.SafeDumper.represent_list)
_Dumper.add_multi_representer(dict, yaml.SafeDumper.represent_dict)
_Dumper.add_representer(str, _text)


def yaml_text(value: Any) -> str:
    return str(yaml.dump(value, Dumper=_Dumper, sort_keys=False, width=WIDTH, allow_unicode=True))
