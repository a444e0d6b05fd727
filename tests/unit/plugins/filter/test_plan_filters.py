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


def failure(plan, saved, uuids, **policy):
    info = {"gpus": [{"uuid": uuid} for uuid in uuids]}
    return rendered(
        "plan | whisperops.gpu.plan_failure(saved, info, policy)", plan=plan, saved=saved, info=info, policy=policy
    )


ON_GPU = {"verdict": "native", "runtime": "cuda", "reasons": []}
ON_CPU = {"verdict": "cpu", "runtime": "cpu", "reasons": []}


def test_an_impossible_plan_is_told_with_its_reasons() -> None:
    plan = {"verdict": "impossible", "runtime": None, "reasons": ["The driver does not answer.", "dmesg says why."]}
    assert failure(plan, {}, []) == "plan_impossible: The driver does not answer. dmesg says why."


def test_a_gpu_that_served_and_is_gone_is_told() -> None:
    told = failure(ON_GPU, {"gpus": ["GPU-0", "GPU-1"]}, ["GPU-0", None])
    assert told.startswith("gpu_removed: GPU-1 served and is not there any more (seen: GPU-0)")
    assert "(seen: no GPU)" in failure(ON_CPU, {"gpus": ["GPU-0"]}, [])
    assert failure(ON_CPU, {"gpus": ["GPU-0"]}, [], allow_cpu="auto") != ""


def test_a_gpu_that_is_gone_is_told_before_what_its_driver_says_and_a_driver_that_fails_before_its_gpu():
    plan = {"verdict": "impossible", "runtime": None, "reasons": ["nvidia-smi gave no usable answer."]}
    told = failure(plan, {"gpus": ["GPU-0"]}, [])
    assert told.startswith("gpu_removed: GPU-0 served")
    assert told.endswith("Nothing was touched. nvidia-smi gave no usable answer.")
    assert failure(plan, {"gpus": ["GPU-0"]}, [None]).startswith("plan_impossible: nvidia-smi gave no usable answer.")
    assert failure(plan, {"gpus": ["GPU-0"]}, [], gpus=["GPU-0"]).startswith("plan_impossible: ")


@pytest.mark.parametrize(
    ("plan", "policy"),
    [(ON_GPU, {"gpus": ["GPU-0"]}), (ON_CPU, {"allow_cpu": "always"}), (ON_CPU, {"gpus": ["GPU-0"]})],
)
def test_a_gpu_that_was_taken_out_on_purpose_is_not_missed(plan, policy) -> None:
    assert failure(plan, {"gpus": ["GPU-0", "GPU-1"]}, ["GPU-0"], **policy) == ""
    # Servers on the remaining GPUs are no servers on the CPU.
    assert failure(ON_GPU, {"gpus": ["GPU-0", "GPU-1"]}, ["GPU-0"], allow_cpu="always") != ""


@pytest.mark.parametrize(
    "saved", [{}, {"gpus": ["GPU-0"]}, {"gpus": None}, {"gpus": "GPU-1"}, {"gpus": [1, None, {}]}, None]
)
def test_a_saved_plan_that_names_no_other_gpu_stands_in_nobodys_way(saved) -> None:
    assert failure(ON_GPU, saved, ["GPU-0"]) == ""


def test_a_saved_plan_that_was_edited_is_told_in_one_line() -> None:
    assert failure(ON_GPU, {"gpus": ["\x1b[2J\nok"]}, []).isprintable()


def test_an_answer_of_a_host_becomes_a_line() -> None:
    assert rendered("text | whisperops.gpu.sanitize", text="a\x1b[2J\nb\u202e") == "a⟨U+001B⟩[2J b⟨U+202E⟩"


def test_facts_that_would_override_variables_are_named() -> None:
    facts = {"whisper_proof_audio": "/etc/shadow", "_whisper_x": 1, "distribution": "Debian", "whisper": 1}
    assert rendered("facts | whisperops.gpu.overriding_facts", facts=facts) == ["_whisper_x", "whisper_proof_audio"]


BROKEN = {"index": 1, "pci_bus_id": "00000000:0A:00.0", "name": None, "code": "gpu_lost", "reason": "GPU 1 is lost."}


def test_the_table_has_a_row_for_each_gpu_and_for_each_that_is_not_offered() -> None:
    facts = {**GTX_1080_ON_550, "unavailable_gpus": [BROKEN, {**BROKEN, "pci_bus_id": None}]}
    rows = rendered("facts | whisperops.gpu.plan_rows(facts | whisperops.gpu.deployment_plan, 'one')", facts=facts)
    assert [(row["host"], row["gpu"], row["verdict"], row["servers"]) for row in rows] == [
        ("one", "GTX 1080", "native", 1),
        ("one", "00000000:0A:00.0", "gpu_lost", 0),
        ("one", "GPU 1", "gpu_lost", 0),
    ]
    assert [row["image"] for row in rows[1:]] == [None, None]


def test_a_gpu_that_is_not_served_is_left_out_in_the_table() -> None:
    second = {**GTX_1080_ON_550["gpus"][0], "uuid": "GPU-1", "compute_mode": "prohibited"}
    facts = {**GTX_1080_ON_550, "gpus": [*GTX_1080_ON_550["gpus"], second]}
    rows = rendered("facts | whisperops.gpu.plan_rows(facts | whisperops.gpu.deployment_plan, 'one')", facts=facts)
    assert [row["verdict"] for row in rows] == ["native", "left out"]


def test_the_row_of_a_gpu_has_the_models_that_it_serves() -> None:
    plan = "facts | whisperops.gpu.deployment_plan(policy={'models': [{'name': 'base'}, {'name': 'tiny'}]})"
    (row,) = rendered(f"facts | whisperops.gpu.plan_rows({plan}, 'one')", facts=GTX_1080_ON_550)
    assert (row["model"], row["servers"]) == ("base, tiny", 2)


def test_a_host_without_a_gpu_has_one_row() -> None:
    (row,) = rendered("{} | whisperops.gpu.plan_rows({} | whisperops.gpu.deployment_plan, 'one')")
    assert (row["gpu"], row["verdict"], row["servers"]) == (None, "CPU", 1)


def test_the_problems_of_a_host_are_told_with_code_and_remedy() -> None:
    problem = {"code": "gpu_lost", "message": "GPU 1 is lost.", "remedy": "Power the host off."}
    facts = {**GTX_1080_ON_550, "problems": [problem]}
    told = rendered("facts | whisperops.gpu.host_problems(facts | whisperops.gpu.deployment_plan)", facts=facts)
    assert told == ["gpu_lost: GPU 1 is lost. Power the host off."]


def test_that_a_cpu_host_has_no_gpu_is_no_problem() -> None:
    facts = {"gpu_present": False, "problems": [{"code": "no_gpu", "message": "None.", "remedy": None}]}
    expression = "facts | whisperops.gpu.host_problems(facts | whisperops.gpu.deployment_plan(policy=policy))"
    assert rendered(expression, facts=facts, policy={}) == []
    assert rendered(expression, facts=facts, policy={"allow_cpu": "never"}) == ["no_gpu: None."]


@pytest.mark.parametrize("name", ["plan_rows({}, 'one')", "host_problems({})"])
def test_what_is_no_result_is_refused(name) -> None:
    with pytest.raises(AnsibleError, match="allowed: the results of whisperops"):
        rendered(f"'x' | whisperops.gpu.{name}")
