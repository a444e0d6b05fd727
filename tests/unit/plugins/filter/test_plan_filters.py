"""The filters as a playbook calls them: through Ansible's own templating."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleError
from ansible.parsing.dataloader import DataLoader
from ansible.plugins.loader import init_plugin_loader
from ansible.template import Templar, trust_as_template

GTX_1080_ON_550 = {
    "gpu_present": True,
    "driver": {"version": "550.163.01"},
    "cuda_driver_version": "12.4",
    "gpus": [{"uuid": "GPU-0", "name": "GTX 1080", "compute_capability": "6.1", "memory_free_mib": 8000}],
}


@pytest.fixture(scope="module", autouse=True)
def plugin_loader() -> None:
    init_plugin_loader()


def rendered(expression, **variables):
    return Templar(DataLoader(), variables={"gpu_info": GTX_1080_ON_550, **variables}).template(
        trust_as_template("{{ " + expression + " }}")
    )


def test_the_filter_plans_with_its_defaults() -> None:
    plan = rendered("gpu_info | whisperops.gpu.deployment_plan")
    assert plan["image"] == "whisperops/whisper.cpp:cuda12.4.1-61"


def test_the_filter_passes_catalogue_policy_and_measurements_on() -> None:
    own = {"image": "a.example/x", "cuda_version": "12.4", "sass": ["75"]}
    plan = rendered(
        "gpu_info | whisperops.gpu.deployment_plan(catalogue, policy={'first_port': 9000}, measured=measured)",
        catalogue=[own],
        measured={"a.example/x": {"sass": ["61"]}},
    )
    assert plan["image"] == "a.example/x"
    assert plan["servers"] == [{"gpu": "GPU-0", "port": 9000}]
    assert "Measured" in plan["reasons"][0]


def test_a_wrong_value_fails_the_task_with_the_variable_the_value_and_the_choice() -> None:
    with pytest.raises(AnsibleError) as failed:
        rendered("gpu_info | whisperops.gpu.deployment_plan(policy={'prefer': 'remote'})")
    assert "policy.prefer: got 'remote' (str); allowed: official, local." in str(failed.value)


def test_a_summary_is_one_row_and_shouts_what_must_not_be_overlooked() -> None:
    row = rendered("gpu_info | whisperops.gpu.deployment_plan | whisperops.gpu.plan_summary")
    assert (row["image"], row["verdict"]) == ("whisperops/whisper.cpp:cuda12.4.1-61", "native")
    assert "GTX 1080 (compute capability 6.1)" in row["why"]
    cpu = rendered("{} | whisperops.gpu.deployment_plan | whisperops.gpu.plan_summary")
    assert cpu["verdict"] == "CPU"
    never = rendered("{} | whisperops.gpu.deployment_plan(policy={'allow_cpu': 'never'}) | whisperops.gpu.plan_summary")
    assert (never["image"], never["verdict"]) == ("-", "IMPOSSIBLE")
    with pytest.raises(AnsibleError, match="allowed: the result of whisperops"):
        rendered("'x' | whisperops.gpu.plan_summary")


def test_a_saved_plan_is_read_back() -> None:
    text = '{"servers": [{"port": 8080, "gpu": "GPU-0"}], "gpus": ["GPU-0"]}'
    assert rendered("text | whisperops.gpu.saved_plan", text=text)["gpus"] == ["GPU-0"]


@pytest.mark.parametrize(
    "text",
    ["", "{", "null", "[]", '{"servers": 1}', '{"servers": [{}]}', '{"servers": [{"port": "x"}]}', "[" * 50_000],
    ids=range(8),
)
def test_a_text_that_is_no_plan_is_one_without_servers(text: str) -> None:
    assert rendered("text | whisperops.gpu.saved_plan", text=text) == {"servers": [], "gpus": []}


def test_an_answer_of_a_host_becomes_a_line() -> None:
    assert rendered("text | whisperops.gpu.sanitize", text="a\x1b[2J\nb\u202e") == "a⟨U+001B⟩[2J b⟨U+202E⟩"


def test_facts_that_would_override_variables_are_named() -> None:
    facts = {"whisper_proof_audio": "/etc/shadow", "_whisper_x": 1, "distribution": "Debian", "whisper": 1}
    assert rendered("facts | whisperops.gpu.overriding_facts", facts=facts) == ["_whisper_x", "whisper_proof_audio"]
