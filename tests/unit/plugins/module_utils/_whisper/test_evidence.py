from __future__ import annotations

import itertools
import json
from pathlib import Path

import pytest
from ansible_collections.whisperops.gpu.plugins.module_utils._gpu.card import CardSample
from ansible_collections.whisperops.gpu.plugins.module_utils._whisper.evidence import (
    KINDS,
    Observation,
    Sample,
    figures,
    judge,
    needs_more_rounds,
)
from ansible_collections.whisperops.gpu.plugins.module_utils._whisper.log import ServerLog, read_log
from hypothesis import given
from hypothesis import strategies as st

FIXTURES = Path(__file__).parents[4] / "fixtures" / "whisper_server"
MIB = 1024 * 1024
OWN, NEIGHBOUR = 4108, 99

ON_GPU = read_log((FIXTURES / "h100" / "gpu.log").read_text(encoding="utf-8"))
ON_CPU = read_log((FIXTURES / "h100" / "nogpu.log").read_text(encoding="utf-8"))
HIDDEN = read_log((FIXTURES / "h100" / "hidden.log").read_text(encoding="utf-8"))
CPU_IMAGE = read_log((FIXTURES / "cpu_image.log").read_text(encoding="utf-8"))
NO_START = read_log("")


def watched(idle=0, busy=40, *, processes=None, by_process=None, rounds=1):
    """Samples as `Sampler` takes them: the card idle, at work, and idle again between rounds."""
    processes = {OWN: 700} if processes is None else processes
    samples = []
    for number in range(rounds):
        samples.append(Sample(number * 4.0, 2 * number, CardSample(idle, 345, 800, processes, None)))
        samples.append(Sample(number * 4.0 + 2, 2 * number + 1, CardSample(busy, 1980, 900, processes, by_process)))
    if rounds > 1:
        samples.append(Sample(rounds * 4.0, 2 * rounds, CardSample(idle, 345, 800, processes)))
    return tuple(samples)


USED = Observation(
    finished=True,
    device_code="native",
    log=ON_GPU,
    own_pids=frozenset({OWN}),
    device_open=True,
    holders=frozenset({OWN, NEIGHBOUR}),
    sees_all_pids=True,
    samples=watched(by_process={OWN: 30}),
    steady_seconds=2.0,
)
# Nothing can be learned of the card: no NVML, no nvidia-smi.
UNSEEN = (Sample(0.0, 0, CardSample()), Sample(2.0, 1, CardSample()))
# A driver that lists no processes to this namespace, as in a container.
UNLISTED = {"processes": {}}

# The card as a CPU server leaves it, and with somebody else who starts to work at that very moment.
NOTHING = watched(0, 0, processes={})
BOTH = {OWN: 700, NEIGHBOUR: 4000}
COINCIDENCE = watched(0, 95, processes={NEIGHBOUR: 4000}, by_process={NEIGHBOUR: 90})
NOT_OURS = USED._replace(device_open=False, samples=NOTHING)
IN_A_CONTAINER = USED._replace(sees_all_pids=False, samples=watched(rounds=3, **UNLISTED))
MORE_THAN_HELD = ServerLog(True, {"CUDA0": 3000.0}, "CUDA0", [], True, [])

# Where the inference really ran (as the case is made), and what was seen, by the verdict.
ON_THE_GPU = {
    True: {
        "everything seen": USED,
        "a card without figures by process": USED._replace(samples=watched()),
        "log unreadable": USED._replace(log=None),
        "log rotated away": USED._replace(log=NO_START),
        "a neighbour at work on the same card, figures by process": USED._replace(
            samples=watched(90, 95, processes=BOTH, by_process={OWN: 5, NEIGHBOUR: 90})
        ),
        "a neighbour at work on the same card, no figures by process": USED._replace(
            samples=watched(90, 95, processes=BOTH)
        ),
        "MIG: no utilisation": USED._replace(samples=watched(None, None)),
        "plan unknown": USED._replace(device_code=None),
        "compiled by the driver (JIT)": USED._replace(device_code="jit"),
        "host in a container, empty list, work in step three times": IN_A_CONTAINER,
    },
    None: {
        "host in a container, log unreadable too": IN_A_CONTAINER._replace(log=None),
        "no NVML, log says the card": USED._replace(samples=UNSEEN),
        "no NVML, no log": USED._replace(samples=UNSEEN, log=None),
        "not root, so that what is held open is not known": USED._replace(device_open=None),
        "no container, no process known": USED._replace(own_pids=None, device_open=None, log=None),
        "too short to see work, log unreadable": USED._replace(log=None, steady_seconds=0.0, samples=watched(0, 0)),
    },
}
NOT_ON_THE_GPU = {
    False: {
        "--no-gpu": NOT_OURS._replace(log=ON_CPU),
        "--no-gpu, CUDA still holds a context": USED._replace(log=ON_CPU, samples=watched(0, 0)),
        "GPU hidden from CUDA": NOT_OURS._replace(log=HIDDEN),
        "CPU image on a GPU host": NOT_OURS._replace(log=CPU_IMAGE),
        "CPU image, a neighbour starts to work": NOT_OURS._replace(log=CPU_IMAGE, samples=COINCIDENCE),
        "forged log": NOT_OURS,
        "forged log, a neighbour starts to work": NOT_OURS._replace(samples=COINCIDENCE),
        "forged log, the server only asks NVML": USED._replace(samples=NOTHING),
        "forged log, memory held, computed on the CPU": USED._replace(samples=watched(0, 0)),
        "forged log, less memory than the weights it claims": USED._replace(log=MORE_THAN_HELD),
        "stand-in NVML lists the server and its work, forged log": USED._replace(device_open=False),
        "a number of another PID namespace is ours by chance": USED._replace(
            log=None, device_open=False, sees_all_pids=False
        ),
        "server on another card": NOT_OURS,
        "no code for the card": USED._replace(device_code="none"),
        "no transcript": USED._replace(finished=False),
        "no transcript, nothing known": USED._replace(finished=False, log=None, samples=(), device_open=None),
    },
    None: {
        "memory held, log unreadable, a neighbour at work": USED._replace(
            log=None, samples=watched(90, 95, processes=BOTH)
        ),
        "stand-in NVML, what is held open not known": USED._replace(device_open=None),
        "host in a container, forged log, somebody's work in step once": IN_A_CONTAINER._replace(
            device_open=None, samples=watched(**UNLISTED)
        ),
        "host in a container, forged log, somebody always at work": IN_A_CONTAINER._replace(
            samples=watched(90, 95, rounds=3, **UNLISTED)
        ),
    },
}
CASES = [
    (name, truth, seen, verdict)
    for truth, by_verdict in ((True, ON_THE_GPU), (False, NOT_ON_THE_GPU))
    for verdict, cases in by_verdict.items()
    for name, seen in cases.items()
]


@pytest.mark.parametrize(("truth", "seen", "verdict"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_each_case_has_its_verdict(truth, seen, verdict):
    assert judge(seen).gpu_used is verdict


def test_no_case_is_proven_wrongly_or_denied_wrongly():
    verdicts = [(truth, judge(seen).gpu_used) for _name, truth, seen, _verdict in CASES]
    counts = {pair: verdicts.count(pair) for pair in itertools.product((True, False), (True, False, None))}
    print(f"{len(verdicts)} cases: {counts}")
    assert counts[False, True] == 0, "false positives"
    assert counts[True, False] == 0, "false negatives"


def test_what_is_missing_is_named():
    assert judge(USED).missing == []
    assert judge(USED._replace(samples=UNSEEN)).missing == ["process_memory", "utilization"]
    assert judge(USED._replace(log=HIDDEN, device_open=False)).missing == ["device_open", "log"]
    assert judge(USED._replace(finished=False, device_code="none")).missing == ["inference", "device_code"]


def test_figures_come_from_the_samples():
    found = figures(USED._replace(samples=watched(3, 41, processes={OWN: 700, NEIGHBOUR: 50}, by_process={OWN: 30})))
    assert found["process_memory_mib"] == 700
    assert found["process_utilization_max_percent"] == 30
    assert (found["utilization_baseline_percent"], found["utilization_max_percent"]) == (3, 41)
    assert (found["sm_clock_baseline_mhz"], found["sm_clock_max_mhz"]) == (345, 1980)
    assert found["others_on_card"] == 1
    assert set(figures(USED._replace(samples=UNSEEN)).values()) == {None}


def test_more_rounds_only_where_nobody_says_whose_work_it_is():
    assert not needs_more_rounds(USED)
    assert needs_more_rounds(USED._replace(sees_all_pids=False, samples=watched(**UNLISTED)))
    assert not needs_more_rounds(USED._replace(samples=UNSEEN))


# --- what an H100 showed --------------------------------------------------------------------------------------------


def h100(name, pid, device_open):
    """A recording of tests/fixtures/whisper_server/h100. What was held open was not recorded: it is given here."""
    lines = (FIXTURES / "h100" / f"{name}.samples").read_text(encoding="utf-8").splitlines()
    samples = []
    for line in lines:
        if line.startswith("{"):
            one = json.loads(line)
            processes = {number: used // MIB for number, used in one["procs"]}
            card = CardSample(one["util"], one["sm_mhz"], one["used_mib"], processes)
            samples.append(Sample(one["t"], int(0.6 <= one["t"] < 1.1), card))
    log = read_log((FIXTURES / "h100" / f"{name}.log").read_text(encoding="utf-8"))
    # The recording was of changes: a figure stands until the next one.
    if not any(sample.busy for sample in samples):
        samples.append(samples[-1]._replace(seconds=0.6, period=1))
    holders = frozenset({pid}) if device_open else frozenset()
    code = "jit" if "jit" in name else "native"
    return Observation(name != "wrong", code, log, frozenset({pid}), device_open, holders, samples=samples)


@pytest.mark.parametrize(
    ("name", "pid", "device_open", "verdict", "missing"),
    [
        ("gpu", 4108, True, True, []),
        # The card had nothing to do while the driver compiled.
        ("jit", 11074, True, True, ["utilization"]),
        ("jit2", 11153, True, True, []),
        ("nogpu", 4174, True, False, ["process_memory", "log", "utilization"]),
        ("hidden", 4240, False, False, ["device_open", "log", "process_memory", "utilization"]),
        ("wrong", 7814, True, False, ["inference", "utilization"]),
    ],
)
def test_the_servers_on_a_real_card(name, pid, device_open, verdict, missing):
    judged = judge(h100(name, pid, device_open))
    assert judged.gpu_used is verdict
    assert set(judged.missing) == set(missing)


# --- properties -----------------------------------------------------------------------------------------------------

CARDS = st.builds(
    CardSample,
    st.none() | st.integers(0, 100),
    st.none() | st.integers(200, 2000),
    st.none() | st.integers(0, 9000),
    st.none() | st.dictionaries(st.sampled_from([OWN, NEIGHBOUR, 7]), st.none() | st.integers(0, 9000)),
    st.none() | st.dictionaries(st.sampled_from([OWN, NEIGHBOUR]), st.integers(0, 100)),
)
OBSERVATIONS = st.builds(
    Observation,
    st.booleans(),
    st.sampled_from([None, "native", "jit", "none"]),
    st.sampled_from([None, ON_GPU, ON_CPU, HIDDEN, CPU_IMAGE, NO_START]),
    st.none() | st.frozensets(st.sampled_from([OWN, 7]), min_size=1),
    st.none() | st.booleans(),
    st.frozensets(st.sampled_from([OWN, NEIGHBOUR, 7])),
    st.booleans(),
    st.lists(st.builds(Sample, st.floats(0, 20), st.integers(0, 6), CARDS), max_size=12),
    st.floats(0, 5),
)


@given(OBSERVATIONS)
def test_true_needs_everything_that_the_rule_says(seen):
    judged = judge(seen)
    if judged.gpu_used:
        assert seen.finished
        assert seen.device_open is True
        assert seen.device_code != "none"
        assert sum(judged.kinds[kind] is True for kind in KINDS) >= 2
        assert False not in judged.kinds.values()


@given(OBSERVATIONS)
def test_no_verdict_is_true_with_fewer_than_two_kinds_that_can_be_known(seen):
    blind = seen._replace(log=None, samples=())
    assert judge(blind).gpu_used is not True
    for part in (seen._replace(samples=()), seen._replace(own_pids=None)):
        assert judge(part).gpu_used is not True


@given(OBSERVATIONS)
def test_losing_access_never_turns_a_proof_into_a_denial(seen):
    verdict = judge(seen).gpu_used
    # Each source that can be closed, in every combination.
    closings = ({"log": None}, {"samples": ()}, {"device_open": None}, {"device_code": None})
    for count in range(1, len(closings) + 1):
        for chosen in itertools.combinations(closings, count):
            closed = seen._replace(**{key: value for one in chosen for key, value in one.items()})
            after = judge(closed).gpu_used
            assert not (verdict is True and after is False)
            assert after is not True or sum(value is True for value in judge(closed).kinds.values()) >= 2


@given(OBSERVATIONS, st.integers(1, 100))
def test_a_neighbours_work_alone_never_proves(seen, share):
    card = CardSample(share, 1980, 5000, {NEIGHBOUR: 5000}, {NEIGHBOUR: share})
    busy = tuple(
        Sample(float(number), number, card if number % 2 else card._replace(utilization_percent=0))
        for number in range(7)
    )
    assert (
        judge(seen._replace(samples=busy, own_pids=frozenset({OWN}), holders=frozenset({NEIGHBOUR}))).gpu_used
        is not True
    )


@given(OBSERVATIONS)
def test_without_an_open_device_nothing_proves(seen):
    assert judge(seen._replace(device_open=False)).gpu_used is False
    assert judge(seen._replace(device_open=None)).gpu_used is not True
