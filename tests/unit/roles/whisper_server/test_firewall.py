"""What the role installs so that only those who may reach the servers, and the path that is closed on them."""

from __future__ import annotations

import configparser
import re
from pathlib import Path

import pytest
import yaml
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar
from ansible_collections.whisperops.gpu.plugins.module_utils._docker import content
from ansible_collections.whisperops.gpu.plugins.module_utils._host import files, firewall

ROLE = Path(__file__).parents[4] / "roles" / "whisper_server"
LOAD = "/usr/sbin/nft --file /etc/whisper/firewall.nft"


def rendered(name, **given):
    loader = DataLoader()
    found = loader.load_from_file(str(ROLE / "vars" / "main.yml"), trusted_as_template=True)
    found.update(loader.load_from_file(str(ROLE / "defaults" / "main.yml"), trusted_as_template=True))
    templar = Templar(loader=loader, variables={**found, **given})
    return templar.template(templar.available_variables[name])


def tasks(name):
    return yaml.safe_load((ROLE / "tasks" / f"{name}.yml").read_text(encoding="utf-8"))


def unit(name):
    parsed = configparser.ConfigParser(strict=False, interpolation=None)
    parsed.optionxform = str
    parsed.read(ROLE / "files" / name, encoding="utf-8")
    return parsed


def test_the_path_of_the_server_takes_the_request_that_would_end_it():
    command = rendered(
        "_whisper_server_run",
        whisper_server_plan={"runtime": "cpu", "model": "base.en"},
        _whisper_server_model_file="ggml-base.en.bin",
    )["arguments"]
    path = command[command.index("--inference-path") + 1]
    assert re.fullmatch(path, "/load")
    assert re.fullmatch(path, "/v1/audio/transcriptions")
    assert not re.fullmatch(path, "/health")


def test_role_rules_and_observation_name_the_same_things():
    installed = rendered("_whisper_server_firewall_files")
    assert rendered("_whisper_server_bridge") == firewall.BRIDGE
    assert rendered("_whisper_server_network") == content.OWN_NETWORK
    assert installed["rules"] == firewall.RULES
    assert Path(installed["unit"]).name == Path(installed["link"]).name == firewall.UNIT
    assert {installed["rules"], installed["unit"], installed["nftables"]} <= set(files.OWN_FILES)
    assert len(firewall.BRIDGE) <= 15, "Linux allows no longer name of an interface"


def test_the_rules_are_loaded_before_docker_engine_and_again_after_every_flush():
    service, drop_in = unit("whisper-firewall.service"), unit("nftables.conf")
    assert (service["Unit"]["Before"], service["Unit"]["After"]) == ("docker.service", "nftables.service")
    assert service["Service"]["ExecStart"] == service["Service"]["ExecReload"] == LOAD
    assert service["Service"]["ExecStop"] == f"-/usr/sbin/nft delete table {firewall.TABLE}"
    # nftables must start without the file too: a removal leaves the drop-in in systemd's memory.
    assert dict(drop_in["Service"]) == {"ExecStartPost": f"-{LOAD}", "ExecReload": f"-{LOAD}"}


def test_the_rules_are_loaded_before_a_server_is_started_or_replaced():
    names = [task["name"] for task in tasks("main")]
    assert names.index("Load the firewall rules") < names.index("Create the network of the servers")
    assert names.index("Create the network of the servers") < names.index("Deploy the servers")
    assert names.index("Record the files of the servers") < names.index("Load the firewall rules")


def test_every_file_of_the_firewall_is_recorded_before_it_is_written():
    first = tasks("firewall")[0]["whisperops.gpu.installation_record"]
    assert first == {"role": "whisper_server", "files": "{{ _whisper_server_firewall_files.values() | list }}"}


def test_rules_that_nft_refuses_are_not_put_in_place():
    block = next(task for task in tasks("firewall") if "block" in task)
    write = next(task for task in block["block"] if task["name"] == "Write the firewall rules")
    assert write["ansible.builtin.copy"]["validate"] == "/usr/sbin/nft --check --file %s"
    assert block["rescue"][0]["ansible.builtin.fail"]["msg"].startswith("firewall_not_loaded: ")


@pytest.mark.parametrize(
    ("given", "predicted"),
    [
        ({"ansible_check_mode": False}, False),
        ({"ansible_check_mode": False, "_whisper_server_network_before": {"exists": False}}, False),
        ({"ansible_check_mode": True, "_whisper_server_network_before": {"exists": False}}, True),
        ({"ansible_check_mode": True, "_whisper_server_network_before": {"exists": True}}, False),
        ({"ansible_check_mode": True, "docker_engine_answers": False}, True),
    ],
)
def test_check_mode_compares_no_container_without_the_network(given, predicted):
    assert rendered("_whisper_server_predicted", **given) is predicted


def test_the_servers_are_in_the_network():
    replaced = next(task for task in tasks("server") if "community.docker.docker_container" in task)
    assert replaced["community.docker.docker_container"]["networks"] == [{"name": "{{ _whisper_server_network }}"}]
