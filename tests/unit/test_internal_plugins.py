"""A plugin is for everyone, or its documentation says that it is internal."""

from __future__ import annotations

import ast
from pathlib import Path

import yaml

PLUGINS = Path(__file__).resolve().parents[2] / "plugins"
SAYS_SO = "Internal to this collection, and may change in any release."
FOR_EVERYONE = {
    "callback/fleet_report",
    "callback/summary",
    "filter/benchmark_comparison",
    "filter/deployment_changes",
    "filter/deployment_plan",
    "filter/whisper_model",
    "modules/assert_variables",
    "modules/cuda_image_info",
    "modules/docker_daemon_config",
    "modules/file_download",
    "modules/kubernetes_gpu_info",
    "modules/nvidia_gpu_info",
    "modules/repository_key_info",
    "modules/whisper_benchmark_info",
    "modules/whisper_host_info",
    "modules/whisper_inference_info",
}


def documentation(path: Path) -> dict | None:
    """Of a Python file, or of the YAML beside a filter; None where the other one has it."""
    if path.suffix == ".yml":
        return yaml.safe_load(path.read_text("utf-8"))["DOCUMENTATION"]
    for node in ast.parse(path.read_text("utf-8")).body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", None) == "DOCUMENTATION":
            return yaml.safe_load(ast.literal_eval(node.value))
    return None


def descriptions() -> dict[str, list[str]]:
    kinds = ("callback", "filter", "lookup", "modules")
    paths = [path for kind in kinds for path in sorted((PLUGINS / kind).iterdir()) if path.suffix in (".py", ".yml")]
    found = {f"{path.parent.name}/{path.stem}": told for path in paths if (told := documentation(path))}
    return {name: told["description"] for name, told in found.items()}


def test_every_plugin_is_for_everyone_or_says_that_it_is_internal() -> None:
    internal = {name for name, sentences in descriptions().items() if SAYS_SO in sentences}
    assert set(descriptions()) - internal == FOR_EVERYONE


def test_every_plugin_is_documented() -> None:
    plugins = {f"{path.parent.name}/{path.stem}" for path in PLUGINS.glob("*/*.py")}
    plugins = {name for name in plugins if not name.startswith(("action/", "module_utils/", "plugin_utils/"))}
    assert set(descriptions()) == plugins
