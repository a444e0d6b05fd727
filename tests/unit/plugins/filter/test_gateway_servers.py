from __future__ import annotations

import base64
import json

import pytest
from ansible_collections.whisperops.gpu.plugins.filter.gateway_servers import gateway_servers
from ansible_collections.whisperops.gpu.plugins.filter.hosts_to_ask import hosts_to_ask
from ansible_collections.whisperops.gpu.plugins.module_utils._whisper import endpoints
from ansible_collections.whisperops.gpu.plugins.plugin_utils._plan import policy


def kept(host, *ports):
    text = json.dumps({"servers": [{"gpu": None, "port": port} for port in ports], "gpus": []})
    return {"item": host, "content": base64.b64encode(text.encode()).decode()}


FLEET = {
    "front": {"whisper_server_listen_address": "0.0.0.0"},
    "gpu1": {"whisper_server_listen_address": "0.0.0.0", "ansible_host": "192.0.2.10"},
    "gpu2": {"whisper_server_listen_address": "198.51.100.2", "ansible_host": "192.0.2.20"},
    "gpu3": {},
}


def test_each_server_of_each_host_is_named_for_its_place():
    assert gateway_servers(["gpu1", "gpu2"], FLEET, [kept("gpu1", 8080, 8081), kept("gpu2", 9000)], "front") == [
        {"host": "gpu1", "name": "gpu1-0", "address": "192.0.2.10", "port": 8080},
        {"host": "gpu1", "name": "gpu1-1", "address": "192.0.2.10", "port": 8081},
        {"host": "gpu2", "name": "gpu2-0", "address": "198.51.100.2", "port": 9000},
    ]


@pytest.mark.parametrize(
    ("host", "address"),
    [("front", "127.0.0.1"), ("gpu1", "192.0.2.10"), ("gpu2", "198.51.100.2"), ("gpu3", "127.0.0.1")],
)
def test_the_gateway_reaches_its_own_servers_by_loopback(host, address):
    (server,) = gateway_servers([host], FLEET, [kept(host, 8080)], "front")
    assert server["address"] == address


def test_a_host_without_an_address_of_its_own_is_reached_by_its_name():
    (server,) = gateway_servers(
        ["gpu1"], {"gpu1": {"whisper_server_listen_address": "::"}}, [kept("gpu1", 8080)], "front"
    )
    assert server["address"] == "gpu1"


def test_a_host_that_is_in_no_inventory_listens_where_servers_do_by_default():
    (server,) = gateway_servers(["elsewhere"], FLEET, [kept("elsewhere", 8080)], "front")
    assert server == {"host": "elsewhere", "name": "elsewhere-0", "address": "127.0.0.1", "port": 8080}


def test_a_name_has_only_what_haproxy_takes():
    hostvars = {"gpu 1:ü/x": {}}
    (server,) = gateway_servers(list(hostvars), hostvars, [kept("gpu 1:ü/x", 8080)], "front")
    assert server["name"] == "gpu_1___x-0"


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"unreachable": True, "msg": "no route"},
        {"content": None},
        {"content": "a"},
        {"content": "/w=="},
        {"content": base64.b64encode(b"{}").decode()},
        {"content": base64.b64encode(b"[1").decode()},
    ],
)
def test_a_host_whose_answer_is_no_plan_serves_nothing(answer):
    servers = gateway_servers(["gpu1", "gpu2"], FLEET, [{"item": "gpu1", **answer}, kept("gpu2", 9000)], "front")
    assert [server["host"] for server in servers] == ["gpu2"]


def test_in_check_mode_a_host_will_serve_what_was_just_planned():
    hostvars = {"gpu1": {"whisper_plan": {"servers": [{"port": 8085}]}}, "gpu2": {}}
    answers = [kept("gpu1", 8080), kept("gpu2", 9000)]
    servers = gateway_servers(["gpu1", "gpu2"], hostvars, answers, "front", planned=True)
    assert [server["port"] for server in servers] == [8085, 9000]
    assert hosts_to_ask(["gpu1", "gpu2"], hostvars, planned=True) == ["gpu2"]
    servers = gateway_servers(["gpu1"], hostvars, answers, "front")
    assert [server["port"] for server in servers] == [8080]
    # plan.yml sets no facts.
    registered = {"gpu1": {"whisper_plan_host": {"planned": {"plan": {"servers": [{"port": 8085}]}}}}, "gpu2": {}}
    servers = gateway_servers(["gpu1", "gpu2"], registered, answers, "front", planned=True)
    assert [server["port"] for server in servers] == [8085, 9000]
    assert hosts_to_ask(["gpu1", "gpu2"], registered, planned=True) == ["gpu2"]
    assert hosts_to_ask(["gpu1"], {"gpu1": {"whisper_plan_host": {"failed": True}}}, planned=True) == ["gpu1"]


def test_a_host_that_this_run_has_deployed_serves_what_was_deployed_and_is_not_asked():
    hostvars = {"gpu1": {"whisper_server_endpoints": [{"port": 8085}]}, "gpu2": {}}
    assert hosts_to_ask(["gpu1", "gpu2", "elsewhere"], hostvars) == ["gpu2", "elsewhere"]
    servers = gateway_servers(["gpu1", "gpu2"], hostvars, [kept("gpu2", 9000)], "front")
    assert [server["port"] for server in servers] == [8085, 9000]


def test_a_host_whose_deployment_failed_serves_what_it_has_kept():
    """It has a plan by then, and no endpoints."""
    hostvars = {"gpu1": {"whisper_plan": {"servers": [{"port": 8085}]}}}
    assert hosts_to_ask(["gpu1"], hostvars) == ["gpu1"]
    (server,) = gateway_servers(["gpu1"], hostvars, [kept("gpu1", 8080)], "front")
    assert server["port"] == 8080


def test_where_a_host_has_several_models_each_server_says_its_own():
    servers = [{"gpu": None, "port": 8080, "model": "base.en"}, {"gpu": None, "port": 8081, "model": "tiny"}]
    answer = {"item": "gpu1", "content": base64.b64encode(json.dumps({"servers": servers}).encode()).decode()}
    planned = {"gpu1": {**FLEET["gpu1"], "whisper_plan": {"servers": servers}}}
    for found in (
        gateway_servers(["gpu1"], FLEET, [answer], "front"),
        gateway_servers(["gpu1"], planned, [], "front", planned=True),
    ):
        assert [(one["name"], one["model"]) for one in found] == [("gpu1-0", "base.en"), ("gpu1-1", "tiny")]


@pytest.mark.parametrize("model", ['m"\n    http-request allow', "a b", "", 3, "x" * 129])
@pytest.mark.parametrize("recorded", [True, False])
def test_a_host_that_names_a_model_that_is_no_name_has_no_servers(model, recorded):
    servers = [{"port": 8080, "model": model}]
    text = base64.b64encode(json.dumps({"servers": servers}).encode()).decode()
    hostvars = {"gpu1": {"whisper_server_endpoints": servers} if recorded else {}}
    assert gateway_servers(["gpu1"], hostvars, [{"item": "gpu1", "content": text}], "front") == []


def test_a_gateway_takes_each_name_that_a_policy_allows():
    assert endpoints.MODEL.pattern == policy.SERVED_NAME.pattern


@pytest.mark.parametrize("servers", ["8080", [8080], [{"port": "8080"}], {"port": 8080}])
def test_what_a_host_has_recorded_may_be_no_servers(servers):
    assert gateway_servers(["gpu1"], {"gpu1": {"whisper_server_endpoints": servers}}, [], "front") == []
