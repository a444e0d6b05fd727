"""The GitHub workflow runs what .ci/run runs, and each ansible-core on each Python of tests/cores/cores.txt."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
FILES = sorted(ROOT.glob(".github/workflows/*.yml"))


def workflow(path):
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def steps(path):
    return [step for job in workflow(path)["jobs"].values() for step in job["steps"]]


CI = ROOT / ".github" / "workflows" / "ci.yml"


def test_the_test_command_is_run_by_the_script_that_every_ci_runs():
    assert [step["run"] for step in workflow(CI)["jobs"]["test"]["steps"] if "run" in step] == [".ci/run"]
    last = (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()[-1]
    command = last.removeprefix("exec ")
    assert f"    {command}       # the test command" in (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_matrix_has_each_core_on_each_python_of_its_row():
    matrix = subprocess.run(
        [sys.executable, ROOT / "tests" / "cores" / "matrix.py"], capture_output=True, text=True, check=True
    )
    table = (ROOT / "tests" / "cores" / "cores.txt").read_text(encoding="utf-8")
    rows = [line.split() for line in table.splitlines() if not line.startswith("#")]
    wanted = {(core, python) for core, pythons, _hosts, _ansible in rows for python in pythons.split(",")}
    entries = json.loads(matrix.stdout)
    assert {(entry["core"], entry["python"]) for entry in entries} == wanted
    assert len(entries) == len(wanted)
    unfinished = {core for core, _pythons, _hosts, ansible in rows if not ansible.replace(".", "").isdigit()}
    assert {entry["core"] for entry in entries if entry["prerelease"]} == unfinished


def test_what_the_cores_job_makes_are_targets():
    (run,) = [step["run"] for step in workflow(CI)["jobs"]["cores"]["steps"] if "run" in step]
    made = [word for word in run.replace("${{ ", "${{").replace(" }}", "}}").split()[1:] if "=" not in word]
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert made
    assert set(made) <= set(targets)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_workflow_may_only_read_and_ends_in_time(path):
    assert workflow(path)["permissions"] == {"contents": "read"}
    assert all("permissions" not in job and job["timeout-minutes"] <= 360 for job in workflow(path)["jobs"].values())


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_actions_are_named_by_commit_and_keep_no_credentials(path):
    used = [step for step in steps(path) if "uses" in step]
    assert used
    assert [step["uses"] for step in used if not re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", step["uses"])] == []
    checkouts = [step for step in used if step["uses"].startswith("actions/checkout@")]
    assert all(step["with"]["persist-credentials"] is False for step in checkouts)
