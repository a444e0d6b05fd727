"""Several models on one host: which GPU serves which, that they fit together, and what is said of it."""

from __future__ import annotations

import copy

import pytest
from ansible_collections.whisperops.gpu.plugins.plugin_utils._plan.changes import deployment_changes
from ansible_collections.whisperops.gpu.plugins.plugin_utils._plan.model_files import model_files, models_of
from ansible_collections.whisperops.gpu.plugins.plugin_utils._plan.plan import deployment_plan
from ansible_collections.whisperops.gpu.plugins.plugin_utils._plan.policy import PlanInputError

from .deployments import CPU_PLAN, DEPLOYED, FACTS, inputs, options, record, rules, told
from .test_plan_for_a_host import GTX_1080_ON_550, NO_GPU, card, code_for, host

CARD = "Card 6.1 (compute capability 6.1) GPU-0"
SHA256 = "sha256:" + 64 * "a"
MINE = {"name": "ggml-mine.bin", "url": "https://user:secret@example.net/x.bin", "checksum": SHA256}


def planned(facts, *models, **policy):
    return deployment_plan(
        facts, policy={**policy, "models": [{"name": m} if isinstance(m, str) else m for m in models]}
    )


def seats(plan):
    return [(one["model"], one["gpu"], one["port"]) for one in plan["servers"]]


def two_gpus(**more):
    return host("550.163.01", card("6.1", 0, **more), card("6.1", 1, **more))


# The plan


def test_models_have_servers_one_after_the_other_and_the_first_is_the_default():
    plan = planned(two_gpus(), "large-v3-turbo", {"name": "base.en", "instances_per_gpu": 2, "gpus": ["GPU-1"]})
    assert plan["model"] == "large-v3-turbo"
    assert seats(plan) == [
        ("large-v3-turbo", "GPU-0", 8080),
        ("large-v3-turbo", "GPU-1", 8081),
        ("base.en", "GPU-1", 8082),
        ("base.en", "GPU-1", 8083),
    ]
    assert models_of(plan) == ["large-v3-turbo", "base.en"]
    assert "Model large-v3-turbo, as the policy asks. Model base.en, as the policy asks." in plan["reasons"]


def test_another_model_at_the_end_moves_no_server():
    before = planned(two_gpus(), "large-v3-turbo", "base.en")
    after = planned(two_gpus(), "large-v3-turbo", "base.en", "tiny")
    assert after["servers"][: len(before["servers"])] == before["servers"]


def test_a_list_of_one_model_is_served_as_that_model_is():
    alone = deployment_plan(GTX_1080_ON_550, policy={"model": "small"})
    listed = planned(GTX_1080_ON_550, "small")
    assert [{"gpu": one["gpu"], "port": one["port"]} for one in listed["servers"]] == alone["servers"]
    assert all(listed[key] == alone[key] for key in ("image", "verdict", "gpus", "model", "environment"))


def test_what_is_not_set_for_a_model_is_that_of_the_policy():
    plan = planned(GTX_1080_ON_550, "base", {"name": "tiny", "instances_per_gpu": 1}, instances_per_gpu=3)
    assert [one["model"] for one in plan["servers"]] == ["base", "base", "base", "tiny"]
    on_cpu = planned(NO_GPU, {"name": "base", "cpu_servers": 2}, "tiny")
    assert seats(on_cpu) == [("base", None, 8080), ("base", None, 8081), ("tiny", None, 8082)]


def test_a_model_that_does_not_fit_beside_those_before_it_is_left_out_on_that_gpu():
    facts = host("550.163.01", card("6.1", 0, memory_free_mib=4000), card("6.1", 1, memory_free_mib=24000))
    plan = planned(facts, "large-v3-turbo", "large-v3")
    assert seats(plan) == [
        ("large-v3-turbo", "GPU-0", 8080),
        ("large-v3-turbo", "GPU-1", 8081),
        ("large-v3", "GPU-1", 8082),
    ]
    (left_out,) = [text for text in plan["warnings"] if text.startswith("Left out: ")]
    assert left_out == (
        f"Left out: Model large-v3: {CARD} has 4000 MiB, too little for 1 server of large-v3 next to 1 server of"
        " large-v3-turbo; together that needs about 7374 MiB. Free GPU memory, name fewer servers or another of its"
        " GPUs in `models`, or choose a quantized model (large-v3-turbo-q5_0, large-v3-turbo-q8_0, large-v3-q5_0)."
    )
    assert code_for(plan, None) == ["not_enough_memory"]


def test_a_model_without_any_server_is_no_plan():
    facts = host("550.163.01", card("6.1", memory_free_mib=4000))
    plan = planned(facts, "large-v3-turbo", "large-v3")
    assert (plan["verdict"], plan["servers"]) == ("impossible", [])
    assert "Model large-v3 would have no server." in plan["reasons"]
    assert any(text.startswith("Remedy: Free GPU memory") for text in plan["reasons"])


def test_where_the_weights_fit_and_what_was_measured_does_not_all_are_served_with_a_warning():
    facts = host("550.163.01", card("6.1", memory_free_mib=5000))
    plan = planned(facts, "large-v3-turbo", "medium")
    assert len(plan["servers"]) == 2
    (tight,) = [text for text in plan["warnings"] if "together" in text]
    # 482 of the driver, 2500 and 2654.
    assert tight.startswith(
        f"{CARD} has 5000 MiB for 1 server of large-v3-turbo, 1 server of medium, which need about 5636 MiB together."
    )


@pytest.mark.parametrize(
    ("free", "model"),
    [
        # Next to base (998 MiB and the driver's 482), with the headroom of 1.25.
        (24000, "large-v3-turbo"),
        (4975, "large-v3-turbo"),
        (4974, "large-v3-turbo-q8_0"),
        (3800, "large-v3-turbo-q5_0"),
        (3700, "small"),
        (3000, "tiny"),
    ],
)
def test_auto_takes_what_fits_next_to_the_named_models_quantized_where_memory_asks_for_it(free, model):
    plan = planned(host("550.163.01", card("6.1", memory_free_mib=free)), "auto", "base")
    assert (plan["model"], [one["model"] for one in plan["servers"]]) == (model, [model, "base"])
    quantized = "It is quantized, because with large-v3-turbo 4975 MiB would be needed" in "\n".join(plan["reasons"])
    assert quantized is ("-q" in model)


def test_the_model_of_a_policy_with_one_is_never_quantized_by_auto():
    facts = host("550.163.01", card("6.1", memory_free_mib=3000))
    assert deployment_plan(facts, policy={"model": "auto"})["model"] == "small"


def test_auto_is_never_a_model_that_is_named_and_on_a_cpu_the_one_that_is_fast_enough():
    assert planned(two_gpus(), "large-v3-turbo", "auto")["servers"][-1]["model"] == "small"
    assert [one["model"] for one in planned(NO_GPU, "auto", "base.en")["servers"]] == ["base", "base.en"]
    assert [one["model"] for one in planned(NO_GPU, "auto", "base")["servers"]] == ["tiny", "base"]


def test_a_gpu_that_is_too_small_for_any_model_makes_auto_no_smaller_on_the_others():
    facts = host("550.163.01", card("6.1", 0, memory_free_mib=1800), card("6.1", 1))
    assert seats(planned(facts, "base", "auto")) == [
        ("base", "GPU-0", 8080),
        ("base", "GPU-1", 8081),
        ("large-v3-turbo", "GPU-1", 8082),
    ]
    full = host("550.163.01", card("6.1", 0, memory_free_mib=1800))
    assert "Model tiny would have no server." in planned(full, "base", "auto")["reasons"]


def test_auto_is_modest_where_free_memory_is_not_known():
    facts = host("550.163.01", card("6.1", memory_free_mib=None, memory_total_mib=None))
    assert planned(facts, "auto", "base")["model"] == "tiny"


def test_a_gpu_in_an_exclusive_mode_has_the_first_model_alone():
    facts = host("550.163.01", card("6.1", 0, compute_mode="exclusive_process"), card("6.1", 1))
    plan = planned(facts, "base", "tiny", instances_per_gpu=2)
    assert [one["model"] for one in plan["servers"] if one["gpu"] == "GPU-0"] == ["base"]
    taken = f"Model tiny: {CARD} is in an exclusive compute mode and has its one server, base."
    assert taken in "\n".join(plan["warnings"])
    alone = host("550.163.01", card("6.1", 0, compute_mode="exclusive_process"))
    assert planned(alone, "base", "tiny")["verdict"] == "impossible"


def test_a_gpu_that_no_model_names_is_left_out_as_it_is_wanted():
    plan = planned(two_gpus(), {"name": "base", "gpus": ["GPU-0"]})
    assert plan["gpus"] == ["GPU-0"]
    assert code_for(plan, None) == ["gpu_excluded"]
    assert not [text for text in plan["warnings"] if "Left out" in text]


def test_a_model_whose_gpus_the_image_does_not_serve_has_no_server():
    facts = host("550.163.01", card("6.1", 0), card("3.5", 1))
    models = {"name": "base"}, {"name": "tiny", "gpus": ["GPU-1"]}
    plan = planned(facts, *models)
    assert plan["verdict"] == "impossible"
    assert "Model tiny would have no server." in plan["reasons"]


@pytest.mark.parametrize(
    ("policy", "said"),
    [
        ({"model": "base", "models": [{"name": "tiny"}]}, "policy.models: model is set too."),
        ({"models": []}, "policy.models: got [] (list); allowed: a list with one model at least"),
        ({"models": "base"}, "policy.models: got 'base' (str)"),
        ({"models": ["base"]}, "policy.models[0]: got 'base' (str); allowed: a dictionary with name"),
        ({"models": [{"gpus": "all"}]}, "policy.models[0]: got {'gpus': 'all'} (dict)"),
        ({"models": [{"name": "huge"}]}, "policy.models[0].name: got 'huge' (str); allowed: auto, tiny"),
        ({"models": [{"name": "a/b.bin"}]}, "policy.models[0].name: got 'a/b.bin' (str)"),
        ({"models": [{"name": "base"}, {"name": "base"}]}, "policy.models[1].name: base is there twice."),
        (
            {"models": [{"name": "base"}, {"name": "ggml-base.bin"}]},
            "policy.models[1].name: ggml-base.bin is there",
        ),
        ({"models": [{"name": "base", "servers": 2}]}, "policy.models[0]: unknown key servers; allowed: name, gpus"),
        (
            {"models": [{"name": "base", "gpus": ["GPU-9"]}]},
            "policy.models[0].gpus: this host has no GPU GPU-9; it has: GPU-0",
        ),
        ({"models": [{"name": "base", "gpus": []}]}, "policy.models[0].gpus: got [] (list); allowed: all, or a list"),
        (
            {"gpus": [], "models": [{"name": "base", "gpus": ["GPU-0"]}]},
            "allowed: all, or a list of UUIDs out of policy.gpus",
        ),
        ({"models": [{"name": "base", "instances_per_gpu": 0}]}, "policy.models[0].instances_per_gpu: got 0 (int)"),
        ({"models": [{"name": "base"}], "instances_per_gpu": "auto"}, "policy.instances_per_gpu: got 'auto' (str)"),
        ({"models": [{"name": "base", "cpu_servers": True}]}, "policy.models[0].cpu_servers: got True (bool)"),
        (
            {"models": [{"name": name} for name in ("auto", "base", "tiny", "small", "large-v3-turbo")]},
            "policy.models: every model that auto could be is named. Remove auto.",
        ),
    ],
)
def test_a_list_that_cannot_be_served_is_refused(policy, said):
    with pytest.raises(PlanInputError) as error:
        deployment_plan(GTX_1080_ON_550, policy=policy)
    assert said in str(error.value)


# Their files


def test_each_model_has_its_file_and_the_one_for_voice_activity_detection_is_the_last():
    plan = planned(NO_GPU, "base.en", "ggml-mine.bin")
    given = {
        "whisper_server_model_files": [MINE],
        "whisper_server_vad": True,
        "whisper_server_vad_model": "silero-v5.1.2",
    }
    found = model_files(plan, given)
    assert [(one.model, one.file) for one in found] == [
        ("base.en", "ggml-base.en.bin"),
        ("ggml-mine.bin", "ggml-mine.bin"),
        ("silero-v5.1.2", "ggml-silero-v5.1.2.bin"),
    ]
    assert (found[1].url, found[1].checksum, found[1].own) == (MINE["url"], SHA256, True)
    assert "secret" not in found[1].shown


def test_a_published_model_can_have_another_checksum_where_the_mirror_has_another_file():
    plan = planned(NO_GPU, "base.en")
    found = model_files(plan, {"whisper_server_model_files": [{"name": "base.en", "checksum": SHA256}]})
    assert [(one.file, one.checksum, one.own) for one in found] == [("ggml-base.en.bin", SHA256, False)]
    assert found[0].url.endswith("/ggml-base.en.bin")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "model_unknown: 'ggml-mine.bin' is no model of whisper.cpp."),
        (
            {"whisper_server_model_files": [{**MINE, "checksum": "md5:1"}]},
            "model_without_checksum: url of ggml-mine",
        ),
        ({"whisper_server_model_url": MINE["url"]}, "server_option_invalid: whisper_server_model_url is set, and"),
        ({"whisper_server_model_checksum": SHA256}, "server_option_invalid: whisper_server_model_checksum is set, and"),
    ],
)
def test_a_model_without_a_source_or_a_checksum_ends_the_run_before_anything_is_done(given, said):
    with pytest.raises(PlanInputError) as error:
        changes(DEPLOYED, planned(NO_GPU, "base.en", "ggml-mine.bin"), **given)
    assert str(error.value).startswith(said)
    assert "secret" not in str(error.value)


# The list of changes


TWO = {
    **CPU_PLAN,
    "servers": [{"gpu": None, "port": 8080, "model": "base.en"}, {"gpu": None, "port": 8081, "model": "tiny"}],
}


def changes(there, plan, **given):
    found = options(**given)
    return deployment_changes(there, plan, {"options": found, "inputs": inputs.inputs(given)})


def served(plan, **given):
    """A host as a completed run of the plan leaves it."""
    after = copy.deepcopy(DEPLOYED)
    labels = {one.model: one.label for one in model_files(plan, options(**given))}
    after["models"] = dict.fromkeys((label.partition("@")[0] for label in labels.values()), "1 bytes of 1")
    after["files"] = {**after["files"], "/etc/whisper/firewall.nft": rules(plan, **given)}
    after["engine"] = {**after["engine"], "limits": None}
    after["servers"] = [
        {**DEPLOYED["servers"][0], "name": f"whisper-server-{number}", "model": labels[one.get("model", plan["model"])]}
        for number, one in enumerate(plan["servers"])
    ]
    after["applied"] = record(inputs.inputs(given), plan, after["gpu"], FACTS, after)
    return after


def of_servers(found):
    return [one for one in told(found) if one.startswith("whisper_server: ")]


def test_a_host_that_has_its_models_has_no_changes():
    assert changes(served(TWO), TWO) == []


def test_another_model_is_downloaded_and_created_and_the_servers_there_are_left_alone():
    plan = {**TWO, "servers": [*TWO["servers"], {"gpu": None, "port": 8082, "model": "small"}]}
    found = changes(served(TWO), plan)
    assert of_servers(found) == [
        "whisper_server: download the model",
        "whisper_server: create whisper-server-2",
        "whisper_server: check plan: servers",
    ]
    assert [one.after for one in found if one.action == "download"] == ["ggml-small.bin"]


def test_the_server_whose_model_is_another_is_replaced_alone():
    plan = {**TWO, "servers": [TWO["servers"][0], {**TWO["servers"][1], "model": "small"}]}
    (change,) = [one for one in changes(served(TWO), plan) if one.action == "replace"]
    assert (change.what, change.why) == ("whisper-server-1", "its model is another")
    assert (change.before[:13], change.after[:14]) == ("ggml-tiny.bin", "ggml-small.bin")


def test_the_server_that_has_moved_is_replaced_alone():
    plan = {**TWO, "servers": [TWO["servers"][0], {**TWO["servers"][1], "port": 9000}]}
    (change,) = [one for one in changes(served(TWO), plan) if one.action == "replace"]
    assert (change.what, change.before, change.after) == (
        "whisper-server-1",
        "tiny on CPU, port 8081",
        "tiny on CPU, port 9000",
    )


def test_a_host_with_one_model_gets_a_list_and_keeps_its_server():
    plan = {**TWO, "servers": TWO["servers"][:1]}
    found = changes(served(CPU_PLAN), plan)
    assert told(found) == ["whisper_server: check plan: servers"]
    assert told(changes(served(plan), CPU_PLAN)) == ["whisper_server: check plan: servers"]


def test_another_file_of_a_model_replaces_its_server_alone():
    plan = {**TWO, "servers": [TWO["servers"][0], {**TWO["servers"][1], "model": "ggml-mine.bin"}]}
    there = served(plan, whisper_server_model_files=[MINE])
    assert changes(there, plan, whisper_server_model_files=[MINE]) == []
    other = {**MINE, "checksum": "sha256:" + 64 * "b"}
    found = changes(there, plan, whisper_server_model_files=[other])
    assert [one.what for one in found if one.action == "replace"] == ["whisper-server-1"]
    # An entry that no host uses replaces nothing, and other credentials are no difference.
    more = changes(there, plan, whisper_server_model_files=[MINE, {**other, "name": "ggml-other.bin"}])
    assert told(more) == ["whisper_server: check whisper_server_model_files"]
    renewed = {**MINE, "url": MINE["url"].replace("secret", "renewed")}
    assert changes(there, plan, whisper_server_model_files=[renewed]) == []


def test_an_option_that_one_of_the_models_cannot_have_ends_the_run_before_anything_is_done():
    plan = planned(NO_GPU, "base", "tiny.en")
    with pytest.raises(PlanInputError, match=r"the model ggml-tiny\.en\.bin speaks English alone"):
        changes(DEPLOYED, plan, whisper_server_language="de")


def test_each_server_has_the_limits_of_its_own_model():
    plan = planned(NO_GPU, "base", "large-v3")
    there = copy.deepcopy(DEPLOYED)
    labels = {one.model: one.label for one in model_files(plan, options())}
    there["servers"] = [
        {**DEPLOYED["servers"][0], "name": f"whisper-server-{number}", "model": label}
        for number, label in enumerate(labels.values())
    ]
    limits = [one.after for one in changes(there, plan) if one.action == "replace"]
    assert len(limits) == len(set(limits)) == 2
