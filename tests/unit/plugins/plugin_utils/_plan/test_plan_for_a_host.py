"""What is planned for which host, and what a person is told about it."""

from __future__ import annotations

import json

import pytest
from ansible_collections.whisperops.gpu.plugins.plugin_utils._plan.catalogue import BUILT_IN, NATIVE_CPU
from ansible_collections.whisperops.gpu.plugins.plugin_utils._plan.plan import deployment_plan
from ansible_collections.whisperops.gpu.plugins.plugin_utils._plan.policy import PlanInputError

MAIN_CUDA = "ghcr.io/ggml-org/whisper.cpp:main-cuda"
MAIN_CPU = "ghcr.io/ggml-org/whisper.cpp:main"
LAST_BEFORE_CUDA_13 = f"{MAIN_CUDA}-5527454cdb3e15d7e2b8a6e2afcb58cb61651fd2"
# Of every plan with an official image.
BASELINE = NATIVE_CPU["message"]
KEYS = [
    "runtime",
    "origin",
    "image",
    "verdict",
    "gpus",
    "cuda_version",
    "cmake_cuda_architectures",
    "build",
    "environment",
    "model",
    "servers",
    "reasons",
    "rejected",
    "warnings",
]
CODES = {
    "driver_too_old",
    "no_code_for_gpu",
    "ptx_too_new",
    "jit_not_allowed",
    "branch_dropped_gpu",
    "gpu_excluded",
    "cpu_not_allowed",
    "known_problem",
    "not_enough_memory",
    "driver_missing",
    "driver_not_answering",
    "wrong_platform",
}


def card(capability, slot=0, **more):
    known = {
        "index": slot,
        "uuid": f"GPU-{slot}",
        "name": f"Card {capability or 'of some kind'}",
        "pci_bus_id": f"00000000:{slot:02x}:00.0",
        "compute_capability": capability,
        "memory_total_mib": 24576,
        "memory_free_mib": 24000,
        "mig_mode": None,
        "processes": [],
    }
    return {**known, **more}


def host(driver, *cards, **more):
    facts = {
        "gpu_present": bool(cards),
        "driver": {"version": driver, "flavor": "proprietary" if driver else "none"},
        "cuda_driver_version": None,
        "gpus": list(cards),
        "problems": [],
        "source": "nvml",
    }
    return {**facts, **more}


def told(plan):
    return "\n".join(plan["reasons"])


def code_for(plan, image):
    return [entry["code"] for entry in plan["rejected"] if entry["image"] == image]


GTX_1080_ON_550 = host("550.163.01", card("6.1"), cuda_driver_version="12.4")
H100_ON_580 = host("580.65.06", card("9.0"), cuda_driver_version="13.0")
NO_GPU = host(None)


# The image


def test_a_gtx_1080_on_driver_550_gets_an_image_of_its_own() -> None:
    plan = deployment_plan(GTX_1080_ON_550)
    assert list(plan) == KEYS
    assert (plan["runtime"], plan["origin"], plan["verdict"]) == ("cuda", "local", "native")
    assert plan["image"] == "whisperops/whisper.cpp:cuda12.4.1-61"
    assert plan["cmake_cuda_architectures"] == "61-real"
    assert plan["build"]["base_images"] == {
        "build": "nvidia/cuda:12.4.1-devel-ubuntu22.04",
        "runtime": "ubuntu:22.04",
    }
    assert plan["build"]["options"]["CMAKE_CUDA_ARCHITECTURES"] == "61-real"
    assert "GGML_CUDA_COMPRESSION_MODE" not in plan["build"]["options"]
    assert plan["servers"] == [{"gpu": "GPU-0", "port": 8080}]
    assert code_for(plan, MAIN_CUDA) == ["driver_too_old"]
    assert code_for(plan, MAIN_CPU) == ["cpu_not_allowed"]
    assert "Card 6.1 (compute capability 6.1) under driver 550.163.01 (CUDA 12.4)" in told(plan)


def test_an_h100_on_driver_580_gets_the_official_image_without_its_compat_path() -> None:
    plan = deployment_plan(H100_ON_580)
    assert (plan["origin"], plan["image"], plan["verdict"]) == ("official", MAIN_CUDA, "native")
    assert plan["environment"] == {"LD_LIBRARY_PATH": ""}
    assert (plan["build"], plan["cmake_cuda_architectures"], plan["cuda_version"]) == (None, None, "13.0.0")
    assert "By its catalogue entry" in told(plan)
    assert [entry["image"] for entry in plan["rejected"]] == [MAIN_CPU]


@pytest.mark.parametrize(
    ("driver", "capability", "cuda"),
    [
        ("550.163.01", "6.1", "12.4.1"),
        ("580.65.06", "7.0", "12.9.1"),
        ("535.261.03", "8.0", "12.2.2"),
        ("565.57.01", "6.1", "12.6.3"),
        ("580.65.06", "12.0", "13.0.2"),
        ("580.65.06", "10.3", "13.0.2"),
        ("570.26", "12.0", "12.8.1"),
        ("615.10", "10.7", "13.4.1"),
        ("470.256.02", "6.1", "11.8.0"),
        ("700.10", "12.0", "13.4.1"),
    ],
)
def test_a_local_build_takes_the_newest_base_that_suits_driver_and_card(driver, capability, cuda) -> None:
    plan = deployment_plan(host(driver, card(capability)))
    assert (plan["origin"], plan["cuda_version"]) == ("local", cuda)


@pytest.mark.parametrize("capability", ["7.5", "8.0", "8.6", "8.9", "9.0"])
def test_the_official_image_serves_what_its_sass_serves(capability) -> None:
    plan = deployment_plan(host("580.65.06", card(capability)))
    assert plan["image"] == MAIN_CUDA
    assert plan["verdict"] == ("same_major" if capability == "8.9" else "native")


def test_a_base_that_is_newer_than_the_driver_is_built_uncompressed_and_started_all_the_same() -> None:
    bases = ("12.6.3", "12.5.1", "12.4.1", "12.3.2", "12.2.2", "12.1.1", "12.0.1", "11.8.0", "11.7.1")
    gone = {f"nvidia/cuda:{base}-devel-ubuntu22.04": "manifest unknown" for base in bases}
    plan = deployment_plan(GTX_1080_ON_550, policy={"unavailable": gone})
    assert plan["cuda_version"] == "12.9.1"
    assert plan["build"]["options"]["GGML_CUDA_COMPRESSION_MODE"] == "none"
    assert plan["environment"] == {"NVIDIA_DISABLE_REQUIRE": "1"}
    assert "minor-version compatibility" in told(plan)


def test_a_base_image_that_cannot_be_had_gives_way_to_the_next_older_one() -> None:
    base = "nvidia/cuda:12.4.1-devel-ubuntu22.04"
    plan = deployment_plan(GTX_1080_ON_550, policy={"unavailable": {base: "manifest unknown"}})
    assert plan["cuda_version"] == "12.3.2"
    assert {"image": base, "code": "known_problem", "reason": "It cannot be had: manifest unknown"} in plan["rejected"]


def test_an_official_image_that_cannot_be_had_gives_way_to_a_local_build() -> None:
    plan = deployment_plan(H100_ON_580, policy={"unavailable": {MAIN_CUDA: "the registry did not answer"}})
    assert plan["image"] == "whisperops/whisper.cpp:cuda13.0.2-90"
    assert code_for(plan, MAIN_CUDA) == ["known_problem"]


def test_superseded_official_images_are_told_but_never_chosen() -> None:
    plan = deployment_plan(GTX_1080_ON_550, policy={"allow_jit": True})
    assert plan["origin"] == "local"
    eras = [entry for entry in plan["rejected"] if str(entry["image"]).startswith(f"{MAIN_CUDA}-")]
    assert [entry["code"] for entry in eras] == ["known_problem"] * 3
    last, *without_server = eras
    assert "extra_images" in last["reason"]
    # Those of 2024 have no whisper-server to start: a person is not sent there.
    for entry in without_server:
        assert "no `whisper-server`" in entry["reason"]
        assert "extra_images" not in entry["reason"]


def test_a_superseded_image_that_a_person_names_is_chosen() -> None:
    named = {"image": LAST_BEFORE_CUDA_13, "cuda_version": "12.3.1", "ptx": [{"arch": "61", "isa": "8.3"}]}
    plan = deployment_plan(GTX_1080_ON_550, policy={"allow_jit": True, "extra_images": [named]})
    assert (plan["image"], plan["verdict"]) == (LAST_BEFORE_CUDA_13, "jit")
    refused = deployment_plan(GTX_1080_ON_550, policy={"extra_images": [named]})
    assert refused["origin"] == "local"
    assert code_for(refused, LAST_BEFORE_CUDA_13) == ["jit_not_allowed"]


def test_prefer_local_builds_where_the_official_image_would_do() -> None:
    plan = deployment_plan(H100_ON_580, policy={"prefer": "local"})
    assert plan["image"] == "whisperops/whisper.cpp:cuda13.0.2-90"
    assert "`prefer: local`" in told(plan)


def test_a_persons_own_image_comes_before_the_official_one() -> None:
    own = {"image": "registry.example/whisper:1", "cuda_version": "13.0.0", "sass": ["90"]}
    plan = deployment_plan(H100_ON_580, policy={"extra_images": [own]})
    assert plan["image"] == "registry.example/whisper:1"
    assert plan["environment"] == {}


def test_a_catalogue_replaces_the_built_in_one_and_its_order_is_the_preference() -> None:
    first = {"image": "a.example/x", "cuda_version": "13.0", "sass": ["90"], "known_problems": ["It is slow."]}
    second = {"image": "b.example/x", "cuda_version": "13.0", "sass": ["90"]}
    plan = deployment_plan(H100_ON_580, catalogue=[first, second])
    assert plan["image"] == "a.example/x"
    assert plan["warnings"] == ["It is slow."]
    assert deployment_plan(H100_ON_580, catalogue=[second, first])["image"] == "b.example/x"


def test_an_image_with_sass_comes_before_one_that_must_be_compiled_first() -> None:
    compiled = {"image": "a.example/x", "cuda_version": "13.0", "ptx": [{"arch": "90", "isa": "9.0"}]}
    ready = {"image": "b.example/x", "cuda_version": "13.0", "sass": ["90"]}
    policy = {"allow_jit": True}
    assert deployment_plan(H100_ON_580, catalogue=[compiled, ready], policy=policy)["image"] == "b.example/x"
    assert deployment_plan(H100_ON_580, catalogue=[compiled], policy=policy)["verdict"] == "jit"


def test_an_image_newer_than_the_driver_is_let_through_its_own_check_and_warned_about() -> None:
    image = {"image": "a.example/x", "cuda_version": "12.9", "sass": ["61"]}
    plan = deployment_plan(GTX_1080_ON_550, catalogue=[image])
    assert plan["environment"] == {"NVIDIA_DISABLE_REQUIRE": "1"}
    assert any("device kernel image is invalid" in warning for warning in plan["warnings"])
    older = deployment_plan(GTX_1080_ON_550, catalogue=[{**image, "cuda_version": "12.6"}])
    assert (older["environment"], older["warnings"]) == ({"NVIDIA_DISABLE_REQUIRE": "1"}, [])


# What was measured


def test_what_an_image_really_carries_replaces_what_the_catalogue_claims() -> None:
    seen = {"sass": ["75"], "ptx": [], "cuda_version": "13.0.0", "problems": []}
    plan = deployment_plan(H100_ON_580, measured={MAIN_CUDA: seen})
    assert plan["origin"] == "local"
    assert [entry["reason"][:9] for entry in plan["rejected"] if entry["image"] == MAIN_CUDA] == ["Measured:"]
    confirmed = deployment_plan(H100_ON_580, measured={MAIN_CUDA: {**seen, "sass": ["90"]}})
    assert confirmed["image"] == MAIN_CUDA
    assert "Measured, " in told(confirmed)


def test_the_kernels_of_ggml_decide_and_not_those_of_cublas() -> None:
    libraries = [
        {"path": "/app/build/ggml/src/libggml-cuda.so", "sass": ["75", "90"], "ptx": [], "complete": ["75"]},
        {"path": "/usr/local/cuda/lib64/libcublas.so.13", "sass": ["75", "90"], "ptx": []},
    ]
    seen = {"sass": ["75", "90"], "ptx": [], "cuda_version": "13.0.0", "libraries": libraries}
    assert code_for(deployment_plan(H100_ON_580, measured={MAIN_CUDA: seen}), MAIN_CUDA) == ["no_code_for_gpu"]
    libraries[0]["complete"] = ["75", "90"]
    assert deployment_plan(H100_ON_580, measured={MAIN_CUDA: seen})["image"] == MAIN_CUDA


def test_problems_of_the_image_become_warnings_and_a_missing_version_is_the_claimed_one() -> None:
    problem = {"code": "compat_library_shadows_driver", "message": "compat comes first.", "remedy": "Take it out."}
    seen = {"sass": ["90"], "ptx": None, "cuda_version": None, "problems": [problem]}
    plan = deployment_plan(H100_ON_580, measured={MAIN_CUDA: seen})
    assert plan["warnings"] == [BASELINE, "compat comes first. Take it out."]
    assert plan["cuda_version"] == "13.0.0"


def test_an_image_that_was_built_here_is_measured_under_its_full_tag() -> None:
    tag = "whisperops/whisper.cpp:cuda12.4.1-61-v1.9.3"
    good = {"sass": ["61"], "ptx": [], "cuda_version": "12.4.1"}
    plan = deployment_plan(GTX_1080_ON_550, measured={tag: good})
    assert plan["image"] == "whisperops/whisper.cpp:cuda12.4.1-61"
    assert "Measured" in told(plan)
    bad = deployment_plan(GTX_1080_ON_550, measured={tag: {**good, "sass": ["75"]}})
    assert bad["verdict"] == "impossible"
    assert "Build the image anew" in told(bad)


# Several GPUs


def test_one_image_serves_a_pascal_beside_an_ampere() -> None:
    plan = deployment_plan(host("580.65.06", card("8.6", 1), card("6.1", 0)))
    assert plan["cmake_cuda_architectures"] == "61-real;86-real"
    assert plan["image"] == "whisperops/whisper.cpp:cuda12.9.1-61-86"
    assert plan["servers"] == [{"gpu": "GPU-0", "port": 8080}, {"gpu": "GPU-1", "port": 8081}]
    reason = next(entry["reason"] for entry in plan["rejected"] if entry["image"] == MAIN_CUDA)
    assert reason.startswith("It would serve Card 8.6 (compute capability 8.6) alone.")


def test_two_cards_of_one_kind_are_one_architecture() -> None:
    plan = deployment_plan(host("550.163.01", card("6.1", 0), card("6.1", 1)))
    assert plan["cmake_cuda_architectures"] == "61-real"


def test_a_card_that_the_driver_dropped_is_left_out_and_named() -> None:
    plan = deployment_plan(host("595.45.04", card("6.1", 0), card("9.0", 1)))
    assert (plan["image"], plan["gpus"]) == (MAIN_CUDA, ["GPU-1"])
    warning = next(warning for warning in plan["warnings"] if "Card 6.1" in warning)
    assert warning.startswith("Left out: GPU-0: ")
    assert warning.endswith("Install driver branch 580, with its proprietary kernel modules.")
    assert "Left out" not in told(plan)
    assert code_for(plan, None) == ["branch_dropped_gpu"]


def test_a_card_that_only_jit_could_serve_is_left_out_for_that_reason() -> None:
    image = {"image": "a.example/x", "cuda_version": "13.4", "sass": ["90"], "ptx": [{"arch": "90", "isa": "9.4"}]}
    mixed = host("615.10", card("9.0", 0), card("13.0", 1))
    plan = deployment_plan(mixed, catalogue=[image])
    assert plan["gpus"] == ["GPU-0"]
    assert code_for(plan, None) == ["jit_not_allowed"]
    allowed = deployment_plan(mixed, catalogue=[image], policy={"allow_jit": True})
    assert (allowed["gpus"], allowed["verdict"]) == (["GPU-0", "GPU-1"], "jit")
    assert any("not in the tables" in warning for warning in allowed["warnings"])


def test_where_no_toolkit_compiles_for_all_the_one_for_most_is_taken() -> None:
    thor = {"cuda_driver_version": "13.0"}
    mixed = host("580.65.06", card("11.0", 0), card("7.0", 1), card("6.1", 2), **thor)
    plan = deployment_plan(mixed)
    assert plan["cmake_cuda_architectures"] == "61-real;70-real"
    assert "cannot compile for Card 11.0" in "\n".join(plan["warnings"])


def test_more_instances_take_ascending_ports_gpu_by_gpu() -> None:
    facts = host("550.163.01", card("6.1", 0), card("6.1", 1))
    plan = deployment_plan(facts, policy={"instances_per_gpu": 2, "first_port": 9000})
    assert [(server["gpu"], server["port"]) for server in plan["servers"]] == [
        ("GPU-0", 9000),
        ("GPU-0", 9001),
        ("GPU-1", 9002),
        ("GPU-1", 9003),
    ]


def test_a_cpu_serves_with_as_many_servers_as_the_policy_says() -> None:
    plan = deployment_plan(NO_GPU, policy={"cpu_servers": 3, "instances_per_gpu": 2, "first_port": 9000})
    assert plan["servers"] == [{"gpu": None, "port": port} for port in (9000, 9001, 9002)]


@pytest.mark.parametrize(
    ("cores", "servers", "threads", "why"),
    [
        (16, 1, 16, "Threads of each server: 16 (as many as the host has cores: 16)."),
        (16, 3, 5, "Threads of each server: 5 (16 cores, 3 servers)."),
        (2, 3, 1, "Threads of each server: 1 (2 cores, 3 servers)."),
    ],
)
def test_servers_on_the_cpu_share_its_cores(cores, servers, threads, why) -> None:
    plan = deployment_plan({**NO_GPU, "cores": cores}, policy={"cpu_servers": servers})
    assert (plan["threads"], plan["reasons"][-1]) == (threads, why)


@pytest.mark.parametrize("facts", [NO_GPU, {**GTX_1080_ON_550, "cores": 8}])
def test_of_threads_a_plan_says_nothing_where_there_is_a_gpu_or_the_cores_are_not_known(facts) -> None:
    plan = deployment_plan(facts)
    assert "threads" not in plan
    assert not [reason for reason in plan["reasons"] if "hread" in reason]


def test_the_number_of_cpu_servers_is_none_of_a_gpus_business() -> None:
    plan = deployment_plan(GTX_1080_ON_550, policy={"cpu_servers": 3})
    assert [server["gpu"] for server in plan["servers"]] == ["GPU-0"]


def test_only_the_gpus_that_the_policy_names_are_served() -> None:
    plan = deployment_plan(host("550.163.01", card("6.1", 0), card("8.6", 1)), policy={"gpus": ["GPU-1"]})
    assert (plan["gpus"], plan["cmake_cuda_architectures"]) == (["GPU-1"], "86-real")
    assert code_for(plan, None) == ["gpu_excluded"]


def test_no_gpu_left_is_no_plan() -> None:
    plan = deployment_plan(GTX_1080_ON_550, policy={"gpus": []})
    assert plan["verdict"] == "impossible"
    assert "No GPU of this host is left" in told(plan)


def test_a_card_in_mig_mode_serves_only_through_the_mig_devices_that_are_named() -> None:
    devices = [{"uuid": f"MIG-{n}", "name": "MIG 3g.40gb", "memory_total_mib": 40000} for n in (1, 0)]
    facts = host("580.65.06", card("9.0", 0, mig_mode=True, mig_devices=devices), card("9.0", 1))
    plan = deployment_plan(facts)
    assert plan["gpus"] == ["GPU-1"]
    assert any("MIG mode" in warning and "(MIG-0, MIG-1)" in warning for warning in plan["warnings"])
    chosen = deployment_plan(facts, policy={"gpus": ["GPU-1"]})
    assert "is not among the GPUs that the policy names" in told(chosen)
    assert chosen["warnings"] == [BASELINE]
    assert deployment_plan(facts, policy={"gpus": ["MIG-0", "MIG-1"]})["gpus"] == ["MIG-0", "MIG-1"]
    assert deployment_plan(facts, policy={"gpus": ["GPU-0"]})["verdict"] == "impossible"


# The model


@pytest.mark.parametrize(
    ("free", "model"),
    [
        (24000, "large-v3-turbo"),
        (3727, "large-v3-turbo"),
        (3726, "small"),
        (2382, "small"),
        (2381, "base"),
        (1850, "base"),
        (1849, "tiny"),
        (1725, "tiny"),
    ],
)
def test_auto_takes_the_best_model_that_fits_with_headroom(free, model) -> None:
    plan = deployment_plan(host("550.163.01", card("6.1", memory_free_mib=free)), policy={"model": "auto"})
    assert plan["model"] == model


def test_auto_fits_every_server_on_the_fullest_gpu() -> None:
    facts = host("550.163.01", card("6.1", 0, memory_free_mib=24000), card("6.1", 1, memory_free_mib=4200))
    assert deployment_plan(facts, policy={"model": "auto"})["model"] == "large-v3-turbo"
    assert deployment_plan(facts, policy={"model": "auto", "instances_per_gpu": 2})["model"] == "small"


def test_auto_is_modest_where_free_memory_is_not_known() -> None:
    facts = host("550.163.01", card("6.1", memory_free_mib=None, memory_total_mib=None))
    plan = deployment_plan(facts, policy={"model": "auto"})
    assert plan["model"] == "tiny"
    assert "not known" in told(plan)


def test_a_gpu_without_room_for_the_model_is_left_out() -> None:
    facts = host("550.163.01", card("6.1", 0, memory_free_mib=1000), card("6.1", 1))
    plan = deployment_plan(facts, policy={"model": "large-v3"})
    assert plan["gpus"] == ["GPU-1"]
    assert code_for(plan, None) == ["not_enough_memory"]
    (reason,) = [entry["reason"] for entry in plan["rejected"] if entry["image"] is None]
    assert "needs about 4874 MiB (measured on an H100)" in reason
    full = deployment_plan(host("550.163.01", card("6.1", memory_free_mib=100)), policy={"model": "auto"})
    assert (full["verdict"], code_for(full, None)) == ("impossible", ["not_enough_memory"])


def test_our_own_servers_make_room_for_their_successors() -> None:
    own = {"pid": 7, "name": "/app/build/bin/whisper-server", "used_memory_mib": 2500, "container_id": "c"}
    busy = card("6.1", memory_total_mib=4096, memory_free_mib=1900, processes=[own])
    assert deployment_plan(host("550.163.01", busy), policy={"model": "auto"})["model"] == "large-v3-turbo"
    own["used_memory_mib"] = None
    assert deployment_plan(host("550.163.01", busy), policy={"model": "auto"})["model"] == "large-v3-turbo"
    own["name"] = "python3"
    assert deployment_plan(host("550.163.01", busy), policy={"model": "auto"})["model"] == "base"


def test_a_model_of_unknown_size_is_served_unchecked_and_that_is_said() -> None:
    plan = deployment_plan(host("550.163.01", card("6.1", memory_free_mib=700)), policy={"model": "ggml-smoke.en.bin"})
    assert plan["model"] == "ggml-smoke.en.bin"
    assert "was not checked" in told(plan)


@pytest.mark.parametrize(("servers", "needed"), [(1, 1480), (2, 2478), (16, 16450)])
def test_every_server_needs_the_memory_again(servers, needed) -> None:
    policy = {"model": "base", "instances_per_gpu": servers}
    fits = deployment_plan(host("580.95.05", card("9.0", memory_free_mib=needed)), policy=policy)
    tight = deployment_plan(host("580.95.05", card("9.0", memory_free_mib=needed - 1)), policy=policy)
    assert len(fits["servers"]) == len(tight["servers"]) == servers
    assert [warning for warning in fits["warnings"] if "MiB" in warning] == []
    (warning,) = [warning for warning in tight["warnings"] if "MiB" in warning]
    assert f"about {needed} MiB" in warning


# The file of `base` has 147951465 bytes.
@pytest.mark.parametrize(("servers", "weights"), [(1, 142), (2, 284)])
def test_a_gpu_that_cannot_hold_the_weights_is_left_out(servers, weights) -> None:
    policy = {"model": "base", "instances_per_gpu": servers}
    served = deployment_plan(host("580.95.05", card("9.0", memory_free_mib=weights)), policy=policy)
    assert len(served["servers"]) == servers
    full = deployment_plan(host("580.95.05", card("9.0", memory_free_mib=weights - 1)), policy=policy)
    assert (full["verdict"], code_for(full, None)) == ("impossible", ["not_enough_memory"])


# The version of whisper.cpp


@pytest.mark.parametrize("version", ["1.8.4", "1.8.5", "1.9.0", "1.9.3", "v1.9.3"])
def test_a_build_of_a_version_that_breaks_its_answers_is_told(version) -> None:
    plan = deployment_plan(GTX_1080_ON_550, whisper_version=version)
    (warning,) = plan["warnings"]
    assert "60 characters" in warning
    assert "Take 1.9.4 or newer." in warning


@pytest.mark.parametrize("version", [None, "1.8.3", "1.9.4", "1.9.5", "1.10.0", "2.0.0", "b5130", "1.9.3-dev", "main"])
def test_of_a_good_or_unknown_version_nothing_is_said(version) -> None:
    assert deployment_plan(GTX_1080_ON_550, whisper_version=version)["warnings"] == []


def test_the_version_of_the_build_is_none_of_an_images_business() -> None:
    assert deployment_plan(H100_ON_580, whisper_version="1.9.3")["warnings"] == [BASELINE]
    mine = {"image": "registry.example/whisper.cpp:mine", "cuda_version": "13.0.0", "sass": ["90"]}
    told_of = deployment_plan(H100_ON_580, policy={"extra_images": [{**mine, "whisper_version": "1.9.2"}]})
    (warning,) = told_of["warnings"]
    assert warning.startswith("registry.example/whisper.cpp:mine holds whisper.cpp 1.9.2")
    good = {**mine, "whisper_version": "1.9.5"}
    assert deployment_plan(H100_ON_580, policy={"extra_images": [good]}, whisper_version="1.9.2")["warnings"] == []


def test_a_local_cpu_build_of_a_faulty_version_is_told_too() -> None:
    plan = deployment_plan(NO_GPU, policy={"prefer": "local"}, whisper_version="1.9.3")
    assert any("60 characters" in warning for warning in plan["warnings"])


@pytest.mark.parametrize("version", [1.9, 5, ["1.9.5"], ""])
def test_a_version_that_is_no_text_is_refused(version) -> None:
    with pytest.raises(PlanInputError, match="whisper_version: got"):
        deployment_plan(GTX_1080_ON_550, whisper_version=version)


# What ggml's code needs of a toolkit


def test_an_h100_is_not_built_for_with_cuda_11_8() -> None:
    old = deployment_plan(host("520.61.05", card("9.0")))
    assert (old["verdict"], code_for(old, "local build")) == ("impossible", ["driver_too_old"])
    assert "needs driver 525.60.13 or newer" in told(old)
    new = deployment_plan(host("525.60.13", card("9.0")))
    assert (new["cuda_version"], new["cmake_cuda_architectures"]) == ("12.0.1", "90-real")
    # Of the others it still is.
    ada = deployment_plan(host("520.61.05", card("8.9")))
    assert (ada["cuda_version"], ada["cmake_cuda_architectures"]) == ("11.8.0", "89-real")


# The CPU


def test_a_host_without_a_gpu_serves_from_the_cpu_and_says_so_in_capitals() -> None:
    plan = deployment_plan(NO_GPU)
    assert list(plan) == KEYS
    assert (plan["runtime"], plan["origin"], plan["image"], plan["verdict"]) == ("cpu", "official", MAIN_CPU, "cpu")
    assert plan["servers"] == [{"gpu": None, "port": 8080}]
    assert plan["reasons"][0] == "This host has no NVIDIA GPU; whisper.cpp will run on the CPU."
    assert plan["warnings"][0].startswith("CPU ONLY")
    assert "CPU ONLY" not in told(plan)
    assert any("SIGILL" in warning for warning in plan["warnings"])
    assert code_for(plan, MAIN_CUDA) == ["wrong_platform"]


def test_a_cpu_image_built_here_runs_on_every_cpu() -> None:
    for policy in ({"prefer": "local"}, {"unavailable": {MAIN_CPU: "manifest unknown"}}):
        plan = deployment_plan(NO_GPU, policy=policy)
        assert (plan["origin"], plan["image"]) == ("local", "whisperops/whisper.cpp:cpu")
        assert plan["build"]["options"]["GGML_CPU_ALL_VARIANTS"] == "ON"
        assert not any("SIGILL" in warning for warning in plan["warnings"])


def test_one_variant_of_the_cpu_code_is_asked_for_and_said() -> None:
    for facts in (NO_GPU, GTX_1080_ON_550):
        plan = deployment_plan(facts, policy={"prefer": "local", "cpu_variants": "one"})
        assert plan["build"]["options"]["GGML_NATIVE"] == "OFF"
        assert "GGML_CPU_ALL_VARIANTS" not in plan["build"]["options"]
    assert "with the CPU code in one variant" in told(
        deployment_plan(NO_GPU, policy={"prefer": "local", "cpu_variants": "one"})
    )


def test_arm_hosts_get_images_for_arm() -> None:
    plan = deployment_plan({**NO_GPU, "machine": "aarch64"})
    assert plan["image"] == "ghcr.io/ggml-org/whisper.cpp:main-arm64"
    grace_hopper = deployment_plan({**H100_ON_580, "machine": "aarch64"})
    assert grace_hopper["origin"] == "local"
    assert code_for(grace_hopper, MAIN_CUDA) == ["wrong_platform"]
    grace_hopper = deployment_plan(host("560.35.05", card("9.0"), cuda_driver_version="12.6", machine="aarch64"))
    assert grace_hopper["image"] == "whisperops/whisper.cpp:cuda12.6.3-90"
    spark = deployment_plan(host("580.95.05", card("12.1")))
    assert code_for(spark, MAIN_CUDA) == ["wrong_platform"]
    orin = deployment_plan(host("540.4.0", card("8.7"), cuda_driver_version="12.6"))
    assert orin["cmake_cuda_architectures"] == "87-real"
    assert any("Jetson" in warning for warning in orin["warnings"])
    power = deployment_plan({**NO_GPU, "machine": "ppc64le"})
    assert (power["origin"], code_for(power, MAIN_CPU)) == ("local", ["wrong_platform"])


def test_allow_cpu_never_leaves_a_host_without_a_gpu_alone() -> None:
    plan = deployment_plan(NO_GPU, policy={"allow_cpu": "never"})
    assert (plan["verdict"], plan["runtime"], plan["servers"]) == ("impossible", None, [])
    assert "Remedy:" in told(plan)
    (rejected,) = [entry for entry in plan["rejected"] if entry["image"] == MAIN_CPU]
    assert rejected["code"] == "cpu_not_allowed"
    assert "`allow_cpu: never`" in rejected["reason"]


@pytest.mark.parametrize("allow_cpu", ["auto", "never"])
def test_a_host_with_a_gpu_never_falls_back_to_the_cpu(allow_cpu) -> None:
    plan = deployment_plan(host(None, card(None, uuid=None)), policy={"allow_cpu": allow_cpu})
    assert plan["verdict"] == "impossible"
    assert code_for(plan, MAIN_CPU) == ["cpu_not_allowed"]


def test_allow_cpu_always_is_for_gpus_that_cannot_serve() -> None:
    policy = {"allow_cpu": "always", "model": "auto"}
    fallback = deployment_plan(host("470.256.02", card("3.7")), policy=policy)
    assert (fallback["verdict"], fallback["model"]) == ("cpu", "base")
    assert fallback["warnings"][0].startswith("CPU ONLY")
    assert "Kepler" in told(fallback)
    served = deployment_plan(H100_ON_580, policy=policy)
    assert served["runtime"] == "cuda"
    assert code_for(served, MAIN_CPU) == ["cpu_not_allowed"]


# Impossible


@pytest.mark.parametrize(
    ("facts", "code", "reason", "remedy"),
    [
        (host(None, card(None, uuid=None)), "driver_missing", "no working NVIDIA driver", "nvidia-smi"),
        (host(None, card("6.1")), "driver_missing", "no working NVIDIA driver", "branch 580"),
        (host("580.65.06", gpu_present=True), "driver_not_answering", "offers none", "dmesg"),
        (host("595.45.04", card("6.1")), "branch_dropped_gpu", "580 is the last for Pascal", "branch 580"),
        (host("550.163.01", card("10.0")), "driver_too_old", "550.163.01 is too old", "≥ 570"),
        (host("440.100", card("6.1")), "driver_too_old", "450.80.02 or newer", "≥ 450.80.02"),
        (host("470.256.02", card("3.7")), "no_code_for_gpu", "last for this Kepler GPU", "newer GPU"),
        (host("615.10", card("13.0")), "no_code_for_gpu", "No published nvidia/cuda base", "allow_jit: true"),
        (host("440.100", card("3.0")), "no_code_for_gpu", "compute capability 5.0 and newer", "newer GPU"),
    ],
)
def test_what_cannot_be_served_comes_with_reason_and_remedy(facts, code, reason, remedy) -> None:
    plan = deployment_plan(facts)
    assert list(plan) == KEYS
    assert (plan["verdict"], plan["image"], plan["gpus"], plan["servers"]) == ("impossible", None, [], [])
    assert code in {entry["code"] for entry in plan["rejected"]}
    assert reason in told(plan)
    assert any(text.startswith("Remedy: ") and remedy in text for text in plan["reasons"])


def test_the_problems_that_were_seen_are_repeated_with_their_remedies() -> None:
    problem = {"code": "nouveau_bound", "message": "nouveau drives 01:00.0", "remedy": "Blacklist nouveau."}
    facts = host(None, card(None, uuid=None), problems=[problem, "not a problem"])
    facts["driver"]["flavor"] = "nouveau"
    plan = deployment_plan(facts)
    assert "the nouveau driver" in told(plan)
    assert "Seen: nouveau drives 01:00.0" in plan["reasons"]
    assert "Remedy: Blacklist nouveau." in plan["reasons"]


def test_a_gpu_that_the_driver_does_not_answer_for_is_left_out() -> None:
    lost = deployment_plan(host("550.163.01", card("6.1", 0), card(None, 1)))
    assert lost["gpus"] == ["GPU-0"]
    assert code_for(lost, None) == ["driver_not_answering"]
    nameless = deployment_plan(host("550.163.01", card("6.1", 0, uuid=None)))
    assert "its UUID is not known" in told(nameless)
    dropped = deployment_plan(host("595.45.04", card(None, architecture="pascal")))
    assert code_for(dropped, None) == ["branch_dropped_gpu"]
    unknown = deployment_plan(host("595.45.04", card(None)))
    assert "Maxwell, Pascal and Volta GPUs need driver branch 580" in told(unknown)


UNAVAILABLE = {"code": "gpu_lost", "reason": "GPU 1 00000000:01:00.0 is lost: it fell off the bus."}


def test_a_gpu_that_is_not_offered_is_a_warning_with_its_remedy_and_a_reason_where_nothing_serves() -> None:
    problem = {"code": "gpu_lost", "message": UNAVAILABLE["reason"], "remedy": "Power the host off."}
    more = {"unavailable_gpus": [UNAVAILABLE], "problems": [problem]}
    served = deployment_plan({**GTX_1080_ON_550, **more})
    assert f"Not offered: {UNAVAILABLE['reason']} Power the host off." in served["warnings"]
    assert code_for(served, None) == ["gpu_lost"]
    alone = deployment_plan(host("550.163.01", gpu_present=True, **more))
    assert alone["verdict"] == "impossible"
    assert f"Seen: {UNAVAILABLE['reason']}" in alone["reasons"]
    assert "Remedy: Power the host off." in alone["reasons"]


def test_a_branch_that_is_named_counts_more_than_the_version() -> None:
    """Windows numbers branch 580 as 580 to 582."""
    facts = host("582.16", card("6.1"), cuda_driver_version="13.0")
    assert deployment_plan(facts)["verdict"] == "impossible"
    facts["driver"]["branch"] = "580"
    assert deployment_plan(facts)["cmake_cuda_architectures"] == "61-real"


def test_no_image_runs_without_libcuda() -> None:
    facts = host("580.95.05", card("9.0"), problems=[{"code": "libcuda_missing", "message": "No.", "remedy": "Do."}])
    plan = deployment_plan(facts)
    assert plan["verdict"] == "impossible"
    assert {entry["code"] for entry in plan["rejected"]} == {"libcuda_missing", "cpu_not_allowed"}
    assert "Remedy: Do." in plan["reasons"]


@pytest.mark.parametrize(("capability", "limit"), [("6.1", ", not beyond branch 580"), ("7.5", "")])
def test_an_update_is_advised_as_far_as_the_gpu_goes(capability, limit) -> None:
    old = deployment_plan(host("440.100", card(capability), cuda_driver_version="10.2"))
    assert any(f"≥ 450.80.02{limit}." in text for text in old["reasons"])
    wanted = deployment_plan(host("550.163.01", card(capability)), policy={"min_driver": "570"})
    assert any(f"≥ 570{limit}, or lower" in text for text in wanted["reasons"])


@pytest.mark.parametrize("mode", ["exclusive_process", "exclusive_thread"])
def test_an_exclusive_gpu_gets_one_server(mode) -> None:
    facts = host("550.163.01", card("6.1", 0, compute_mode=mode), card("6.1", 1))
    plan = deployment_plan(facts, policy={"instances_per_gpu": 2})
    assert [server["gpu"] for server in plan["servers"]] == ["GPU-0", "GPU-1", "GPU-1"]
    assert any("exclusive compute mode" in text for text in plan["warnings"])
    assert not any("exclusive" in text for text in deployment_plan(facts)["warnings"])


@pytest.mark.parametrize(
    ("facts", "code"),
    [
        ({"compute_mode": "prohibited"}, "compute_mode_prohibited"),
        ({"virtualization": "vgpu", "vgpu_license": "unlicensed"}, "vgpu_unlicensed"),
        ({"name": "NVIDIA A40-48Q", "vgpu_license": "unlicensed_restricted"}, "vgpu_unlicensed"),
        ({"name": "GRID M60-4Q"}, "vgpu_without_cuda"),
        ({"name": "NVIDIA A40-48Q", "vgpu_license": "unlicensed_unrestricted"}, None),
        ({"name": "NVIDIA A40-48Q", "vgpu_license": "licensed"}, None),
        ({"virtualization": "passthrough", "vgpu_license": "unlicensed"}, None),
    ],
)
def test_a_gpu_that_answers_is_not_always_to_be_used(facts, code) -> None:
    plan = deployment_plan(host("550.163.01", card("6.1", 0, **facts), card("6.1", 1)))
    assert plan["gpus"] == (["GPU-1"] if code else ["GPU-0", "GPU-1"])
    assert code_for(plan, None) == ([code] if code else [])


def test_a_minimum_driver_is_held() -> None:
    plan = deployment_plan(GTX_1080_ON_550, policy={"min_driver": "570"})
    assert plan["verdict"] == "impossible"
    assert "The policy asks for driver 570 or newer" in told(plan)
    assert deployment_plan(GTX_1080_ON_550, policy={"min_driver": "550.54.14"})["verdict"] == "native"


def test_no_base_image_at_all_is_no_plan() -> None:
    plan = deployment_plan(
        GTX_1080_ON_550,
        policy={"unavailable": {f"nvidia/cuda:{cuda}-devel-ubuntu22.04": "closed network" for cuda in ALL_BASES}},
    )
    assert plan["verdict"] == "impossible"
    assert "a mirror" in told(plan)
    built = {"unavailable": {"whisperops/whisper.cpp:cuda12.4.1-61": "the build failed: disk full"}}
    failed = deployment_plan(GTX_1080_ON_550, policy=built)
    assert failed["verdict"] == "impossible"
    assert "disk full" in told(failed)


ALL_BASES = (
    *("12.9.1", "12.8.1", "12.6.3", "12.5.1", "12.4.1", "12.3.2", "12.2.2", "12.1.1", "12.0.1"),
    *("11.8.0", "11.7.1"),
)


# Wrong input


@pytest.mark.parametrize(
    ("policy", "said"),
    [
        ("official", "policy: got 'official' (str)"),
        ({"prefered": "local"}, "policy: unknown key prefered; allowed: prefer, allow_jit"),
        ({"prefer": "remote"}, "policy.prefer: got 'remote' (str); allowed: official, local."),
        ({"allow_cpu": False}, "policy.allow_cpu: got False (bool); allowed: auto, always, never."),
        ({"allow_jit": "yes"}, "policy.allow_jit: got 'yes' (str); allowed: true, false."),
        ({"gpus": "GPU-0"}, "policy.gpus: got 'GPU-0' (str); allowed: all, or a list of GPU UUIDs."),
        ({"gpus": [0]}, "policy.gpus: got [0] (list)"),
        ({"gpus": ["GPU-9"]}, "policy.gpus: this host has no GPU GPU-9; it has: GPU-0."),
        ({"model": "huge"}, "policy.model: got 'huge' (str); allowed: auto, tiny, tiny.en"),
        ({"instances_per_gpu": 0}, "policy.instances_per_gpu: got 0 (int); allowed: a whole number from 1 to 64."),
        ({"instances_per_gpu": True}, "policy.instances_per_gpu: got True (bool)"),
        ({"cpu_variants": "native"}, "policy.cpu_variants: got 'native' (str); allowed: all, one."),
        ({"cpu_servers": 0}, "policy.cpu_servers: got 0 (int); allowed: a whole number from 1 to 64."),
        ({"first_port": "8080"}, "policy.first_port: got '8080' (str)"),
        ({"first_port": 65535, "instances_per_gpu": 2}, "leaves no room for 2 servers; allowed: up to 65534."),
        ({"min_driver": 570}, "policy.min_driver: got 570 (int)"),
        ({"min_driver": "new"}, "policy.min_driver: got 'new' (str)"),
        ({"extra_images": "x"}, "policy.extra_images: got 'x' (str); allowed: a list"),
        ({"unavailable": ["x"]}, "policy.unavailable: got ['x'] (list)"),
        ({"extra_images": [{"image": "x", "tag": "y"}]}, "policy.extra_images[0]: unknown key tag; allowed: name"),
    ],
)
def test_a_wrong_policy_is_refused_with_variable_value_and_choice(policy, said) -> None:
    with pytest.raises(PlanInputError) as refused:
        deployment_plan(GTX_1080_ON_550, policy=policy)
    assert said in str(refused.value)


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ("x", "catalogue[0]: got 'x' (str); allowed: a dictionary"),
        ({}, "catalogue[0].image: got None"),
        ({"image": "x", "runtime": "rocm"}, "catalogue[0].runtime: got 'rocm' (str); allowed: cuda, cpu."),
        ({"image": "x"}, "catalogue[0].cuda_version: got None"),
        ({"image": "x", "cuda_version": 12.4}, "catalogue[0].cuda_version: got 12.4 (float)"),
        ({"image": "x", "cuda_version": "12.4", "sass": "61"}, "catalogue[0].sass: got '61' (str)"),
        ({"image": "x", "cuda_version": "12.4", "sass": [61]}, "catalogue[0].sass[0]: got 61 (int)"),
        ({"image": "x", "cuda_version": "12.4", "ptx": "90"}, "catalogue[0].ptx: got '90' (str)"),
        ({"image": "x", "cuda_version": "12.4", "ptx": ["90"]}, "catalogue[0].ptx[0]: got '90' (str)"),
        ({"image": "x", "cuda_version": "12", "ptx": [{"arch": "90", "isa": 8}]}, "catalogue[0].ptx[0].isa: got 8"),
        ({"image": "x", "cuda_version": "12", "platforms": ["amd64"]}, "catalogue[0].platforms: got ['amd64']"),
        ({"image": "x", "cuda_version": "12", "known_problems": "slow"}, "catalogue[0].known_problems: got 'slow'"),
        ({"image": "x", "cuda_version": "12", "known_problems": [{}]}, "catalogue[0].known_problems[0]: got {}"),
        (
            {"image": "x", "cuda_version": "12", "known_problems": [{"message": "m", "environment": {"A": 1}}]},
            "catalogue[0].known_problems[0].environment: got {'A': 1}",
        ),
        (
            {"image": "x", "cuda_version": "12", "known_problems": [{"message": "m", "rejects": "yes"}]},
            "catalogue[0].known_problems[0].rejects: got 'yes'",
        ),
    ],
)
def test_a_bad_catalogue_entry_is_refused_with_its_place(entry, said) -> None:
    with pytest.raises(PlanInputError) as refused:
        deployment_plan(GTX_1080_ON_550, catalogue=[entry])
    assert said in str(refused.value)


def test_a_catalogue_that_is_no_list_is_refused() -> None:
    with pytest.raises(PlanInputError, match="catalogue: got 'main-cuda'"):
        deployment_plan(GTX_1080_ON_550, catalogue="main-cuda")


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        (None, "gpu_info: got None"),
        ({"gpus": "all"}, "gpu_info.gpus: got 'all'"),
        ({"gpus": ["x"]}, "gpu_info.gpus[0]: got 'x'"),
        ({"driver": "550"}, "gpu_info.driver: got '550'"),
        ({"driver": {"version": "new"}}, "gpu_info.driver: 'new' is not a version number"),
        ({"gpus": [{"compute_capability": "pascal"}]}, "gpu_info.gpus[0].compute_capability: got 'pascal'"),
        ({"gpus": [{"compute_capability": "61"}]}, "gpu_info.gpus[0].compute_capability: got '61'"),
        ({"gpus": [{"mig_devices": 3}]}, "gpu_info.gpus[0].mig_devices: got 3"),
    ],
)
def test_facts_of_another_shape_are_refused(facts, said) -> None:
    with pytest.raises(PlanInputError) as refused:
        deployment_plan(facts)
    assert said in str(refused.value)


@pytest.mark.parametrize(
    ("measured", "said"),
    [
        (["x"], "measured: got ['x']"),
        ({MAIN_CUDA: "x"}, "measured: got"),
        ({MAIN_CUDA: {"libraries": 3}}, f"measured[{MAIN_CUDA}].libraries: got 3"),
    ],
)
def test_measurements_of_another_shape_are_refused(measured, said) -> None:
    with pytest.raises(PlanInputError) as refused:
        deployment_plan(H100_ON_580, measured=measured)
    assert said in str(refused.value)


def test_gpus_that_the_policy_names_on_a_host_without_any_are_an_error() -> None:
    with pytest.raises(PlanInputError, match="it has: none"):
        deployment_plan(NO_GPU, policy={"gpus": ["GPU-0"]})


def test_facts_may_lack_every_optional_key() -> None:
    assert deployment_plan({})["runtime"] == "cpu"
    assert deployment_plan({"gpu_present": True})["verdict"] == "impossible"
    bare = {"driver": {"version": "550.163.01"}, "gpus": [{"uuid": "GPU-0", "compute_capability": "6.1"}]}
    assert deployment_plan(bare)["image"] == "whisperops/whisper.cpp:cuda12.4.1-61"


# The built-in catalogue


def test_current_official_images_come_before_superseded_ones() -> None:
    current = [entry["until"] is None for entry in BUILT_IN]
    assert current == sorted(current, reverse=True)
    assert all(entry["source"] and (entry["since"] or entry["until"] is None) for entry in BUILT_IN)


@pytest.mark.parametrize("policy", [{}, {"allow_jit": True}, {"prefer": "local"}, {"allow_cpu": "always"}])
@pytest.mark.parametrize("capability", [None, "3.7", "5.2", "6.1", "7.0", "8.6", "8.7", "9.0", "12.0", "12.1", "13.0"])
@pytest.mark.parametrize("driver", [None, "390.157", "470.256.02", "535.261.03", "550.163.01", "580.65.06", "700.10"])
def test_every_plan_has_all_keys_known_codes_and_whole_sentences(driver, capability, policy) -> None:
    plan = deployment_plan(host(driver, card(capability)), policy=policy)
    assert list(plan) == KEYS
    assert {entry["code"] for entry in plan["rejected"]} <= CODES
    sentences = plan["reasons"] + plan["warnings"] + [entry["reason"] for entry in plan["rejected"]]
    for sentence in sentences:
        assert sentence[-1] in ".)", sentence
        assert "None" not in sentence, sentence
        assert "  " not in sentence, sentence
    if plan["verdict"] == "impossible":
        assert any(text.startswith("Remedy: ") for text in plan["reasons"])
    assert plan == json.loads(json.dumps(plan))
