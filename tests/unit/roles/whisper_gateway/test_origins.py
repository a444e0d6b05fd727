"""Which origins of web pages may be named: what a browser sends, and nothing that HAProxy reads otherwise."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar, trust_as_template

VARIABLES = Path(__file__).parents[4] / "roles" / "whisper_gateway" / "tasks" / "variables.yml"


def accepted(origin):
    (task,) = [
        task
        for task in DataLoader().load_from_file(str(VARIABLES), trusted_as_template=True)
        if task.get("loop") == "{{ whisper_gateway_cors_origins }}"
    ]
    condition = trust_as_template(task["ansible.builtin.assert"]["that"])
    return Templar(loader=DataLoader(), variables={"item": origin}).evaluate_conditional(condition)


@pytest.mark.parametrize(
    "origin", ["https://speech.example.net", "http://localhost:3000", "https://192.0.2.1:8443", "http://a_b-c.internal"]
)
def test_an_origin_is_scheme_host_and_port(origin):
    assert accepted(origin)


@pytest.mark.parametrize(
    "origin",
    [
        "*",
        "null",
        "",
        "speech.example.net",
        "ftp://speech.example.net",
        "https://",
        "https://speech.example.net/",
        "https://speech.example.net/page",
        "https://*.example.net",
        "https://speech.example.net https://evil.example",
        "https://speech.example.net\n",
        "https://speech.example.net\n    http-request return status 200",
        "https://speech.example.net }",
        "evil https://speech.example.net",
    ],
)
def test_what_is_no_origin_is_refused(origin):
    assert not accepted(origin)
