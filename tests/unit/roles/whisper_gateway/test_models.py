"""Which models a gateway serves, and what it says of one that it does not."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar, trust_as_template

ROLE = Path(__file__).parents[4] / "roles" / "whisper_gateway"
ONE = [{"host": "a", "name": "a-0", "address": "192.0.2.1", "port": 8080}]
SEVERAL = [
    {"host": "b", "name": "b-0", "address": "192.0.2.2", "port": 8080, "model": "base.en"},
    {"host": "b", "name": "b-1", "address": "192.0.2.2", "port": 8081, "model": "tiny"},
]


def templar(servers):
    loader = DataLoader()
    found = loader.load_from_file(str(ROLE / "vars" / "main.yml"), trusted_as_template=True)
    found.update(loader.load_from_file(str(ROLE / "defaults" / "main.yml"), trusted_as_template=True))
    return Templar(
        loader=loader, variables={**found, "_whisper_gateway_servers": servers, "inventory_hostname": "edge"}
    )


def value(servers, name):
    found = templar(servers)
    return found.template(found.available_variables[name])


def test_hosts_with_one_model_have_no_list_and_no_refusal_for_it():
    assert value(ONE, "_whisper_gateway_models") == []
    assert "model_not_found" not in value(ONE, "_whisper_gateway_refusals")


def test_an_unknown_model_is_refused_with_the_list():
    assert value(SEVERAL, "_whisper_gateway_models") == ["base.en", "tiny"]
    refusal = value(SEVERAL, "_whisper_gateway_refusals")["model_not_found"]
    assert refusal["status"] == 404
    assert refusal["message"].endswith("There are: base.en, tiny.")


@pytest.mark.parametrize(("servers", "refused"), [(ONE, False), (SEVERAL, False), (ONE + SEVERAL, True)])
def test_a_host_whose_servers_name_no_model_is_not_mixed_with_others(servers, refused):
    tasks = DataLoader().load_from_file(str(ROLE / "tasks" / "reachable.yml"), trusted_as_template=True)
    task = next(one for one in tasks if "gateway_models_mixed" in str(one))
    found = templar(servers)
    found.available_variables = {**found.available_variables, **task["vars"]}
    met = [found.template(trust_as_template(f"{{{{ {condition} }}}}")) for condition in task["when"]]
    assert all(met) is refused
    if refused:
        assert found.template(task["ansible.builtin.fail"]["msg"]).startswith(
            "gateway_models_mixed: of the hosts behind edge, a have one model"
        )
