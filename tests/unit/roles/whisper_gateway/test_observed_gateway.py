"""What is read of a gateway, from the configuration that the role's own template makes."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar, trust_as_template
from ansible_collections.whisperops.gpu.plugins.module_utils._host import services

ROLE = Path(__file__).parents[4] / "roles" / "whisper_gateway"
KEYS = "/etc/whisper/gateway/keys-0123456789abcdef.map"


def configuration(**given):
    variables = {
        **DataLoader().load_from_file(str(ROLE / "defaults" / "main.yml")),
        "_whisper_gateway_refusals_file": "/etc/whisper/gateway/refuse-0123456789abcdef.lua",
        "_whisper_gateway_keys_file": KEYS,
        "_whisper_gateway_refusals": {"not_found": {}, "invalid_api_key": {}},
        "_whisper_gateway_slow_bytes": 8192,
        "_whisper_gateway_stop_seconds": 1980,
        "_whisper_gateway_pods": {},
        "_whisper_gateway_tls_path": "",
        "_whisper_gateway_path": "/v1/audio/transcriptions",
        "_whisper_gateway_api": False,
        "_whisper_gateway_api_address": "127.0.0.1:8001",
        "_whisper_gateway_page": False,
        "_whisper_gateway_models": [],
        "_whisper_gateway_servers": [
            {"name": "gpu1-0", "address": "192.0.2.10", "port": 8080},
            {"name": "gpu_2-0", "address": "2001:db8::2", "port": 8081},
        ],
        **given,
    }
    text = (ROLE / "templates" / "haproxy.cfg.j2").read_text(encoding="utf-8")
    return Templar(DataLoader(), variables).template(trust_as_template(text))


@pytest.fixture(name="root")
def a_root(tmp_path):
    path = tmp_path / KEYS[1:]
    path.parent.mkdir(parents=True)
    path.write_text(f"{'a' * 64} newsroom\n{'b' * 64} desk\n", encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize("api", [False, True])
def test_address_servers_and_clients_are_those_of_the_configuration(root, api):
    given = {"_whisper_gateway_tls_path": "/etc/x.pem", "_whisper_gateway_api": api, "_whisper_gateway_page": api}
    text = configuration(whisper_gateway_api_keys=[{"name": "newsroom"}], **given)
    assert services.gateway(text, str(root)) == {
        "listen": "127.0.0.1:8000",
        "servers": {"gpu1-0": "192.0.2.10:8080", "gpu_2-0": "[2001:db8::2]:8081"},
        "clients": ["newsroom", "desk"],
    }


def test_a_gateway_without_keys_has_no_clients(root):
    assert services.gateway(configuration(), str(root))["clients"] == []


def test_of_a_configuration_of_somebody_else_nothing_is_said(root):
    assert services.gateway("frontend whisper\n    bind 0.0.0.0:80\n", str(root)) is None
    assert services.gateway("", str(root)) is None


def test_files_and_programs_are_found_and_no_key_is_in_the_answer(root):
    config = root / services.HAPROXY_CONFIG[1:]
    config.parent.mkdir(parents=True)
    config.write_text(configuration(whisper_gateway_api_keys=[{"name": "newsroom"}]), encoding="utf-8")
    program = root / "usr/local/lib/whisperops/nvidia_gpu_exporter-0123/nvidia_gpu_exporter"
    program.parent.mkdir(parents=True)
    program.write_text("a program", encoding="utf-8")
    # A drop-in's directory is no unit.
    (root / "etc/systemd/system/whisper-host-metrics.service.d").mkdir(parents=True)
    seen = services.observe(str(root))
    assert set(seen["files"]) == {services.HAPROXY_CONFIG, KEYS}
    assert seen["programs"] == ["/usr/local/lib/whisperops/nvidia_gpu_exporter-0123/nvidia_gpu_exporter"]
    assert "a" * 64 not in repr(seen)


SEVERAL = {
    "_whisper_gateway_models": ["base.en", "tiny"],
    "_whisper_gateway_servers": [
        {"name": "gpu1-0", "address": "192.0.2.10", "port": 8080, "model": "base.en"},
        {"name": "gpu1-1", "address": "192.0.2.10", "port": 8081, "model": "tiny"},
    ],
}


def backends(text):
    """Of each backend with servers, their names."""
    found = {}
    for section in text.split("\nbackend ")[1:]:
        name, _line, rest = section.partition("\n")
        found[name] = [
            line.split()[1] for line in rest.partition("\nfrontend ")[0].splitlines() if "agent-addr" in line
        ]
    return found


@pytest.mark.parametrize("api", [False, True])
def test_each_model_has_its_own_servers_and_the_first_is_the_default(root, api):
    text = configuration(**SEVERAL, _whisper_gateway_api=api)
    assert {name: names for name, names in backends(text).items() if names} == {
        "servers": ["gpu1-0"],
        "servers-tiny": ["gpu1-1"],
    }
    assert ("use_backend servers-tiny if" in text, "default_backend servers\n" in text) == (True, True)
    assert set(services.gateway(text, str(root))["servers"]) == {"gpu1-0", "gpu1-1"}


def test_without_the_api_a_header_chooses_and_an_unknown_model_is_refused():
    text = configuration(**SEVERAL)
    assert "str(model_not_found) unless refused or { var(txn.model) -m str base.en tiny }" in text
    assert "x-whisper-model" not in configuration()
    # With the API, the form of the request names the model, and the header is that of the API.
    public, _queue, asked = configuration(**SEVERAL, _whisper_gateway_api=True).partition("frontend queue")
    assert ("x-whisper-model" in public, "x-whisper-model" in asked) == (False, True)
