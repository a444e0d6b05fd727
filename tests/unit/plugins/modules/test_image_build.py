"""The module as a host runs it, with a script in place of docker: the build has its secret, and nobody else."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytest.importorskip("ansible", reason="ansible-core is not installed")
pytestmark = pytest.mark.skipif(not os.path.exists("/proc/self/stat"), reason="needs Linux's /proc")

ROOT = Path(__file__).parents[4]
MODULE = "ansible_collections.whisperops.gpu.plugins.modules.image_build"
URL = "https://someone:passw0rd@example.net/whisper.git?sig=abcdef"
# It says its arguments, its secret, and parts of it, as programs do that do not know what is one.
DOCKER = """#!/bin/sh
echo "$@" >arguments
for argument in "$@"; do case $argument in --secret=*) secret="${argument##*src=}";; esac; done
cp "$secret" seen
echo "#5 0.100 fatal: unable to access $(cat "$secret"): Could not resolve host: passw0rd"
echo "#5 0.200 WHISPEROPS source_unreachable: git could not fetch from $(cat "$secret")"
exit 1
"""


def run(folder, **arguments):
    paths = os.pathsep.join([str(ROOT / ".collections"), *sys.path])
    given = {"path": str(folder), "image": "an/image:1", "secrets": {"source": URL}, **arguments}
    start = (
        "import sys, runpy\n"
        "from ansible.module_utils import basic\n"
        "basic._ANSIBLE_ARGS = sys.stdin.buffer.read()\n"
        "basic._ANSIBLE_PROFILE = 'legacy'\n"
        f"runpy.run_module({MODULE!r}, run_name='__main__')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", start],
        input=json.dumps({"ANSIBLE_MODULE_ARGS": given}).encode(),
        stdout=subprocess.PIPE,
        env={"PATH": f"{folder}/bin:{os.environ['PATH']}", "PYTHONPATH": paths},
        check=False,
    )
    return json.loads(done.stdout)


@pytest.fixture(name="ended")
def an_ended_build(tmp_path):
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "docker").write_text(DOCKER)
    (tmp_path / "bin" / "docker").chmod(0o755)
    answers = [run(tmp_path)]
    while answers[-1]["running"]:
        time.sleep(0.05)
        answers.append(run(tmp_path, phase="look"))
    return answers, tmp_path


def test_a_build_gets_its_secret_by_a_file_that_goes_with_it(ended):
    _answers, folder = ended
    assert (folder / "seen").read_text() == URL
    arguments = (folder / "arguments").read_text()
    assert f"--secret=id=source,src={folder}/build.secret.source" in arguments
    assert "passw0rd" not in arguments
    assert list(folder.glob("build.secret*")) == []


def test_no_answer_of_the_module_has_any_of_the_secret(ended):
    answers, _folder = ended
    said = json.dumps(answers)
    assert answers[-1]["failure"].startswith("source_unreachable: git could not fetch from ")
    assert "Could not resolve host: ********" in answers[-1]["failure"]
    assert [word for word in ("someone", "passw0rd", "abcdef") if word in said] == []
