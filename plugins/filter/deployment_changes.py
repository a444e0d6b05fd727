# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any, Callable, Mapping

from ansible.errors import AnsibleFilterError
from ansible.module_utils.parsing.convert_bool import boolean
from ansible_collections.whisperops.gpu.plugins.filter.url_file_name import url_file_name
from ansible_collections.whisperops.gpu.plugins.plugin_utils._plan import changes
from ansible_collections.whisperops.gpu.plugins.plugin_utils._plan.model_files import has_several
from ansible_collections.whisperops.gpu.plugins.plugin_utils._plan.model_files import model_files as files_of
from ansible_collections.whisperops.gpu.plugins.plugin_utils._plan.models import MODELS, VAD_MODELS
from ansible_collections.whisperops.gpu.plugins.plugin_utils._plan.policy import PlanInputError


def model_files(plan: Mapping[str, Any], options: Mapping[str, Any]) -> list[str]:
    """The names that role whisper_server gives its files: of the plan's models, and the one that finds speech."""
    if has_several(plan):
        return [one.file for one in files_of(plan, options)]
    url = str(options.get("whisper_server_model_url") or "")
    known = {**MODELS, **VAD_MODELS}.get(str(plan.get("model")))
    model = url_file_name(url) if url else known.file if known else str(plan.get("model"))
    vad = VAD_MODELS.get(str(options.get("whisper_server_vad_model")))
    return [model, vad.file] if vad and boolean(options.get("whisper_server_vad"), strict=False) else [model]


def deployment_changes(host: Any, plan: Any, inputs: Any) -> list[dict[str, Any]]:
    for name, value in (("host", host), ("plan", plan), ("inputs", inputs)):
        if not isinstance(value, Mapping):
            raise AnsibleFilterError(
                f"whisperops.gpu.deployment_changes: {name}: got {type(value).__name__}; allowed: the results of"
                " whisperops.gpu.whisper_host_info, whisperops.gpu.deployment_plan and"
                " whisperops.gpu.deployment_inputs."
            )
    try:
        wanted = {**inputs, "model_files": model_files(plan, inputs["options"])}
        return [change.to_dict() for change in changes.deployment_changes(host, plan, wanted)]
    except PlanInputError as error:
        raise AnsibleFilterError(str(error)) from None


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"deployment_changes": deployment_changes}
