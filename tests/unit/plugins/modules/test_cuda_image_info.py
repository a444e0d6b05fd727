"""The module as Ansible runs it: a process of its own that answers in JSON."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("ansible.module_utils.basic", reason="needs ansible-core in this Python")

ROOT = Path(__file__).parents[4]
FIXTURES = ROOT / "tests" / "fixtures" / "fatbin"
MODULE = "ansible_collections.whisperops.gpu.plugins.modules.cuda_image_info"


def run(**parameters: object) -> tuple[int, dict]:
    done = subprocess.run(
        [sys.executable, "-m", MODULE],
        input=json.dumps({"ANSIBLE_MODULE_ARGS": parameters}),
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT / ".collections")},
    )
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


def test_a_library() -> None:
    status, result = run(path=str(FIXTURES / "cuda-13.5" / "family_specific.so"), _ansible_check_mode=True)
    assert status == 0
    assert result["changed"] is False
    assert result["complete"] == ["100f", "120f"]
    assert result["libraries"][0]["complete_ptx"] == [{"arch": "100f", "isa": "9.5"}]


def test_a_damaged_library_does_not_fail_the_module(tmp_path: Path) -> None:
    half = tmp_path / "half.so"
    half.write_bytes((FIXTURES / "cuda-13.5" / "several.so").read_bytes()[:9000])
    status, result = run(path=str(half))
    assert status == 0
    assert [problem["code"] for problem in result["problems"]] == ["truncated"]


def test_the_keys_are_the_same_in_failure(tmp_path: Path) -> None:
    _status, success = run(path=str(FIXTURES / "cuda-13.5" / "several.so"))
    status, failure = run(path=str(tmp_path / "missing.so"))
    assert status == 1
    assert failure["failed"] is True
    assert failure["problems"][0]["code"] == "path_not_found"
    assert failure["problems"][0]["remedy"] in failure["msg"]
    assert set(success) - {"changed", "invocation"} <= set(failure)


@pytest.mark.parametrize("parameters", [{}, {"image": "a", "path": "/b"}])
def test_exactly_one_of_image_and_path(parameters: dict) -> None:
    status, result = run(**parameters)
    assert status == 1
    assert "image" in result["msg"]
    assert "path" in result["msg"]
