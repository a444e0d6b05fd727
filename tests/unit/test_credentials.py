"""No task shows or logs the URL of a download, which may hold a password or a signature."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Iterator

import pytest
import yaml
from ansible_collections.whisperops.gpu.plugins.plugin_utils._plan.inputs import DOWNLOADS

ROOT = Path(__file__).resolve().parents[2]
TASKS = sorted(
    path for part in ("roles", "playbooks") for path in (ROOT / part).rglob("*.yml") if "meta" not in path.parts
)
VARIABLES = re.compile(rf"\b(?:{'|'.join(sorted(DOWNLOADS))}|gpu_metrics_exporter_url|_whisper_server_model_source)\b")
# Their option for the URL is no_log.
MODULES = ("whisperops.gpu.file_download", "whisperops.gpu.image_build")


def tasks(document: Any) -> Iterator[dict[str, Any]]:
    for one in document if isinstance(document, list) else []:
        if isinstance(one, dict):
            yield one
            for part in ("block", "rescue", "always", "tasks", "pre_tasks", "post_tasks"):
                yield from tasks(one.get(part))


def unmasked(value: Any) -> list[str]:
    """Expressions that hold a URL of a download as it is."""
    expressions = re.findall(r"\{\{.*?\}\}", yaml.safe_dump(value, width=10_000), re.DOTALL)
    return [one for one in expressions if VARIABLES.search(one) and "mask_credentials" not in one]


def open_tasks(document: Any) -> Iterator[str]:
    for task in tasks(document):
        arguments = {key: value for key, value in task.items() if "." in key}
        if task.get("no_log") or not unmasked(arguments) or set(arguments) & set(MODULES):
            continue
        yield f"{task['name']}: {unmasked(arguments)}"


@pytest.mark.parametrize("path", TASKS, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_task_shows_or_logs_the_url_of_a_download(path):
    assert list(open_tasks(yaml.safe_load(path.read_text(encoding="utf-8")))) == []


@pytest.mark.parametrize("module", ["ansible.builtin.debug", "ansible.builtin.uri"])
def test_a_task_that_shows_a_url_is_found(module):
    task = {"name": "Show", module: {"msg": "{{ whisper_server_model_url }}"}}
    assert list(open_tasks([{"name": "A block", "block": [task]}])) != []
    assert list(open_tasks([{**task, "no_log": True}])) == []
    masked = "{{ whisper_server_model_url | whisperops.gpu.mask_credentials }}"
    assert list(open_tasks([{"name": "Show", module: {"msg": masked}}])) == []


@pytest.mark.parametrize(("module", "option"), list(zip(MODULES, ("url", "secrets"))))
def test_the_modules_that_get_a_url_do_not_log_it(module, option):
    source = (ROOT / "plugins" / "modules" / f"{module.rpartition('.')[2]}.py").read_text(encoding="utf-8")
    assert re.search(rf'"{option}": {{[^}}]*"no_log": True', source.replace('"default": {}', ""))
