"""The program as the ConfigMap holds it: one file that Python runs by itself."""

from __future__ import annotations

import subprocess
import sys

from ansible_collections.whisperops.gpu.plugins.module_utils._prover import program
from ansible_collections.whisperops.gpu.plugins.module_utils._whisper.archive import archive


def test_python_runs_it_without_ansible(tmp_path):
    path = tmp_path / "prover.pyz"
    path.write_bytes(archive(program.__name__))
    # Isolated: nothing of this environment is on its path.
    done = subprocess.run(
        [sys.executable, "-I", "-S", str(path), str(tmp_path / "settings.json")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "No such file or directory" in done.stderr.splitlines()[-1]
    assert "settings.json" in done.stderr.splitlines()[-1]


def test_it_fits_into_a_config_map_with_the_reference_audio():
    assert len(archive(program.__name__)) < 500_000
