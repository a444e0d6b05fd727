"""The module as Ansible runs it: a process of its own that downloads a file and answers in JSON."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("ansible.module_utils.basic", reason="needs ansible-core in this Python")

ROOT = Path(__file__).parents[4]
MODULE = "ansible_collections.whisperops.gpu.plugins.modules.repository_key_info"


def run(url: str, fingerprint: str) -> dict:
    done = subprocess.run(
        [sys.executable, "-m", MODULE],
        input=json.dumps({"ANSIBLE_MODULE_ARGS": {"url": url, "fingerprint": fingerprint}}),
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT / ".collections")},
    )
    assert done.stdout, done.stderr
    return json.loads(done.stdout)


def test_a_page_instead_of_a_key_is_refused_with_its_code(tmp_path: Path) -> None:
    page = tmp_path / "gpg"
    page.write_text("<html>sign in</html>", encoding="utf-8")
    result = run(page.as_uri(), "9DC858229FC7DD38854AE2D88D81803C0EBFCD88")
    assert result["failed"] is True
    assert result["msg"].startswith("repository_key_unknown: ")
    assert page.as_uri() in result["msg"]


def test_an_address_that_gives_nothing_is_told_from_a_wrong_key(tmp_path: Path) -> None:
    result = run((tmp_path / "none").as_uri(), "9DC858229FC7DD38854AE2D88D81803C0EBFCD88")
    assert result["failed"] is True
    assert result["msg"].startswith("repository_key_unreachable: ")
