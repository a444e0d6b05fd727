"""What a role wants of its service, as the filter gives it to the decision."""

from __future__ import annotations

import hashlib

from ansible_collections.whisperops.gpu.plugins.filter.service_changes import service_changes

BARE = {"services": {"packages": {}, "units": {}, "files": {}, "programs": [], "gateway": None}}


def test_servers_of_a_gateway_are_told_with_their_addresses():
    wanted = {
        **{key: [] for key in ("packages", "clients", "unknown")},
        **{key: {} for key in ("keys", "certificate", "files")},
        "tls": "none",
        "listen": "127.0.0.1:8000",
        "servers": [{"name": "gpu-1-0", "address": "2001:db8::1", "port": 8080}],
    }
    (change,) = service_changes(BARE, "gateway", wanted)
    assert (change["action"], change["what"], change["to"]) == ("add", "server gpu-1-0", "[2001:db8::1]:8080")


def test_a_unit_of_an_exporter_is_compared_by_its_text():
    texts = {"a.service": "text"}
    wanted = {"packages": [], "units": [], "program": "", "url": "", "metrics": "/m.pyz", "texts": texts}
    digest = "sha256:" + hashlib.sha256(b"text").hexdigest()
    host = {"services": {**BARE["services"], "files": {"/etc/systemd/system/a.service": digest}}}
    assert [one["what"] for one in service_changes(host, "exporters", wanted)] == ["m.pyz"]
    assert [one["what"] for one in service_changes(BARE, "exporters", wanted)] == ["m.pyz", "a.service"]


def test_the_proof_agent_is_installed_where_it_is_missing():
    (change,) = service_changes(BARE, "agent", {"files": {"/agent.py": "d"}, "listen": "192.0.2.1:8099"})
    assert (change["what"], change["to"]) == ("the proof agent", "192.0.2.1:8099")
