"""What people run is what the tests run: no default may be replaced on every host of every scenario."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest
import yaml
from ansible.inventory.manager import InventoryManager
from ansible.parsing.dataloader import DataLoader
from ansible.vars.manager import VariableManager
from ansible_collections.whisperops.gpu.plugins.plugin_utils._plan import policy

ROOT = Path(__file__).parents[2]
# Defaults that no test here can run as they are: each with what stands in its place, and why.
OUT_OF_REACH = ROOT / "tests" / "lab" / "out_of_reach.yml"
DEMO = runpy.run_path(str(ROOT / "tests" / "kubernetes" / "lab" / "demo.py"))


def read(path):
    return yaml.safe_load(path.read_text(encoding="utf-8")) or {}


def defaults():
    """Name → value of every role's default, and of each key of `whisper_policy`."""
    found = {}
    for path in sorted(ROOT.glob("roles/*/defaults/main.yml")):
        found.update(read(path))
    return {**found, **{f"whisper_policy.{key}": value for key, value in policy.DEFAULTS.items()}}


# What a deployment runs on each host; other roles run where a scenario or its inventory names them.
OF_EACH_DEPLOYMENT = (
    "docker_engine",
    "whisper_image",
    "whisper_server",
    "whisper_proof",
    "fleet_report",
    "whisper_policy",
)
PLAYBOOKS = {
    "benchmark.yml": "whisper_benchmark",
    "metrics.yml": "gpu_metrics",
    "gateway.yml": "whisper_gateway",
    "api.yml": "whisper_api",
}
OPTIONAL = {
    "whisper_api": "whisper_api_enabled",
    "whisper_gateway": "whisper_gateway_enabled",
    "gpu_metrics": "gpu_metrics_enabled",
}


# Run by tests that are no scenario: with none of the variables set, and by nodes, which run the images.
BESIDE_SCENARIOS = {
    "tests/kubernetes": ([{}], ("whisper_kubernetes",)),
    "tests/kubernetes/lab": ([DEMO["variables"]()], ("whisper_kubernetes",)),
}


def roles_run(scenario, hosts):
    """Names that the variables of what a scenario runs begin with."""
    text = "".join(path.read_text(encoding="utf-8") for path in scenario.rglob("*.yml"))
    roles = {path.name for path in (ROOT / "roles").iterdir() if f"whisperops.gpu.{path.name}" in text}
    if "site.yml" in text:
        roles.update(OF_EACH_DEPLOYMENT)
        roles.update(role for role, switch in OPTIONAL.items() if any(host.get(switch) for host in hosts))
        # site.yml looks at the switch of each host, and runs nothing of the role where it is off.
        roles.update(OPTIONAL.values())
        if any("lab_gpu" in host for host in hosts):
            roles.add("nvidia_container_toolkit")
    roles.update(role for playbook, role in PLAYBOOKS.items() if playbook in text)
    return tuple(roles)


def scenarios():
    """Scenario → the variables of each of its hosts, as the inventory gives them, and the roles that it runs."""
    found = dict(BESIDE_SCENARIOS)
    for path in sorted(ROOT.glob("molecule/*/molecule.yml")):
        options = read(path)["ansible"]["executor"]["args"]["ansible_playbook"]
        given = dict(option.removeprefix("--").split("=", 1) for option in options if "=" in option)
        source = given["inventory"].replace("${MOLECULE_PROJECT_DIRECTORY}", str(ROOT))
        loader = DataLoader()
        inventory = InventoryManager(loader=loader, sources=[source])
        variables = VariableManager(loader=loader, inventory=inventory)
        # `${NAME:-hosts}`: what the scenario is limited to if nobody says otherwise.
        hosts = inventory.get_hosts(re.sub(r"\$\{\w+:-(\w+)\}", r"\1", given.get("limit", "all")))
        of_hosts = [variables.get_vars(host=host, include_hostvars=False) for host in hosts]
        found[path.parent.name] = (of_hosts, roles_run(path.parent, of_hosts))
    return found


# Defaults that are read only where another variable has some value.
MATTERS_WHERE = {
    "docker_engine_repository_key_fingerprint": ("docker_engine_source", lambda source: source == "docker"),
    "docker_engine_repository_url": ("docker_engine_source", lambda source: source == "docker"),
    # The one host with dnf.
    "docker_engine_rpm_repository_key_fingerprint": ("inventory_hostname", lambda name: name == "lab-dnf"),
    "gpu_metrics_exporter_checksum": ("lab_gpu", lambda gpu: gpu is not None),
    "gpu_metrics_exporter_url": ("lab_gpu", lambda gpu: gpu is not None),
    # An API server alone starts no pod.
    **dict.fromkeys(
        [f"whisper_kubernetes_{what}_image" for what in ("fetch", "gateway", "prover")],
        ("whisper_kubernetes_build_host", bool),
    ),
    "whisper_image_source_checksum": ("whisper_image_source_git", lambda repository: not repository),
    "whisper_image_source_commit": ("whisper_image_source_git", bool),
    "whisper_image_source_url": ("whisper_image_source_git", lambda repository: not repository),
    "whisper_proof_timer_interval": ("whisper_proof_timer", bool),
    "whisper_server_model_hub": ("whisper_server_model_url", lambda url: not url),
    "whisper_server_vad_model": ("whisper_server_vad", bool),
}


def matters(name, every_default, variables):
    switch, holds = MATTERS_WHERE.get(name, (None, None))
    return switch is None or holds(variables.get(switch, every_default.get(switch)))


def replaced(name, default, variables):
    """Whether a host is given something other than the default."""
    outer, _dot, key = name.partition(".")
    if outer not in variables:
        return False
    value = variables[outer]
    if key:
        # A policy that is itself a template may set anything.
        return not isinstance(value, dict) or (key in value and value[key] != default)
    return value != default


def runs():
    """Default → the scenarios in which a host keeps it."""
    found, every_default = scenarios(), defaults()
    return {
        name: [
            scenario
            for scenario, (of_hosts, roles) in found.items()
            if name.startswith(roles)
            and any(
                matters(name, every_default, variables) and not replaced(name, default, variables)
                for variables in of_hosts
            )
        ]
        for name, default in every_default.items()
    }


@pytest.fixture(scope="module")
def kept():
    return runs()


@pytest.fixture(scope="module")
def out_of_reach():
    return {entry["variable"]: entry for entries in read(OUT_OF_REACH).values() for entry in entries}


def test_each_default_is_run_or_is_out_of_reach(kept, out_of_reach):
    assert sorted({name for name, scenarios in kept.items() if not scenarios} - set(out_of_reach)) == []


def test_each_that_is_out_of_reach_has_its_reason(out_of_reach):
    assert [name for name, entry in out_of_reach.items() if not entry.get("reason")] == []


def test_a_value_equal_to_the_default_replaces_nothing():
    assert not replaced("whisper_image_version", "1.9.5", {"whisper_image_version": "1.9.5"})
    assert replaced("whisper_image_version", "1.9.5", {"whisper_image_version": "1.8.5"})


def test_a_policy_replaces_the_keys_that_it_names():
    assert replaced("whisper_policy.model", "base.en", {"whisper_policy": {"model": "tiny"}})
    assert not replaced("whisper_policy.prefer", "official", {"whisper_policy": {"model": "tiny"}})
    assert replaced("whisper_policy.prefer", "official", {"whisper_policy": "{{ elsewhere }}"})
