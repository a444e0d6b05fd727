"""What a person reads: said once, at the right place, with a remedy that helps on this very host."""

from __future__ import annotations

import itertools

import pytest
from ansible_collections.whisperops.gpu.plugins.module_utils._cuda.plan import deployment_plan

DRIVERS = {"450.248.02": "11.0", "470.256.02": "11.4", "535.183.01": "12.2", "580.95.05": "13.0", "615.10": "13.4"}
CAPABILITIES = ("3.7", "6.1", "7.0", "8.6", "9.0", "10.0", "12.0", "13.0", None)
LOST = {"code": "gpu_lost", "message": "GPU 00000000:01:00.0 is lost.", "remedy": "Power the machine off and on."}
BESIDE = {"code": "toolkit_missing", "message": "nvidia-ctk is not installed.", "remedy": "Install the toolkit."}


def card(capability, slot=0, **more):
    known = {
        "uuid": f"GPU-{slot}",
        "name": f"Card {capability}",
        "pci_bus_id": f"00000000:0{slot}:00.0",
        "compute_capability": capability,
        "memory_total_mib": 24576,
        "memory_free_mib": 24000,
    }
    return {**known, **more}


def host(driver, *cards, **more):
    facts = {"gpu_present": bool(cards), "driver": {"version": driver}, "gpus": list(cards), "machine": "x86_64"}
    return {**facts, "cuda_driver_version": DRIVERS.get(driver), **more}


def pairs():
    for driver, one, two in itertools.product((*DRIVERS, None), CAPABILITIES, (*CAPABILITIES, "alone")):
        yield host(driver, card(one), *([] if two == "alone" else [card(two, 1)]))
    yield host(None)


@pytest.mark.parametrize("policy", [{}, {"allow_jit": True}, {"prefer": "local"}, {"allow_cpu": "always"}], ids=str)
def test_nothing_is_said_twice_and_every_gpu_is_spoken_of(policy) -> None:
    for facts in pairs():
        plan = deployment_plan(facts, policy=policy)
        sentences = plan["reasons"] + plan["warnings"]
        assert len(sentences) == len(set(sentences))
        said = [text[len("Left out: ") :] for text in plan["reasons"] if text.startswith("Left out: ")]
        assert not [text for text in said for warning in plan["warnings"] if text in warning]
        badly = [text for text in sentences if not text[0].isupper() and not text.startswith(("`", "ghcr.io/"))]
        badly += [text for text in sentences if not text.endswith(".") and "docs/" not in text]
        assert badly == []
        for gpu in facts["gpus"]:
            served = gpu["uuid"] in plan["gpus"]
            assert served or gpu["name"] in " ".join(sentences), (facts, plan)
        if plan["verdict"] == "impossible":
            assert any(text.startswith("Remedy: ") for text in plan["reasons"])


def test_a_lost_gpu_beside_one_that_serves_is_a_warning_with_what_was_seen_and_its_remedy() -> None:
    facts = host("550.163.01", card(None), card("8.0", 1), cuda_driver_version="12.4", problems=[LOST, BESIDE])
    plan = deployment_plan(facts)
    (warning,) = plan["warnings"]
    assert plan["gpus"] == ["GPU-1"]
    assert "Seen: GPU 00000000:01:00.0 is lost. Power the machine off and on." in warning


def test_problems_beside_the_driver_are_no_remedy_for_it() -> None:
    plan = deployment_plan(host(None, card(None, uuid=None), problems=[BESIDE]))
    assert "Install the toolkit." not in " ".join(plan["reasons"])
    assert any("nvidia-smi" in text for text in plan["reasons"])


@pytest.mark.parametrize(
    ("driver", "old", "new"), [("590.44.01", "6.1", "10.0"), ("615.10", "7.0", "10.7"), ("580.95.05", "7.0", "10.7")]
)
def test_no_driver_is_recommended_that_takes_the_other_gpu_away(driver, old, new) -> None:
    """Pascal and Volta end with 580 and need the proprietary modules, Blackwell the open ones, Rubin 615."""
    plan = deployment_plan(host(driver, card(old), card(new, 1)), policy={"allow_jit": True})
    (warning,) = [text for text in plan["warnings"] if text.startswith("Left out: ")]
    assert warning.endswith("No driver supports it together with the other GPUs of this host; serve it from another.")


def test_a_driver_that_serves_both_is_recommended() -> None:
    plan = deployment_plan(host("590.44.01", card("6.1"), card("8.6", 1)))
    (warning,) = [warning for warning in plan["warnings"] if "Left out" in warning]
    assert warning.endswith("Install driver branch 580, with its proprietary kernel modules.")


def test_the_cpu_is_no_remedy_where_another_gpu_serves() -> None:
    plan = deployment_plan(host("470.256.02", card("3.7"), card("8.6", 1)))
    (warning,) = plan["warnings"]
    assert warning.endswith("Use a newer GPU in its place.")
    alone = deployment_plan(host("550.163.01", card("3.7")))
    assert any("`allow_cpu: always`" in text for text in alone["reasons"] if text.startswith("Remedy: "))


@pytest.mark.parametrize("instances", [1, 2])
def test_fewer_servers_are_a_remedy_only_where_there_are_several(instances) -> None:
    full = host("580.95.05", card("8.6", memory_free_mib=200))
    for model in ("auto", "large-v3"):
        plan = deployment_plan(full, policy={"model": model, "instances_per_gpu": instances})
        assert ("instances_per_gpu" in " ".join(plan["reasons"])) == (instances > 1)


def test_a_missing_driver_comes_with_the_last_branch_for_old_cards() -> None:
    unknown = deployment_plan(host(None, card(None, uuid=None)))
    assert any("need driver branch 580 at the newest" in text for text in unknown["reasons"])
    pascal = deployment_plan(host(None, card(None, uuid=None, architecture="pascal")))
    assert "Remedy: Driver branch 580 is the last for Pascal GPUs." in pascal["reasons"]
    ampere = deployment_plan(host(None, card(None, uuid=None, architecture="ampere")))
    assert "580" not in " ".join(ampere["reasons"])
