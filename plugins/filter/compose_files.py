# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any, Callable, Mapping

from ansible.errors import AnsibleFilterError
from ansible_collections.whisperops.gpu.plugins.plugin_utils._plan.policy import PlanInputError

DOCUMENTATION = r"""
name: compose_files
version_added: 0.1.0
short_description: Render the servers of a host for Compose and Podman
author: The whisperops.gpu founders (@whisperops)
description:
  - Internal to this collection, and may change in any release.
  - Gives C(compose.yaml), and a unit for Podman's Quadlet for each container and volume. The same plan gives the same
    bytes.
positional: options, image, fetch_image
options:
  _input:
    description: The result of P(whisperops.gpu.deployment_plan#filter).
    type: dict
    required: true
  options:
    description: The variables of P(whisperops.gpu.whisper_server#role). What is null has its default.
    type: dict
    required: true
  image:
    description: Image of the servers. Empty takes that of the plan, if it can be pulled.
    type: str
    default: ""
  fetch_image:
    description: Image of the container that downloads the model, with C(sh), C(sha256sum) and C(curl).
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Show the names of the files
  ansible.builtin.debug:
    msg: "{{ plan | whisperops.gpu.compose_files({}, fetch_image='curlimages/curl:8.10.1') | map(attribute='name') }}"
"""

RETURN = r"""
_value:
  description: The C(name) and C(content) of each file.
  type: list
  elements: dict
"""

HEAD = "# Rendered by whisperops.gpu from the plan of this host. See docs/compose.md\n"


def compose_files(
    plan: Mapping[str, Any], options: Mapping[str, Any], image: str = "", fetch_image: str = ""
) -> list[dict[str, str]]:
    from ansible_collections.whisperops.gpu.plugins.plugin_utils._compose.compose import compose
    from ansible_collections.whisperops.gpu.plugins.plugin_utils._compose.host import host_of
    from ansible_collections.whisperops.gpu.plugins.plugin_utils._compose.quadlet import quadlets
    from ansible_collections.whisperops.gpu.plugins.plugin_utils._server.yaml_text import yaml_text

    try:
        host = host_of(plan, options, image or "", fetch_image)
    except PlanInputError as error:
        raise AnsibleFilterError(str(error)) from None
    files = {
        "compose.yaml": "---\n" + yaml_text(compose(host)),
        **{f"quadlet/{name}": content for name, content in quadlets(host).items()},
    }
    return [{"name": name, "content": HEAD + content} for name, content in files.items()]


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"compose_files": compose_files}
