"""No import goes against observe → decide → apply → prove → report, by the source of every file in plugins/."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Iterator, Mapping

import pytest

PLUGINS = Path(__file__).resolve().parents[2] / "plugins"
NAMESPACE = "ansible_collections.whisperops.gpu.plugins"
# What is on a line may import what is on its own line or above.
STEPS = {
    "know": ("module_utils._cuda", "module_utils._nested", "module_utils._problem", "module_utils._system"),
    "know, on the control node": (
        "plugin_utils._collection",
        "plugin_utils._controller_process",
        "plugin_utils._facts",
        "plugin_utils._sanitize",
        "plugin_utils._variables",
    ),
    "observe": (
        "module_utils._docker_api",
        "module_utils._gpu",
        "module_utils._host",
        "module_utils._image",
        "module_utils._kubernetes",
    ),
    "decide": ("plugin_utils._plan",),
    "apply": (
        "module_utils._apt",
        "module_utils._build",
        "module_utils._docker",
        "module_utils._download",
        "module_utils._repository",
        "plugin_utils._compose",
        "plugin_utils._kubernetes",
        "plugin_utils._server",
    ),
    "prove": ("module_utils._prover", "module_utils._whisper", "plugin_utils._proof_failure"),
    "report": ("plugin_utils._report", "plugin_utils._summary"),
    "offer to Ansible": ("action", "callback", "filter", "lookup", "modules"),
}
STEP = {package: number for number, packages in enumerate(STEPS.values()) for package in packages}


def package_of(module: str) -> str:
    """``module_utils._gpu.detect`` is in ``module_utils._gpu``, ``modules.nvidia_gpu_info`` in ``modules``."""
    parts = module.split(".")
    return ".".join(parts[: 2 if parts[0].endswith("_utils") else 1])


def sources() -> dict[str, str]:
    paths = {path.relative_to(PLUGINS).with_suffix(""): path for path in sorted(PLUGINS.rglob("*.py"))}
    return {".".join(path.parts).replace(".__init__", ""): full.read_text("utf-8") for path, full in paths.items()}


def imported(module: str, source: str) -> Iterator[str]:
    """The collection's modules that a source names in its imports, wherever in the file these stand."""
    full = f"{NAMESPACE}.{module}".split(".")
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = (
                ".".join([*full[: len(full) - node.level], *filter(None, [node.module])]) if node.level else node.module
            )
            names = [f"{base}.{alias.name}" for alias in node.names]
        else:
            continue
        yield from (name[len(NAMESPACE) + 1 :] for name in names if name.startswith(f"{NAMESPACE}."))


def arrows_against(files: Mapping[str, str]) -> list[str]:
    return [
        f"{module} imports {name}"
        for module, source in files.items()
        for name in imported(module, source)
        if STEP[package_of(name)] > STEP[package_of(module)]
    ]


def test_every_package_has_its_step() -> None:
    assert {package_of(module) for module in sources()} == set(STEP)


def test_no_import_goes_against_the_steps() -> None:
    assert arrows_against(sources()) == []


def test_what_is_sent_to_hosts_imports_nothing_of_the_control_nodes() -> None:
    sent = {module: text for module, text in sources().items() if module.startswith(("modules.", "module_utils."))}
    assert sent
    assert [
        (module, name) for module in sent for name in imported(module, sent[module]) if "plugin_utils" in name
    ] == []


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("module_utils._gpu.detect", f"from {NAMESPACE}.plugin_utils._plan.plan import deployment_plan"),
        ("module_utils._gpu.detect", f"from {NAMESPACE}.module_utils import _whisper"),
        ("module_utils._gpu.detect", "from .._whisper import proof"),
        ("module_utils._image.loader", "from .._whisper.proof import Prover"),
        ("plugin_utils._plan.plan", f"import {NAMESPACE}.module_utils._docker.change"),
        ("module_utils._apt.plan", f"def late():\n    from {NAMESPACE}.module_utils._whisper import proof"),
        ("module_utils._whisper.proof", f"from {NAMESPACE}.plugin_utils._report import fleet"),
        ("plugin_utils._report.fleet", f"from {NAMESPACE}.filter.plan_rows import plan_rows"),
    ],
)
def test_an_import_against_the_steps_is_found(module: str, line: str) -> None:
    assert len(arrows_against({module: line})) == 1


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("module_utils._gpu.detect", "from . import nvml"),
        ("module_utils._whisper.proof", f"from {NAMESPACE}.module_utils._gpu.detect import Detector"),
        ("plugin_utils._report.page", "from .._sanitize import sanitize"),
        ("filter.plan_rows", f"from {NAMESPACE}.filter.plan_summary import plan_summary"),
        ("module_utils._gpu.detect", "from ansible.module_utils import basic"),
    ],
)
def test_an_import_along_the_steps_is_none(module: str, line: str) -> None:
    assert arrows_against({module: line}) == []
