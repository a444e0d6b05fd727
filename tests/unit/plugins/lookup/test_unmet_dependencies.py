"""A collection that is missing or too old is found before a host is touched."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from ansible_collections.whisperops.gpu.plugins.lookup import unmet_dependencies
from ansible_collections.whisperops.gpu.plugins.lookup.unmet_dependencies import (
    LookupModule,
    declared,
    installed,
    unmet,
)

ROOT = Path(__file__).parents[4]
DOCKER = yaml.safe_load((ROOT / "galaxy.yml").read_text(encoding="utf-8"))["dependencies"]


def test_this_control_node_has_all():
    assert LookupModule().run([]) == []


def test_the_version_that_is_installed_is_read_from_its_manifest():
    assert re.fullmatch(r"\d+\.\d+\.\d+", installed("community.docker"))


def test_a_collection_that_is_not_there_is_named(monkeypatch):
    monkeypatch.setattr(unmet_dependencies, "declared", lambda _: {"dependencies": {"no.such_collection": ">=1.0.0"}})
    assert LookupModule().run([]) == [{"name": "no.such_collection", "version": None, "needed": ">=1.0.0"}]


def test_collections_that_one_playbook_needs_are_compared_in_place_of_the_declared():
    needed = {"community.docker": ">=1000", "no.such_collection": ">=1.0.0"}
    found = LookupModule().run([needed])
    assert {one["name"]: one["needed"] for one in found} == needed
    assert LookupModule().run([{"community.docker": ">=1"}]) == []


@pytest.mark.parametrize("version", ["4.8.3", "4.8.5", "5.0.2", "5.2.1", "5.4.0", "6.0.0", "5.5.0-dev0"])
def test_versions_that_work_with_docker_29_will_do(version):
    assert unmet(DOCKER, {"community.docker": version}) == []


# What the package ansible brought: 12.0 to 12.2 and 13.0.
@pytest.mark.parametrize("version", ["4.7.0", "4.8.1", "4.8.2", "5.0.0", "5.0.1"])
def test_versions_that_fail_with_docker_29_will_not(version):
    (missing,) = unmet(DOCKER, {"community.docker": version})
    assert (missing["name"], missing["version"]) == ("community.docker", version)


def test_a_built_collection_has_a_manifest_instead_of_galaxy_yml(tmp_path):
    (tmp_path / "galaxy.yml").write_text("version: 1.0.0", encoding="utf-8")
    assert declared(tmp_path)["version"] == "1.0.0"
    (tmp_path / "MANIFEST.json").write_text(json.dumps({"collection_info": {"version": "2.0.0"}}), encoding="utf-8")
    assert declared(tmp_path)["version"] == "2.0.0"


def test_a_run_ends_before_it_reaches_a_host(tmp_path):
    collections = tmp_path / "ansible_collections"
    (collections / "whisperops").mkdir(parents=True)
    (collections / "whisperops" / "gpu").symlink_to(ROOT)
    docker = collections / "community" / "docker"
    docker.mkdir(parents=True)
    manifest = {"collection_info": {"namespace": "community", "name": "docker", "version": "4.8.2"}}
    (docker / "MANIFEST.json").write_text(json.dumps(manifest), encoding="utf-8")
    # Nobody answers at that port: a host that is reached for is unreachable.
    hosts = {"whisper": {"hosts": {"far": {"ansible_host": "127.0.0.1", "ansible_port": 1}}}}
    (tmp_path / "hosts.yml").write_text(yaml.safe_dump(hosts), encoding="utf-8")
    done = subprocess.run(
        [Path(sys.executable).parent / "ansible-playbook", "whisperops.gpu.plan", "-i", "hosts.yml"],
        cwd=tmp_path,
        env={
            **{name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")},
            "ANSIBLE_COLLECTIONS_PATH": str(tmp_path),
            "ANSIBLE_HOME": str(tmp_path / "home"),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "collection_unsupported: community.docker >=4.8.3,!=5.0.0,!=5.0.1 is needed" in done.stdout
    assert "4.8.2 is installed" in done.stdout
    assert "unreachable=0" in done.stdout
