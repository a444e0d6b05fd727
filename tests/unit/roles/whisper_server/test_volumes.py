"""What the role mounts into a server's container, with and without SELinux.

No kernel with SELinux is at hand: this is what is passed to the engine, not what SELinux then allows.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar

ROLE = Path(__file__).parents[4] / "roles" / "whisper_server"


def volumes(enforce, *, jit):
    """`enforce` is what /sys/fs/selinux/enforce holds, None where there is no such file."""
    loader = DataLoader()
    variables = loader.load_from_file(str(ROLE / "vars" / "main.yml"), trusted_as_template=True)
    variables.update(loader.load_from_file(str(ROLE / "defaults" / "main.yml"), trusted_as_template=True))
    variables["whisper_server_plan"] = {"verdict": "jit" if jit else "native"}
    variables["_whisper_server_selinux"] = {"rc": 1, "stdout": ""} if enforce is None else {"rc": 0, "stdout": enforce}
    return Templar(loader=loader, variables=variables).template(variables["_whisper_server_volumes"])


@pytest.mark.parametrize("enforce", [None, "0"])
def test_without_enforcing_selinux_no_label_is_asked_for(enforce):
    assert volumes(enforce, jit=True) == [
        "/var/lib/whisper/models:/models:ro",
        "/var/lib/whisper/jit_cache:/jit_cache:rw",
    ]


def test_with_enforcing_selinux_all_servers_share_the_label():
    assert volumes("1", jit=True) == [
        "/var/lib/whisper/models:/models:ro,z",
        "/var/lib/whisper/jit_cache:/jit_cache:rw,z",
    ]


def test_only_a_server_that_compiles_gets_the_cache():
    assert volumes("1", jit=False) == ["/var/lib/whisper/models:/models:ro,z"]
