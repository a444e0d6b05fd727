"""How much of its host a server may take."""

from __future__ import annotations

import pytest
from ansible_collections.whisperops.gpu.plugins.plugin_utils._plan import inputs
from ansible_collections.whisperops.gpu.plugins.plugin_utils._plan.model_memory import MEASURED_MIB, memory_of
from ansible_collections.whisperops.gpu.plugins.plugin_utils._plan.models import MODELS
from ansible_collections.whisperops.gpu.plugins.plugin_utils._plan.policy import PlanInputError
from ansible_collections.whisperops.gpu.plugins.plugin_utils._plan.server_limits import needed_mib, server_limits

# What an upload of 900 MB was seen to hold while it came in, and more: its copy, samples and spectrogram.
MEASURED_UPLOAD_MIB = 1070 * 1000 * 1000 // (1 << 20)
LARGE = {"memory_total_mib": 512 * 1024, "memory": True, "swap": True, "processes": True}


def limits(model="base.en", runtime="cuda", servers=1, engine=None, **variables):
    names = ("whisper_server_memory_limit_mib", "whisper_server_upload_mib", "whisper_server_pids_limit")
    options = {name: variables.get(name.removeprefix("whisper_server_"), inputs.default(name)) for name in names}
    plan = {"model": model, "runtime": runtime, "servers": [{}] * servers}
    return server_limits(plan, options, {**LARGE, **(engine or {})})


@pytest.mark.parametrize("runtime", ["cuda", "cpu"])
@pytest.mark.parametrize("model", MODELS)
def test_a_model_and_the_upload_that_was_measured_fit(model, runtime):
    needs = memory_of(model).mib if runtime == "cpu" else memory_of(model).weights_mib
    found = limits(model, runtime)
    assert found.memory_mib > needs + 7 * MEASURED_UPLOAD_MIB
    assert found.memory_and_swap_mib == found.memory_mib


def test_a_larger_upload_raises_the_limit():
    assert limits(upload_mib=2048).memory_mib - limits(upload_mib=1024).memory_mib == 8 * 1024


def test_a_larger_model_has_a_higher_limit():
    for runtime in ("cuda", "cpu"):
        found = [limits(model, runtime).memory_mib for model in sorted(MEASURED_MIB, key=lambda one: MODELS[one].bytes)]
        assert found[0] < found[-1]


def test_a_model_of_ones_own_counts_as_the_largest():
    assert limits("ggml-mine.bin") == limits("large-v3")


@pytest.mark.parametrize("total", [200, 1024, 4000, 7950, 16384, 1 << 20])
@pytest.mark.parametrize("servers", [1, 2, 8])
@pytest.mark.parametrize("asked", [0, 300, 1 << 19])
def test_no_limit_is_higher_than_the_memory_of_the_host(total, servers, asked):
    found = limits(servers=servers, engine={"memory_total_mib": total}, memory_limit_mib=asked).memory_mib
    assert 0 < found <= total


def test_a_server_that_grows_leaves_the_others_and_the_host_their_memory():
    one = limits(servers=4, engine={"memory_total_mib": 18000}).memory_mib
    assert one + 3 * needed_mib("base.en", on_cpu=False) <= 18000 * 7 // 8
    assert one < limits(servers=1, engine={"memory_total_mib": 18000}).memory_mib


def test_where_the_servers_do_not_all_fit_each_still_gets_what_its_model_needs():
    found = limits("large-v3", "cpu", servers=8, engine={"memory_total_mib": 16384}).memory_mib
    assert 0 <= needed_mib("large-v3", on_cpu=True) - found < 256


def test_a_little_more_or_less_memory_of_the_host_changes_nothing():
    found = {limits(engine={"memory_total_mib": total}).memory_mib for total in (7950, 7955, 7960)}
    assert len(found) == 1


@pytest.mark.parametrize("total", [None, 1 << 30])
def test_without_a_bound_the_limit_is_what_is_wanted(total):
    assert limits(engine={"memory_total_mib": total}).memory_mib == needed_mib("base.en", on_cpu=False) + 8 * 1024


def test_limits_are_set_and_switched_off_by_variables():
    assert limits(memory_limit_mib=3000, pids_limit=100)[:3] == (3000, 3000, 100)
    assert limits(memory_limit_mib=-1, pids_limit=-1) == (None, None, None, ())
    assert limits(memory_limit_mib=-1, pids_limit=-1).label == "memory: none, processes: none"


@pytest.mark.parametrize(
    ("variables", "name"),
    [
        ({"memory_limit_mib": 255}, "whisper_server_memory_limit_mib is 255"),
        ({"memory_limit_mib": -2}, "whisper_server_memory_limit_mib is -2"),
        ({"memory_limit_mib": 2000, "model": "large-v3", "runtime": "cpu"}, "less than 2952 MiB"),
        ({"pids_limit": 0}, "whisper_server_pids_limit is 0"),
        ({"pids_limit": 63}, "fewer than 64"),
    ],
)
def test_a_limit_by_which_no_server_starts_is_refused(variables, name):
    with pytest.raises(PlanInputError, match=r"^server_limit_invalid: ") as error:
        limits(**variables)
    assert name in str(error.value)


def test_weights_on_a_gpu_bound_no_limit_of_the_host():
    assert limits("large-v3", memory_limit_mib=2000).memory_mib == 2000


def test_what_the_engine_cannot_limit_is_left_out_and_told():
    without = limits(engine={"memory": False, "swap": False})
    assert (without.memory_mib, without.memory_and_swap_mib, without.processes) == (None, None, 4096)
    assert without.unsupported == ("memory",)
    without = limits(engine={"processes": False})
    assert (without.memory_mib is None, without.processes, without.unsupported) == (False, None, ("processes",))


def test_without_accounting_of_swap_memory_is_limited_all_the_same():
    """The engine would take -1 for it, and each run would see another container than it asked for."""
    found = limits(engine={"swap": False})
    assert (found.memory_mib > 0, found.memory_and_swap_mib, found.unsupported) == (True, None, ())


def test_what_is_switched_off_needs_no_support():
    assert limits(memory_limit_mib=-1, pids_limit=-1, engine={"memory": False, "processes": False}).unsupported == ()
