"""The report: what is kept of a host, what is said of it, and that no text of a stranger becomes markup."""

from __future__ import annotations

import json
import re

import pytest
from ansible_collections.whisperops.gpu.plugins.plugin_utils._report import page, plots, problems, records, report
from ansible_collections.whisperops.gpu.plugins.plugin_utils._report.fleet import by_name, comparison, fleet_of
from ansible_collections.whisperops.gpu.plugins.plugin_utils._report.state import state_of
from hypothesis import given, settings
from hypothesis import strategies as st

MONDAY, TUESDAY = "2026-11-16T08:00:00+00:00", "2026-11-17T08:00:00+00:00"
GPU_PLAN = {"runtime": "cuda", "verdict": "native", "servers": [{"gpu": "GPU-1", "port": 8080}]}
CPU_PLAN = {"runtime": "cpu", "verdict": "cpu", "servers": [{"gpu": None, "port": 8080}]}


def record(host="one", error=None, now=MONDAY, earlier=None, **parts):
    return records.merged(earlier or {}, host, parts, error, now)


def html_of(*of_hosts):
    return page.render(fleet_of(list(of_hosts), MONDAY))


# --- records --------------------------------------------------------------------------------------------------------


def test_a_run_replaces_what_it_has_learnt_and_leaves_the_rest():
    measured = {"runs": []}
    first = record(plan=GPU_PLAN, benchmark=measured)
    second = record(earlier=first, now=TUESDAY, plan=CPU_PLAN)
    assert (second["plan"], second["benchmark"]) == (CPU_PLAN, measured)
    assert second["recorded_at"] == {"plan": TUESDAY, "benchmark": MONDAY}


def test_a_run_that_ends_well_takes_the_error_away():
    failed = record(error="port_in_use: 8080", plan=CPU_PLAN)
    assert record(earlier=failed, now=TUESDAY)["error"] is None


def test_what_ansible_adds_is_not_kept():
    noisy = [{"text": "hello", "invocation": {"module_args": {}}, "changed": False, "item": {"url": "u"}}]
    assert record(proof=noisy)["proof"] == [{"text": "hello", "item": {"url": "u"}}]


def test_the_plans_warnings_are_the_plans_own():
    assert record(plan={"warnings": ["CPU ONLY."]})["plan"] == {"warnings": ["CPU ONLY."]}


@pytest.mark.parametrize("host", ["a/b", "../../etc/passwd", "..", "\ud800", "x" * 400, "a\x00b", ""])
def test_whatever_a_host_is_called_its_record_stays_in_the_folder(tmp_path, host):
    records.record_host(tmp_path, host, {"plan": CPU_PLAN}, None, MONDAY)
    assert [file.parent for file in tmp_path.rglob("*.json")] == [tmp_path / "hosts"]
    assert [found["host"] for found in records.read_all(tmp_path, [host])] == [host]


def test_two_long_names_are_two_records(tmp_path):
    assert records.file_of(tmp_path, "x" * 400) != records.file_of(tmp_path, "x" * 401)


def test_a_record_that_is_broken_is_told_and_stops_nothing(tmp_path):
    records.write(records.file_of(tmp_path, "one"), "{broken")
    records.write(records.file_of(tmp_path, "two"), "[]")
    written = report.write_report(tmp_path, ["one", "two", "never-seen"], MONDAY)
    found = json.loads((tmp_path / "fleet.json").read_text(encoding="utf-8"))
    assert (written.hosts, found["summary"]["failed"]) == (2, 2)


def test_a_folder_that_cannot_be_written_says_what_to_do(tmp_path):
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(records.ReportError, match=r"report_not_written: .*Set whisper_report_dir"):
        records.write(tmp_path / "file" / "fleet.html", "")


# --- states ---------------------------------------------------------------------------------------------------------


def proof(*used):
    return [{"gpu_used": answer, "item": {"gpu": "GPU-1"}} for answer in used]


@pytest.mark.parametrize(
    ("state", "made"),
    [
        ("unknown", record()),
        ("planned", record(plan=GPU_PLAN)),
        ("impossible", record(plan={"verdict": "impossible"})),
        ("proven", record(plan=GPU_PLAN, proof=proof(True))),
        ("not_proven", record(plan=GPU_PLAN, proof=proof(False))),
        ("not_proven", record(plan=GPU_PLAN, proof=proof(None))),
        ("not_proven", record(plan=GPU_PLAN, proof=[{"gpu_used": "true"}])),
        ("cpu", record(plan=CPU_PLAN, proof=proof(False))),
        ("cpu_only", record(plan=CPU_PLAN, proof=proof(False), gpu_info={"gpu_present": True})),
        ("failed", record(error="x", plan=GPU_PLAN, proof=proof(True))),
    ],
)
def test_the_state_of_a_host(state, made):
    assert state_of(made).name == state


def test_a_proof_of_one_server_does_not_prove_two():
    two = {**GPU_PLAN, "servers": [{"gpu": "GPU-1", "port": 8080}, {"gpu": "GPU-2", "port": 8081}]}
    assert state_of(record(plan=two, proof=proof(True))).name == "not_proven"


def test_a_proof_from_before_the_plan_proves_nothing():
    old = record(plan=GPU_PLAN, proof=proof(True))
    assert state_of(record(earlier=old, now=TUESDAY, plan=GPU_PLAN)).name == "planned"
    assert state_of(record(earlier=old, now=TUESDAY, proof=proof(True))).name == "proven"


def test_hosts_that_need_a_person_come_first_then_by_number():
    hosts = [record("gpu-10"), record("gpu-2"), record("gpu-30", error="x"), record("\u00b2")]
    assert [found["host"] for found in fleet_of(hosts, MONDAY).records] == ["gpu-30", "gpu-2", "gpu-10", "\u00b2"]
    assert by_name("gpu-2") < by_name("gpu-10")


# --- problems -------------------------------------------------------------------------------------------------------


def test_the_same_problem_on_two_hosts_is_one():
    error = "port_in_use: port 8080 is taken"
    (found,) = problems.fleet_problems([record("one", error), record("two", error)])
    assert (found.kind, found.code, found.hosts) == ("Failure", "port_in_use", ["one", "two"])


def test_the_remedy_of_a_code_is_the_guides():
    html = html_of(record(error="port_in_use: port 8080 is taken"))
    assert "What the guide says of port_in_use" in html
    assert "<strong>Fix.</strong>" in html


def test_an_impossible_plan_tells_its_remedy_apart():
    plan = {"verdict": "impossible", "reasons": ["No driver.", "Remedy: Install one."]}
    (found,) = problems.fleet_problems([record(plan=plan)])
    assert (list(found.messages), found.remedies) == (["No driver."], ["Install one."])


def test_an_unproven_server_says_which_evidence_is_missing():
    result = {"gpu_used": False, "missing": ["GPU memory of the server's process"]}
    (found,) = problems.fleet_problems([record(plan=GPU_PLAN, proof=[result])])
    assert (found.kind, list(found.messages)) == (
        "GPU not used",
        ["The GPU was not used. Missing: GPU memory of the server's process"],
    )


def test_the_likeliest_cause_of_a_missing_proof_brings_its_code_and_remedy():
    cause = {"code": "gpu_lost", "message": "It fell off the bus.", "remedy": "Power the host off and on."}
    (found,) = problems.fleet_problems([record(plan=GPU_PLAN, proof=[{"gpu_used": False, "cause": cause}])])
    assert (found.code, found.remedies) == ("gpu_lost", ["Power the host off and on."])


def test_no_gpu_on_a_host_that_serves_from_its_cpu_is_no_problem():
    info = {"gpu_present": False, "problems": [{"code": "no_gpu", "message": "none", "remedy": "fit one"}]}
    assert problems.fleet_problems([record(plan=CPU_PLAN, gpu_info=info)]) == []
    assert problems.fleet_problems([record(gpu_info=info)]) != []


# --- figures --------------------------------------------------------------------------------------------------------


def run(label, clip, rtf, clients=1):
    return {"label": label, "clip": clip, "rtf": rtf, "clients": clients}


def test_gpu_and_cpu_are_compared_on_the_longest_clip_both_have_run_with_as_many_clients():
    runs = [run("gpu", "long", 0.01), run("gpu", "short", 0.02), run("cpu", "short", 0.5), run("gpu", "short", 0.9, 4)]
    found = comparison(record(benchmark={"runs": runs}))
    assert (found.clip, found.gpu, found.cpu) == ("short", 50.0, 2.0)


@pytest.mark.parametrize("rtf", [None, 0, True, "0.5", float("nan"), float("inf")])
def test_a_figure_that_is_none_makes_no_bar(rtf):
    assert comparison(record(benchmark={"runs": [run("gpu", "long", 0.1), run("cpu", "long", rtf)]})) is None


@pytest.mark.skipif(not plots.HAS_MATPLOTLIB, reason="matplotlib is not installed here: there is no plot to look at")
def test_a_name_in_a_plot_is_a_text_and_the_same_records_give_the_same_plot():
    runs = [run("gpu", "long", 0.1), run("cpu", "long", 0.5)]
    compared = [comparison(record("<b>$\\frac$ url(#x)", benchmark={"runs": runs}))]
    svg = plots.speed_plot(compared)
    assert "&lt;b&gt;$\\frac$ url(#x)" in svg
    assert svg == plots.speed_plot(compared)


# --- records that were made to break the report ---------------------------------------------------------------------

NO_RECORDS = [
    "{", "[]", "null", "\xff", "[" * 200_000, '{"plan": ' + "[" * 900 + "]" * 900 + "}", '{"a": ' + "1" * 10_000 + "}",
]  # fmt: skip


@pytest.mark.parametrize("text", NO_RECORDS, ids=range(len(NO_RECORDS)))
def test_a_record_that_is_none_costs_no_other_host_its_place(tmp_path, text):
    records.record_host(tmp_path, "good", {"plan": CPU_PLAN}, None, MONDAY)
    (tmp_path / "hosts" / "bad.json").write_bytes(text.encode("latin-1"))
    written = report.write_report(tmp_path, None, MONDAY)
    hosts = json.loads((tmp_path / "fleet.json").read_text(encoding="utf-8"))["hosts"]
    assert written.hosts == 2
    assert [host["state"] for host in hosts if host["host"] == "good"] == ["planned"]


def test_a_record_that_cannot_be_used_is_told_by_its_code(tmp_path):
    (tmp_path / "hosts").mkdir()
    (tmp_path / "hosts" / "bad.json").write_text("[" * 200_000, encoding="utf-8")
    report.write_report(tmp_path, ["bad"], MONDAY)
    (host,) = json.loads((tmp_path / "fleet.json").read_text(encoding="utf-8"))["hosts"]
    assert host["error"].startswith("report_record_unreadable: what is recorded of bad cannot be used")


def nested(levels):
    document = "x"
    for _level in range(levels):
        document = [document]
    return document


ODD = [nested(30_000), {"a": nested(900)}, 10**5000, float("nan"), ["x"] * 10**6, "x" * 10**7]


@pytest.mark.parametrize("part", [*records.PARTS, "error"])
@pytest.mark.parametrize("odd", ODD, ids=range(len(ODD)))
def test_what_a_host_answers_is_recorded_and_shown_whatever_it_is(tmp_path, part, odd):
    parts, error = ({}, odd) if part == "error" else ({part: odd}, None)
    records.record_host(tmp_path, "bad", parts, error, MONDAY)
    report.write_report(tmp_path, ["bad"], MONDAY)
    data = json.loads((tmp_path / "fleet.json").read_text(encoding="utf-8"), parse_constant=pytest.fail)
    assert [host["host"] for host in data["hosts"]] == ["bad"]
    assert (tmp_path / "fleet.html").stat().st_size < 1 << 20


def test_a_record_that_the_page_cannot_show_is_one_hosts_error(tmp_path, monkeypatch):
    for host in ("good", "bad"):
        records.record_host(tmp_path, host, {"plan": CPU_PLAN}, None, MONDAY)
    speed_line = page._speed_line

    def breaking(of):
        if of["host"] == "bad" and not of["error"]:
            raise RecursionError("too deep")
        return speed_line(of)

    monkeypatch.setattr(page, "_speed_line", breaking)
    page._environment.cache_clear()
    try:
        report.write_report(tmp_path, ["good", "bad"], MONDAY)
    finally:
        page._environment.cache_clear()
    hosts = json.loads((tmp_path / "fleet.json").read_text(encoding="utf-8"))["hosts"]
    assert {host["host"]: host["state"] for host in hosts} == {"bad": "failed", "good": "planned"}
    assert "report_record_unreadable" in (tmp_path / "fleet.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("time", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "x", None])
def test_a_time_that_is_none_is_none(time):
    assert html_of(record(now=time)).startswith("<!DOCTYPE html>")


# --- the page -------------------------------------------------------------------------------------------------------

SCRIPT = "<script>alert(1)</script>"


def test_markup_in_any_part_of_a_record_is_text():
    made = record(
        SCRIPT, SCRIPT, plan=dict.fromkeys(("verdict", "image", "model"), SCRIPT) | {"reasons": [SCRIPT]},
        gpu_info={"gpus": [{"name": SCRIPT, "uuid": SCRIPT}], "driver": {"version": SCRIPT}},
        proof=[{"text": SCRIPT, "missing": [SCRIPT], "evidence": {SCRIPT: [SCRIPT]}, "item": {"url": SCRIPT}}],
        benchmark={"runs": [{"label": SCRIPT, "clip": SCRIPT}]},
    )  # fmt: skip
    html = html_of(made)
    assert html.count("&lt;script&gt;alert(1)") > 10
    assert len(re.findall("<script", html)) == 1


def test_a_gpu_that_is_not_offered_is_on_the_page_with_its_code():
    broken = {"index": 1, "pci_bus_id": "00000000:0A:00.0", "name": None, "code": "gpu_lost", "reason": "It is lost."}
    gpus = [{"name": "NVIDIA L4", "compute_capability": "8.9"}]
    html = html_of(record(plan=GPU_PLAN, gpu_info={"gpus": gpus, "unavailable_gpus": [broken]}))
    assert "NVIDIA L4 (8.9), 00000000:0A:00.0 not offered: gpu_lost" in html


def test_a_template_in_a_record_is_text():
    assert "{{ 7 * 7 }}" in html_of(record("{{ 7 * 7 }}"))


def test_nothing_is_a_dash_and_a_text_that_says_nothing_stays():
    html = html_of(record(plan={"model": None, "image": "null"}))
    assert "<dt>Model</dt><dd><bdi>-</bdi></dd>" in html
    assert "<dt>Image</dt><dd><bdi>null</bdi></dd>" in html


def test_made_up_hosts_are_called_so():
    assert "MADE-UP HOSTS" in html_of(records.merged({"made_up": True}, "one", {}, None, MONDAY))
    assert "MADE-UP HOSTS" not in html_of(record())


def test_no_host_at_all_is_a_page_too():
    assert "No host has been recorded yet." in html_of()


ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=12), inner, max_size=3),
    max_leaves=6,
)
KEYS = st.sampled_from(
    [
        "verdict",
        "runtime",
        "servers",
        "gpus",
        "reasons",
        "rejected",
        "warnings",
        "runs",
        "samples",
        "instances",
        "driver",
        "problems",
        "item",
        "evidence",
        "missing",
        "text",
        "gpu_used",
        "name",
        "rtf",
        "throughput",
        "clip",
        "label",
        "t",
        "memory_mib",
    ]
)
SHAPED = st.dictionaries(KEYS, ANY_JSON | st.lists(st.dictionaries(KEYS, ANY_JSON, max_size=4), max_size=3), max_size=6)


@settings(max_examples=40, deadline=None)
@given(
    st.dictionaries(
        st.sampled_from([*records.PARTS, "host", "error", "recorded_at"]), ANY_JSON | SHAPED | st.lists(SHAPED)
    )
)
def test_a_record_of_any_form_makes_a_page(made):
    fleet = fleet_of([made], MONDAY)
    assert page.render(fleet).startswith("<!DOCTYPE html>")
    assert json.loads(records.as_json(fleet.as_dict()))["summary"]["hosts"] == 1


def test_of_several_models_each_server_has_its_own():
    servers = [{"gpu": None, "port": 8080, "model": "base.en"}, {"gpu": None, "port": 8081, "model": "tiny"}]
    html = html_of(record(plan={**CPU_PLAN, "servers": servers}))
    assert "port 8080, CPU, base.en" in html
    assert "port 8081, CPU, tiny" in html
