"""Where the servers of a plan are reached, and what is read of a file that a host may have edited."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from ansible_collections.whisperops.gpu.plugins.module_utils._whisper.endpoints import (
    EndpointsError,
    endpoints,
    parse,
    read,
)

PLAN = {"verdict": "jit", "servers": [{"gpu": "GPU-1", "port": 8080}, {"gpu": None, "port": 8081}]}


def of(listening, host="gpu-1"):
    return endpoints(PLAN, "whisper-server", listening, host, "/v1/x")


def test_each_server_has_its_container_its_gpu_and_the_verdict_on_its_device_code():
    assert [(one["container"], one["gpu"], one["device_code"]) for one in of("127.0.0.1")] == [
        ("whisper-server-0", "GPU-1", "jit"),
        ("whisper-server-1", None, None),
    ]


@pytest.mark.parametrize(
    ("listening", "host", "url", "public"),
    [
        ("127.0.0.1", "gpu-1", "http://127.0.0.1:8080/v1/x", "http://127.0.0.1:8080"),
        ("0.0.0.0", "gpu-1", "http://127.0.0.1:8080/v1/x", "http://gpu-1:8080"),
        ("::", "gpu-1", "http://[::1]:8080/v1/x", "http://gpu-1:8080"),
        ("::", "2001:db8::7", "http://[::1]:8080/v1/x", "http://[2001:db8::7]:8080"),
        ("2001:db8::7", "gpu-1", "http://[2001:db8::7]:8080/v1/x", "http://[2001:db8::7]:8080"),
        ("10.0.0.7", "gpu-1", "http://10.0.0.7:8080/v1/x", "http://10.0.0.7:8080"),
    ],
)
def test_urls_are_for_the_host_itself_and_for_clients(listening, host, url, public):
    server = of(listening, host)[0]
    assert (server["url"], server["public_url"]) == (url, public)


def test_an_address_has_no_brackets():
    assert of("::")[0]["address"] == "::1"


def test_a_plan_without_servers_has_no_endpoints():
    assert endpoints({"verdict": "impossible"}, "w", "::", "h", "/") == []


def test_what_is_written_is_read_back():
    assert parse(json.dumps({"servers": of("::")})) == of("::")


def test_unknown_keys_are_left_out_and_missing_ones_are_none():
    (server,) = parse('{"servers": [{"port": 8080, "password": "x"}]}')
    assert server["port"] == 8080
    assert server["url"] is None
    assert "password" not in server


@pytest.mark.parametrize(
    "text",
    [
        "", "{", "null", "[]", '{"servers": null}', '{"servers": [null]}', '{"servers": [{}]}',
        '{"servers": [{"port": "x"}]}', '{"servers": [{"port": true}]}', '{"servers": [{"port": 65536}]}',
        '{"servers": [{"port": 1, "url": 3}]}', '{"servers": [], "a": ' + "[" * 60 + "]" * 60 + "}", "[" * 100_000,
    ],
    ids=range(13),
)  # fmt: skip
def test_a_text_that_names_no_servers_is_refused(text):
    with pytest.raises(EndpointsError, match="endpoints_missing: "):
        parse(text)


def test_a_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(EndpointsError, match="endpoints_missing: "):
        read(str(tmp_path / "servers.json"))


def test_of_several_models_each_server_has_its_own_and_of_one_none_is_written():
    servers = [{"gpu": None, "port": 8080, "model": "base.en"}, {"gpu": None, "port": 8081, "model": "tiny"}]
    written = endpoints({"verdict": "cpu", "servers": servers}, "w", "::", "h", "/")
    assert [one["model"] for one in written] == ["base.en", "tiny"]
    assert parse(json.dumps({"servers": written})) == written
    assert "model" not in of("::")[0]
    assert "model" not in parse(json.dumps({"servers": of("::")}))[0]


def test_a_model_that_is_no_text_makes_the_file_none():
    with pytest.raises(EndpointsError):
        parse('{"servers": [{"port": 8080, "model": ["base.en"]}]}')


@pytest.mark.parametrize(("role", "variable"), [("whisper_proof", "servers"), ("whisper_benchmark", "server")])
def test_the_roles_take_every_key_of_a_server(role, variable):
    path = Path(__file__).parents[5] / "roles" / role / "meta" / "argument_specs.yml"
    options = yaml.safe_load(path.read_text(encoding="utf-8"))["argument_specs"]["main"]["options"]
    plan = {"verdict": "cpu", "servers": [{"gpu": None, "port": 8080, "model": "base.en"}]}
    assert set(endpoints(plan, "w", "::", "h", "/")[0]) <= set(options[f"{role}_{variable}"]["options"])
