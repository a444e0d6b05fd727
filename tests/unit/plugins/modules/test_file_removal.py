"""The module as Ansible runs it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("ansible.module_utils.basic", reason="needs ansible-core in this Python")

ROOT = Path(__file__).parents[4]
MODULE = "ansible_collections.whisperops.gpu.plugins.modules.file_removal"


def run(**options):
    done = subprocess.run(
        [sys.executable, "-m", MODULE],
        input=json.dumps({"ANSIBLE_MODULE_ARGS": {"_ansible_diff": True, **options}}),
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT / ".collections")},
    )
    assert done.stdout, done.stderr
    return json.loads(done.stdout)


def test_check_mode_predicts_the_removal_and_removes_nothing(tmp_path):
    ours = tmp_path / "ours"
    ours.mkdir()
    (ours / "file").write_text("x")
    options = {"files": [str(ours / "file")], "directories": [str(ours)]}
    said = run(**options, _ansible_check_mode=True)
    assert (ours / "file").exists()
    done = run(**options)
    # Newer releases of ansible-core return no invocation.
    assert {**said, "invocation": None} == {**done, "invocation": None}
    assert done["changed"]
    assert done["removed"] == [str(ours)]
    assert done["diff"] == {"before": f"{ours}\n", "after": ""}
    assert not run(**options)["changed"]
