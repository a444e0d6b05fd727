"""Alerts and dashboards ask for figures that exist, and link to words that exist.

What exists: the recorded answers of the real exporters (tests/fixtures/prometheus), what the role's own program says,
and what a proof leaves. What the rules do is tested by promtool (tests/prometheus).
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import jinja2
import pytest
import yaml

ROOT = Path(__file__).parents[4]
ROLE = ROOT / "roles" / "gpu_metrics"
FIXTURES = ROOT / "tests" / "fixtures" / "prometheus"
DASHBOARDS = sorted((ROLE / "files" / "dashboards").glob("*.json"))
TESTS = ROOT / "tests" / "prometheus" / "alerts.test.yml"
GUIDE = (ROOT / "docs" / "monitoring.md").read_text(encoding="utf-8")

# What Prometheus itself makes, of a target and of an alert.
OF_PROMETHEUS = {"up", "ALERTS"}
# Of a proof: the agreement with the role whisper_proof.
OF_THE_PROOF = {
    f"whisper_proof_{name}" for name in ("success", "gpu_used", "timestamp_seconds", "real_time_factor", "similarity")
}


def rendered_rules():
    defaults = yaml.safe_load((ROLE / "defaults" / "main.yml").read_text(encoding="utf-8"))
    header, template = (ROLE / "templates" / "rules.yml.j2").read_text(encoding="utf-8").split("\n", 1)
    assert header == "#jinja2: variable_start_string: '[[', variable_end_string: ']]'"
    environment = jinja2.Environment(
        variable_start_string="[[",
        variable_end_string="]]",
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
    )
    return environment.from_string(template).render(ansible_managed="rendered by a test", **defaults)


RULES = [rule for group in yaml.safe_load(rendered_rules())["groups"] for rule in group["rules"]]
BOARDS = [json.loads(path.read_text(encoding="utf-8")) for path in DASHBOARDS]
PANEL_QUESTIONS = [
    (panel["title"], ask["expr"]) for board in BOARDS for panel in board["panels"] for ask in panel["targets"]
]


def metrics_of(text):
    return {re.match(r"[a-zA-Z_:][\w:]*", line)[0] for line in text.splitlines() if line and not line.startswith("#")}


def existing_metrics():
    recorded = {name for path in FIXTURES.rglob("*.prom") for name in metrics_of(path.read_text(encoding="utf-8"))}
    program = (ROLE.parents[1] / "plugins/module_utils/_whisper/host_metrics.py").read_text(encoding="utf-8")
    program += (ROLE.parent / "whisper_api/files/whisper_api/metrics.py").read_text(encoding="utf-8")
    own = set(re.findall(r'^    "(whisper_\w+)": \(', program, re.MULTILINE))
    assert len(recorded) > 200
    assert len(own) > 5
    return recorded | own | OF_THE_PROOF | OF_PROMETHEUS


FUNCTIONS = "avg|by|count|delta|group_left|max|min|on|or|and|unless|rate|sum|time|vector"


def metrics_in(question):
    """Names in PromQL, without label matchers, grouping labels, durations, functions and numbers."""
    bare = re.sub(r"\{[^}]*\}|\[[^\]]*\]|\b(?:by|on|group_left)\s*\([^)]*\)", " ", question)
    return {name for name in re.findall(r"(?<![\w.$])[a-zA-Z_]\w*", bare) if not re.fullmatch(FUNCTIONS, name)}


@pytest.mark.parametrize(
    ("question", "metrics"),
    [
        ('a_total{b="c"} / 1e12 > 9', {"a_total"}),
        ("x * on (host, uuid) group_left (name) y_info", {"x", "y_info"}),
        ('1 - avg(rate(z{m="i"}[$__rate_interval])) or vector(0)', {"z"}),
        ("time() - t > 3 unless on (host) u == 1", {"t", "u"}),
    ],
)
def test_metrics_are_found_in_questions(question, metrics):
    assert metrics_in(question) == metrics


@pytest.mark.parametrize(
    ("asker", "question"),
    [*((rule["alert"], rule["expr"]) for rule in RULES), *PANEL_QUESTIONS],
    ids=lambda value: re.sub(r"\W+", " ", value)[:40],
)
def test_each_figure_that_is_asked_for_exists(asker, question):
    assert metrics_in(question), f"{asker} asks for nothing"
    assert metrics_in(question) - existing_metrics() == set()


# --- alerts ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_each_alert_says_where_and_what_to_do(rule):
    annotations = rule["annotations"]
    assert set(annotations) == {"summary", "description", "runbook_url"}
    assert "{{ $labels.host }}" in annotations["summary"]
    assert "{{ $labels.host }}" in annotations["description"]
    assert rule["labels"]["severity"] in {"warning", "critical"}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_each_alert_links_to_a_section_that_exists(rule):
    page, _sharp, anchor = rule["annotations"]["runbook_url"].rpartition("/")[2].partition("#")
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    assert anchor in {heading.lower() for heading in re.findall(r"^#+ (.+)$", text, re.MULTILINE)}


def test_each_alert_has_a_name_of_its_own_and_each_section_an_alert():
    names = [rule["alert"] for rule in RULES]
    assert len(set(names)) == len(names)
    assert set(re.findall(r"^### (Whisper\w+)$", GUIDE, re.MULTILINE)) <= set(names)
    assert {name for name in names if name not in GUIDE} == set()


def test_promtool_and_the_scenario_have_a_case_for_each_alert():
    scenario = (ROOT / "molecule" / "metrics" / "verify.yml").read_text(encoding="utf-8")
    for text in (TESTS.read_text(encoding="utf-8"), scenario):
        assert {rule["alert"] for rule in RULES if not re.search(rf"\b{rule['alert']}\b", text)} == set()


def test_the_rules_do_what_promtool_expects(tmp_path):
    promtool = os.environ.get("WHISPEROPS_PROMTOOL") or shutil.which("promtool")
    if not promtool:
        pytest.skip(
            "no promtool in PATH or WHISPEROPS_PROMTOOL (Debian: promtool); the scenario metrics runs these tests too"
        )
    (tmp_path / "rules.yml").write_text(rendered_rules(), encoding="utf-8")
    shutil.copy(TESTS, tmp_path)
    run = subprocess.run(
        [promtool, "test", "rules", TESTS.name],
        cwd=str(tmp_path),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    assert run.returncode == 0, run.stdout.decode()


# --- dashboards -----------------------------------------------------------------------------------------------------


def cells(panel):
    place = panel["gridPos"]
    return {
        (x, y) for x in range(place["x"], place["x"] + place["w"]) for y in range(place["y"], place["y"] + place["h"])
    }


@pytest.mark.parametrize("board", BOARDS, ids=[path.stem for path in DASHBOARDS])
def test_a_dashboard_can_be_imported(board):
    assert board["id"] is None, "a number of somebody's Grafana"
    assert board["uid"]
    assert board["title"]
    assert board["schemaVersion"] >= 36
    assert [one["type"] for one in board["templating"]["list"] if one["name"] == "datasource"] == ["datasource"]
    panels = board["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    for panel in panels:
        assert panel["title"]
        assert panel["type"] in {"stat", "table", "timeseries"}
        assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
        assert all(x < 24 for x, y in cells(panel))
        assert len({ask["refId"] for ask in panel["targets"]}) == len(panel["targets"]) > 0
    taken = [cell for panel in panels for cell in cells(panel)]
    assert len(taken) == len(set(taken)), "panels lie on one another"


def test_each_variable_that_is_used_is_defined():
    # $__… are Grafana's own.
    for board in BOARDS:
        used = set(re.findall(r"\$\{?([a-z]\w*)", json.dumps(board["panels"])))
        assert used == {one["name"] for one in board["templating"]["list"]}


def test_dashboards_do_not_take_one_anothers_place():
    assert len({board["uid"] for board in BOARDS}) == len(BOARDS)
    assert len({board["title"] for board in BOARDS}) == len(BOARDS)
