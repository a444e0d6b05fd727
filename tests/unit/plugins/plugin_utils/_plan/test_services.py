"""The changes of gateway, proof agent and exporters: none where nothing differs, and no key in any line."""

from __future__ import annotations

import copy

import pytest
from ansible_collections.whisperops.gpu.plugins.module_utils._host.services import API_IDENTITY, ENABLED, HAPROXY_CONFIG
from ansible_collections.whisperops.gpu.plugins.plugin_utils._plan.change import line
from ansible_collections.whisperops.gpu.plugins.plugin_utils._plan.services import (
    agent_changes,
    api_changes,
    exporter_changes,
    gateway_changes,
)

FOLDER = "/etc/whisper/gateway"
KEYS, REFUSE = f"{FOLDER}/keys-0123456789abcdef.map", f"{FOLDER}/refuse-0123456789abcdef.lua"
CERTIFICATE = f"{FOLDER}/self-signed.pem"
WANTED = {
    "packages": ["haproxy", "openssl"],
    "listen": "0.0.0.0:8443",
    "servers": {"gpu1-0": "192.0.2.10:8080"},
    "clients": ["newsroom"],
    "unknown": [],
    "keys": {KEYS: "k"},
    "tls": "self_signed",
    "certificate": {CERTIFICATE: ""},
    "files": {HAPROXY_CONFIG: "c", REFUSE: "r", f"{FOLDER}/loaded": "l"},
}
GATEWAY = {
    "services": {
        "packages": {"haproxy": "3.0.11-1", "openssl": "3.5.1-1"},
        "units": {"haproxy.service": "active"},
        "files": {
            **{path: f"sha256:{digest}" for path, digest in {**WANTED["files"], **WANTED["keys"]}.items()},
            CERTIFICATE: "sha256:whatever",
            ENABLED["haproxy.service"]: "sha256:u",
        },
        "programs": [],
        "gateway": {"listen": "0.0.0.0:8443", "servers": WANTED["servers"], "clients": ["newsroom"]},
    }
}
BARE = {"services": {"packages": {}, "units": {}, "files": {}, "programs": [], "gateway": None}}


def lines(changes):
    return [line(change.to_dict()) for change in changes]


def with_services(host, **parts):
    after = copy.deepcopy(host)
    for part, value in parts.items():
        after["services"][part] = {**after["services"][part], **value} if isinstance(value, dict) else value
    return after


def without(host, path):
    after = copy.deepcopy(host)
    del after["services"]["files"][path]
    return after


def test_a_gateway_as_the_last_run_has_left_it_has_no_changes():
    assert gateway_changes(GATEWAY, WANTED) == []


def test_a_bare_host_gets_all_of_a_gateway_and_no_server_is_interrupted():
    found = gateway_changes(BARE, WANTED)
    assert lines(found) == [
        "+ install haproxy (it is not installed)",
        "+ install openssl (it is not installed)",
        "+ add server gpu1-0: 192.0.2.10:8080 (a host behind the gateway has it)",
        "~ configure the API keys: none -> newsroom (whisper_gateway_api_keys)",
        "+ create the certificate: self_signed (the gateway has no such certificate)",
        "~ configure HAProxy: 0.0.0.0:8443 (HAProxy has none)",
    ]
    assert {change.interrupts for change in found} == {()}


@pytest.mark.parametrize(
    ("servers", "expected"),
    [
        ({}, "- remove server gpu1-0: 192.0.2.10:8080 (no host behind the gateway has it)"),
        (
            {"gpu1-0": "192.0.2.10:9090"},
            "~ configure server gpu1-0: 192.0.2.10:8080 -> 192.0.2.10:9090 (its host has it there now)",
        ),
        (
            {"gpu1-0": "192.0.2.10:8080", "gpu2-0": "192.0.2.20:8080"},
            "+ add server gpu2-0: 192.0.2.20:8080 (a host behind the gateway has it)",
        ),
    ],
)
def test_another_server_is_named_next_to_the_configuration(servers, expected):
    wanted = {**WANTED, "servers": servers, "files": {**WANTED["files"], HAPROXY_CONFIG: "d"}}
    assert lines(gateway_changes(GATEWAY, wanted)) == [
        expected,
        "~ configure HAProxy (the configuration differs from the one that HAProxy has loaded)",
    ]


def test_a_client_is_named_and_a_key_is_not():
    more = {**WANTED, "clients": ["newsroom", "desk"], "keys": {f"{FOLDER}/keys-fedcba9876543210.map": "n"}}
    assert lines(gateway_changes(GATEWAY, more)) == [
        "~ configure the API keys: newsroom -> newsroom, desk (whisper_gateway_api_keys)"
    ]
    other = {**more, "clients": ["newsroom"]}
    assert lines(gateway_changes(GATEWAY, other)) == ["~ configure the API keys (a key differs)"]


def test_a_reload_that_an_interrupted_run_has_not_made_is_made_by_the_next():
    (change,) = gateway_changes(without(GATEWAY, f"{FOLDER}/loaded"), WANTED)
    assert (change.action, change.what) == ("configure", "HAProxy")


def test_another_address_says_from_where_to_where():
    wanted = {**WANTED, "listen": "0.0.0.0:443", "files": {**WANTED["files"], HAPROXY_CONFIG: "d"}}
    (change,) = gateway_changes(GATEWAY, wanted)
    assert (change.before, change.after) == ("0.0.0.0:8443", "0.0.0.0:443")


def test_a_configuration_of_somebody_else_is_told_apart_from_none():
    (change,) = gateway_changes(with_services(GATEWAY, gateway=None, files={HAPROXY_CONFIG: "sha256:x"}), WANTED)[-1:]
    assert change.why == "HAProxy has another configuration"


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        (
            with_services(GATEWAY, units={"haproxy.service": "failed"}),
            "~ start haproxy.service: failed -> active (it does not run)",
        ),
        (
            without(GATEWAY, ENABLED["haproxy.service"]),
            "~ start haproxy.service: disabled -> enabled (it would not start with the host)",
        ),
        (
            without(GATEWAY, CERTIFICATE),
            "+ create the certificate: self_signed (the gateway has no such certificate)",
        ),
        (
            with_services(GATEWAY, files={f"{FOLDER}/tls-0123456789abcdef.pem": "sha256:t"}),
            "- remove outdated files of the gateway (1 of another configuration)",
        ),
        (with_services(GATEWAY, files={f"{FOLDER}/my-own.pem": "sha256:t"}), None),
    ],
)
def test_what_has_changed_on_the_host_is_in_the_list(host, expected):
    assert lines(gateway_changes(host, WANTED)) == ([expected] if expected else [])


def test_servers_that_nobody_knows_are_not_called_removed():
    wanted = {**WANTED, "servers": {}, "unknown": ["gpu1"], "files": {**WANTED["files"], HAPROXY_CONFIG: "d"}}
    assert lines(gateway_changes(GATEWAY, wanted)) == ["? check the servers of gpu1 (what it serves is not known yet)"]


def test_a_gateway_that_does_not_answer_is_a_check():
    assert lines(gateway_changes({"unreachable": True}, WANTED)) == ["? check the gateway (the host did not answer)"]


UNIT, SOCKET = "/etc/systemd/system/whisper-proof-agent.service", "/etc/systemd/system/whisper-proof-agent.socket"
PROGRAM = "/usr/local/lib/whisper/proof_agent.py"
AGENT = {"listen": "192.0.2.10:8406", "files": {PROGRAM: "p", SOCKET: "s", UNIT: "u"}}
WITH_AGENT = with_services(
    BARE,
    units={"whisper-proof-agent.socket": "active"},
    files={
        **{path: f"sha256:{digest}" for path, digest in AGENT["files"].items()},
        ENABLED["whisper-proof-agent.socket"]: "sha256:s",
    },
)


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        (WITH_AGENT, []),
        (BARE, ["+ install the proof agent: 192.0.2.10:8406 (a gateway asks it)"]),
        (
            with_services(WITH_AGENT, files={SOCKET: "sha256:x"}),
            ["~ configure the proof agent: 192.0.2.10:8406 (other than planned: whisper-proof-agent.socket)"],
        ),
        (
            with_services(WITH_AGENT, units={"whisper-proof-agent.socket": "inactive"}),
            ["~ start whisper-proof-agent.socket: inactive -> active (it does not run)"],
        ),
    ],
)
def test_the_proof_agent(host, expected):
    assert lines(agent_changes(host, AGENT)) == expected


NODE, GPU = "whisper-node-exporter.service", "whisper-gpu-exporter.service"
EXPORTER = "/usr/local/lib/whisperops/nvidia_gpu_exporter-0123/nvidia_gpu_exporter"
METRICS = "/usr/local/lib/whisperops/host_metrics.pyz"
EXPORTERS = {
    "packages": ["prometheus-node-exporter"],
    "files": {METRICS: "m", f"/etc/systemd/system/{NODE}": "n", f"/etc/systemd/system/{GPU}": "g"},
    "units": [NODE, GPU],
    "program": EXPORTER,
    "url": "https://example.net/exporter.tar.gz",
}
WITH_EXPORTERS = with_services(
    BARE,
    packages={"prometheus-node-exporter": "1.9.0-1"},
    programs=[EXPORTER],
    units={NODE: "active", GPU: "active"},
    files={
        **{path: f"sha256:{digest}" for path, digest in EXPORTERS["files"].items()},
        ENABLED[NODE]: "sha256:n",
        ENABLED[GPU]: "sha256:g",
    },
)


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        (WITH_EXPORTERS, []),
        (
            BARE,
            [
                "+ install prometheus-node-exporter (it is not installed)",
                "+ download the GPU exporter: https://example.net/exporter.tar.gz (it is not on the host)",
                "+ create host_metrics.pyz (it is not on the host)",
                "+ create whisper-node-exporter.service (it is not on the host)",
                "+ create whisper-gpu-exporter.service (it is not on the host)",
            ],
        ),
        (
            with_services(
                WITH_EXPORTERS, files={f"/etc/systemd/system/{NODE}": "sha256:x"}, units={NODE: "failed", GPU: "failed"}
            ),
            [
                "~ configure whisper-node-exporter.service (it differs)",
                "~ start whisper-gpu-exporter.service: failed -> active (it does not run)",
            ],
        ),
    ],
)
def test_the_exporters(host, expected):
    assert lines(exporter_changes(host, EXPORTERS)) == expected


def test_a_host_without_a_gpu_gets_no_gpu_exporter():
    wanted = {**EXPORTERS, "program": "", "units": [NODE], "files": {METRICS: "m", f"/etc/systemd/system/{NODE}": "n"}}
    assert not [one for one in lines(exporter_changes(BARE, wanted)) if "GPU" in one or "gpu" in one]


def test_where_no_package_manager_answers_nothing_is_said_of_packages():
    host = copy.deepcopy(WITH_EXPORTERS)
    host["services"]["packages"] = None
    assert exporter_changes(host, EXPORTERS) == []


API = {
    "packages": ["ffmpeg", "python3-aiohttp"],
    "files": {"/etc/whisper/api.json": "s", "/usr/local/lib/whisper/decode.py": "d", API_IDENTITY: "i"},
    "units": ["whisper-decode.socket", "whisper-api.service"],
    "listen": "127.0.0.1:8001",
}
WITH_API = {
    "services": {
        "packages": {"ffmpeg": "7.1", "python3-aiohttp": "3.11"},
        "units": {"whisper-decode.socket": "active", "whisper-api.service": "active"},
        "files": {
            **{path: f"sha256:{digest}" for path, digest in API["files"].items()},
            **{ENABLED[unit]: "sha256:u" for unit in API["units"]},
        },
        "programs": [],
        "gateway": None,
    }
}


def test_an_api_as_the_last_run_has_left_it_has_no_changes():
    assert api_changes(WITH_API, API) == []


def test_an_api_on_a_host_that_does_not_answer_is_to_be_checked():
    assert lines(api_changes({"unreachable": True}, API)) == ["? check the API (the host did not answer)"]


def test_a_bare_host_gets_all_of_an_api():
    assert lines(api_changes(BARE, API)) == [
        "+ install ffmpeg (it is not installed)",
        "+ install python3-aiohttp (it is not installed)",
        "+ install the API: 127.0.0.1:8001 (whisper_api_enabled)",
    ]


def test_other_settings_of_an_api_are_named():
    wanted = {**API, "files": {**API["files"], "/etc/whisper/api.json": "t", API_IDENTITY: "j"}}
    assert lines(api_changes(WITH_API, wanted)) == [
        "~ configure the API: 127.0.0.1:8001 (other than planned: api.json)"
    ]


def test_an_api_that_was_not_restarted_after_its_files_were_written_is_configured():
    other = with_services(WITH_API, files={API_IDENTITY: "sha256:before"})
    assert lines(api_changes(other, API)) == ["~ configure the API: 127.0.0.1:8001 (it runs with other settings)"]


def test_a_socket_of_the_decoders_that_is_down_is_started():
    stopped = with_services(WITH_API, units={"whisper-decode.socket": "inactive"})
    assert lines(api_changes(stopped, API)) == ["~ start whisper-decode.socket: inactive -> active (it does not run)"]
