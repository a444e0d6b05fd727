"""What holds for every host, every image and every policy."""

from __future__ import annotations

import json

from ansible_collections.whisperops.gpu.plugins.module_utils._cuda import tables
from ansible_collections.whisperops.gpu.plugins.module_utils._cuda.target import Target
from ansible_collections.whisperops.gpu.plugins.module_utils._cuda.versions import Version
from ansible_collections.whisperops.gpu.plugins.plugin_utils._plan.compatibility import DeviceCode, assess
from ansible_collections.whisperops.gpu.plugins.plugin_utils._plan.plan import deployment_plan
from ansible_collections.whisperops.gpu.plugins.plugin_utils._plan.verdict import VERDICTS, Driver, Gpu
from hypothesis import assume, given, settings
from hypothesis import strategies as st

CAPABILITIES = st.sampled_from([*map(Version, (*tables.ARCHITECTURES, (3, 0), (12, 5), (13, 0)))])
TARGETS = st.builds(
    lambda capability, suffix: Target(*capability, suffix), CAPABILITIES, st.sampled_from(["", "", "", "a", "f"])
)
CUDAS = st.sampled_from([*map(Version, (*tables.TOOLKIT_DRIVERS, (10, 2), (12, 7), (13, 5), (14, 0)))])
ISAS = st.one_of(st.none(), st.builds(tables.ptx_isa, CUDAS))
CODES = st.builds(
    lambda sass, ptx, cuda: DeviceCode(tuple(sass), tuple(ptx), cuda),
    st.lists(TARGETS, max_size=4),
    st.lists(st.tuples(TARGETS, ISAS), max_size=3),
    CUDAS,
)
DRIVERS = st.builds(
    lambda branch, minor: f"{branch}.{minor}",
    st.sampled_from([390, 440, *tables.BRANCH_CUDA, 700]),
    st.integers(0, 200),
)
GPUS = st.builds(lambda capability: Gpu("a card", Target(*capability)), CAPABILITIES)


@given(GPUS, DRIVERS, DRIVERS, CODES)
def test_a_newer_driver_keeps_running_what_ran_while_its_branch_supports_the_card(gpu, one, other, code) -> None:
    older, newer = sorted((Driver.of(one), Driver.of(other)), key=lambda driver: driver.version)
    last = gpu.architecture.last_branch if gpu.architecture else None
    assume(last is None or newer.branch <= last)
    if assess(gpu, older, code).runs:
        assert assess(gpu, newer, code).runs


@given(GPUS, DRIVERS, CODES, CODES)
def test_more_device_code_never_makes_a_verdict_worse(gpu, driver, code, more) -> None:
    richer = DeviceCode(code.sass + more.sass, code.ptx + more.ptx, code.cuda)
    before, after = (assess(gpu, Driver.of(driver), each).verdict for each in (code, richer))
    assert VERDICTS.index(after) <= VERDICTS.index(before)


@given(GPUS, DRIVERS, CODES, st.randoms(use_true_random=False))
def test_the_order_of_device_code_does_not_matter(gpu, driver, code, random) -> None:
    sass, ptx = list(code.sass), list(code.ptx)
    random.shuffle(sass)
    random.shuffle(ptx)
    one = assess(gpu, Driver.of(driver), code)
    other = assess(gpu, Driver.of(driver), DeviceCode(tuple(sass), tuple(ptx), code.cuda))
    assert (one.verdict, one.code) == (other.verdict, other.code)


@given(GPUS, DRIVERS, CODES)
def test_only_what_does_not_run_has_a_remedy_and_an_error(gpu, driver, code) -> None:
    verdict = assess(gpu, Driver.of(driver), code)
    assert verdict.runs == (verdict.remedy is None) == (verdict.cuda_error is None)
    assert verdict.cuda_error is None or verdict.cuda_error in tables.CUDA_ERRORS


@st.composite
def facts(draw):
    capabilities = draw(st.lists(CAPABILITIES, max_size=4))
    driver = draw(st.one_of(st.none(), DRIVERS))
    return {
        "gpu_present": bool(capabilities),
        "driver": {"version": driver},
        "cuda_driver_version": None,
        "gpus": [
            {
                "uuid": f"GPU-{slot}",
                "name": f"Card {capability}",
                "pci_bus_id": f"0000:{slot:02x}:00.0",
                "compute_capability": draw(st.sampled_from([str(capability), None])),
                "memory_total_mib": 80000,
                "memory_free_mib": draw(st.one_of(st.none(), st.integers(0, 80000))),
                "mig_mode": draw(st.sampled_from([None, False, False, True])),
            }
            for slot, capability in enumerate(capabilities)
        ],
        "problems": [],
    }


@st.composite
def entries(draw):
    code = draw(CODES)
    return {
        "image": draw(st.sampled_from(["a.example/x:1", "a.example/x:2", "b.example/x:1"])),
        "runtime": draw(st.sampled_from(["cuda", "cuda", "cpu"])),
        "cuda_version": str(code.cuda),
        "sass": [str(target) for target in code.sass],
        "ptx": [{"arch": str(target), "isa": str(isa) if isa else None} for target, isa in code.ptx],
    }


POLICIES = st.fixed_dictionaries(
    {},
    optional={
        "prefer": st.sampled_from(["official", "local"]),
        "allow_jit": st.booleans(),
        "allow_cpu": st.sampled_from(["auto", "always", "never"]),
        "model": st.sampled_from(["auto", "base.en", "large-v3", "large-v3-turbo"]),
        "instances_per_gpu": st.integers(1, 4),
        "cpu_servers": st.integers(1, 4),
        "cpu_variants": st.sampled_from(["all", "one"]),
        "extra_images": st.lists(entries(), max_size=3),
        "min_driver": st.one_of(st.none(), DRIVERS),
    },
)
RANDOM = st.randoms(use_true_random=False)


@given(facts(), POLICIES, RANDOM)
# No deadline: how busy the machine is says nothing of a plan.
@settings(max_examples=300, deadline=None)
def test_the_same_facts_give_the_same_plan_byte_for_byte_in_whatever_order(seen, policy, random) -> None:
    first = json.dumps(deployment_plan(seen, policy=policy))
    gpus = list(seen["gpus"])
    random.shuffle(gpus)
    for image in policy.get("extra_images", ()):
        random.shuffle(image["sass"])
        random.shuffle(image["ptx"])
    keys = list(policy)
    random.shuffle(keys)
    again = {**seen, "gpus": gpus}
    assert json.dumps(deployment_plan(again, policy={key: policy[key] for key in keys})) == first


@given(facts(), POLICIES)
@settings(max_examples=300, deadline=None)
def test_a_plan_never_promises_what_its_own_verdict_does_not_hold(seen, policy) -> None:
    plan = deployment_plan(seen, policy=policy)
    assert [server["gpu"] for server in plan["servers"] if server["gpu"]] == [
        uuid for uuid in plan["gpus"] for instance in range(policy.get("instances_per_gpu", 1))
    ]
    if plan["verdict"] == "impossible":
        assert not plan["servers"]
        assert any(reason.startswith("Remedy: ") for reason in plan["reasons"])
    elif plan["verdict"] == "cpu":
        assert not plan["gpus"]
        assert len(plan["servers"]) == policy.get("cpu_servers", 1)
        assert plan["warnings"][0].startswith("CPU ONLY")
        assert not seen["gpu_present"] or policy.get("allow_cpu") == "always"
    else:
        served = [gpu for gpu in seen["gpus"] if gpu["uuid"] in plan["gpus"]]
        assert served
        assert not any(gpu["mig_mode"] for gpu in served)
        assert plan["verdict"] != "jit" or policy.get("allow_jit")
        if plan["origin"] == "local":
            known = {gpu["compute_capability"].replace(".", "") for gpu in served}
            built_for = plan["cmake_cuda_architectures"].replace("-real", "").split(";")
            assert built_for == sorted(known, key=int)


@given(facts(), POLICIES, entries())
@settings(max_examples=200, deadline=None)
def test_one_more_image_never_makes_a_host_impossible(seen, policy, image) -> None:
    if deployment_plan(seen, policy=policy)["verdict"] != "impossible":
        more = {**policy, "extra_images": [*policy.get("extra_images", []), image]}
        assert deployment_plan(seen, policy=more)["verdict"] != "impossible"
