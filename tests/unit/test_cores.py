"""The ansible-cores that tests/cores/cores.txt lists are those that setup brings, README names and the tests run on."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from importlib.metadata import metadata, version
from pathlib import Path

import pytest
import yaml
from ansible.module_utils import basic

ROOT = Path(__file__).parents[2]
CORES = ROOT / "tests" / "cores"


def read(name):
    return (ROOT / name).read_text(encoding="utf-8")


def minor(release):
    return int(release.split(".")[1])


# By core: the Pythons of its control node, the oldest on hosts, the release of the package ansible.
TABLE = {
    core: (sorted(pythons.split(","), key=minor), oldest, ansible)
    for core, pythons, oldest, ansible in (
        line.split() for line in read("tests/cores/cores.txt").splitlines() if not line.startswith("#")
    )
}
RELEASED = {core: row for core, row in TABLE.items() if row[2].replace(".", "").isdigit()}
OWN = ".".join(version("ansible-core").split(".")[:2])


# --- what runs here is what the table says. The units run on each core. ---------------------------------------------


def test_this_core_runs_on_the_pythons_of_its_row():
    named = re.findall(
        r"^Programming Language :: Python :: (3\.\d+)$",
        "\n".join(metadata("ansible-core").get_all("Classifier")),
        re.MULTILINE,
    )
    assert sorted(named, key=minor) == TABLE[OWN][0]


def test_this_core_needs_the_python_of_its_row_on_hosts():
    assert ".".join(map(str, basic._PY_MIN)) == TABLE[OWN][1]


def test_this_core_came_with_the_package_of_its_row():
    assert version("ansible") == TABLE[OWN][2]


# --- what else names a version says the same ------------------------------------------------------------------------


def test_the_oldest_core_is_the_one_that_the_collection_requires():
    assert yaml.safe_load(read("meta/runtime.yml"))["requires_ansible"] == f">={next(iter(TABLE))}.0"


def test_setup_brings_the_newest_package_that_the_python_at_hand_can_run():
    pinned = re.findall(r'^ansible==(\S+); python_version (<|>=) "(3\.\d+)"$', read("requirements.txt"), re.MULTILINE)
    pythons, _hosts, newest = list(RELEASED.values())[-1]
    before = [row for row in RELEASED.values() if row[0][0] != pythons[0]]
    assert pinned == [(before[-1][2], "<", pythons[0]), (newest, ">=", pythons[0])]


def test_the_readme_names_each_released_core():
    rows = re.findall(
        r"^\| (2\.\d+) \| (\d+)\.\d+ \| (3\.\d+) \S (3\.\d+) \| (3\.\d+) or newer \|", read("README.md"), re.MULTILINE
    )
    assert rows == [
        (core, ansible.split(".")[0], pythons[0], pythons[-1], oldest)
        for core, (pythons, oldest, ansible) in RELEASED.items()
    ]


def test_what_galaxy_installs_is_what_the_collection_depends_on():
    (collection,) = yaml.safe_load(read("requirements.yml"))["collections"]
    assert {collection["name"]: collection["version"]} == yaml.safe_load(read("galaxy.yml"))["dependencies"]


# --- what the tests run on ------------------------------------------------------------------------------------------


@pytest.fixture
def further(tmp_path):
    """Asks on a machine that has the named Pythons and no other."""
    for tool in ("bash", "env", "dirname", "awk", "grep"):
        (tmp_path / tool).symlink_to(shutil.which(tool))

    def ask(*pythons, own="", **environment):
        for python in pythons:
            (tmp_path / f"python{python}").write_text(f"#!/bin/bash\necho /opt/python{python}\n", encoding="utf-8")
            (tmp_path / f"python{python}").chmod(0o755)
        done = subprocess.run(
            [CORES / "further", *own.split()],
            env={"PATH": str(tmp_path), "PYENV_ROOT": str(tmp_path / "none"), **environment},
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.split(), done.stderr

    return ask


def test_a_core_without_a_python_is_left_out_and_named(further):
    cores, said = further("3.11")
    assert cores == ["2.19"]
    assert "ansible-core 2.20: LEFT OUT, not tested: this machine has no Python 3.12 or 3.13 or 3.14" in said
    assert "ansible-core 2.21: LEFT OUT, not tested" in said


def test_the_core_of_setup_is_not_run_twice(further):
    assert further("3.11", "3.12", own="2.19")[0] == ["2.20", "2.21"]


def test_each_released_core_is_run_where_one_python_runs_all(further):
    assert further("3.12")[0] == list(RELEASED)


def test_a_prerelease_is_run_only_when_asked_for(further):
    assert "2.22" not in further("3.13")[0] or "2.22" in RELEASED
    assert further("3.13", WHISPEROPS_PRERELEASES="yes")[0] == [core for core, row in TABLE.items() if "3.13" in row[0]]


def test_a_machine_with_no_python_of_a_core_cannot_make_it(further):
    with pytest.raises(subprocess.CalledProcessError) as error:
        further("3.11", own="of 2.21")
    assert "this machine has no Python" in error.value.stderr


# --- a deprecation fails a scenario ---------------------------------------------------------------------------------

PLAYBOOK = """
- hosts: localhost
  gather_facts: false
  tasks:
    - ansible.builtin.debug:
        msg: "{{ play_hosts | length }}"
"""


@pytest.mark.parametrize(("playbook", "status"), [(PLAYBOOK, 1), (PLAYBOOK.replace("play_", "ansible_play_"), 0)])
def test_what_ansible_deprecates_is_found_in_its_log(playbook, status, tmp_path):
    (tmp_path / "play.yml").write_text(playbook, encoding="utf-8")
    done = subprocess.run(
        [
            shutil.which("ansible-playbook", path=str(Path(sys.executable).parent)),
            "-i",
            "localhost,",
            "-c",
            "local",
            "play.yml",
        ],
        cwd=tmp_path,
        env={**os.environ, "ANSIBLE_FORCE_COLOR": "true"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=True,
    )
    (tmp_path / "log").write_text(done.stdout, encoding="utf-8")
    assert subprocess.run([CORES / "no_deprecation", tmp_path / "log"], check=False).returncode == status
