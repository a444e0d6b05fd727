"""A host that cannot build for the nodes is refused before it builds."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar, trust_as_template

TASKS = Path(__file__).parents[4] / "roles" / "whisper_kubernetes" / "tasks" / "build_image.yml"


@pytest.mark.parametrize(("machine", "refused"), [("x86_64", False), ("aarch64", True)])
def test_the_processor_architecture_is_that_of_the_nodes(machine, refused):
    first, *others = DataLoader().load_from_file(str(TASKS), trusted_as_template=True)
    variables = {
        "inventory_hostname": "builder",
        "_whisper_kubernetes_engine": {"host_info": {"Architecture": "x86_64"}},
        "_whisper_kubernetes_build": {"image": "whisperops/whisper.cpp:cuda12.4.1-61", "machine": machine},
    }
    templar = Templar(loader=DataLoader(), variables=variables)
    assert templar.template(trust_as_template(f"{{{{ {first['when']} }}}}")) is refused
    assert templar.template(first["ansible.builtin.fail"]["msg"]).startswith("build_host_other_architecture: builder ")
    assert any("whisper_image" in str(task) for task in others)
