"""The module: what it documents is what it returns, and a cluster that is not read has a code."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

yaml = pytest.importorskip("yaml", reason="PyYAML, which comes with Ansible, is not installed")
pytest.importorskip("ansible", reason="ansible-core is not installed")

from ansible_collections.whisperops.gpu.plugins.module_utils._kubernetes import problems  # noqa: E402 - after the skips
from ansible_collections.whisperops.gpu.plugins.module_utils._problem import InspectionError  # noqa: E402
from ansible_collections.whisperops.gpu.plugins.modules import kubernetes_gpu_info  # noqa: E402

sys.path.insert(0, str(Path(__file__).parents[1] / "module_utils" / "_kubernetes"))

from recorded_cluster import RecordedApi, observed  # noqa: E402

RETURN = yaml.safe_load(kubernetes_gpu_info.RETURN)
OPTIONS = yaml.safe_load(kubernetes_gpu_info.DOCUMENTATION)["options"]


class EndedError(Exception):
    """The module's answer."""


class Module:
    def __init__(self, argument_spec, supports_check_mode):
        assert set(argument_spec) == set(OPTIONS)
        assert supports_check_mode
        self.tmpdir = "/tmp"
        self.params = {"kubeconfig": "/kube.conf", "context": None, "access": []}

    def exit_json(self, **result):
        raise EndedError(result)

    def fail_json(self, **result):
        raise EndedError({"failed": True, **result})


def answer(monkeypatch, connect):
    monkeypatch.setattr(kubernetes_gpu_info, "AnsibleModule", Module)
    monkeypatch.setattr(kubernetes_gpu_info, "DynamicApi", connect)
    with pytest.raises(EndedError) as ended:
        kubernetes_gpu_info.main()
    return ended.value.args[0]


def connected(_kubeconfig, _context, _cache):
    api = RecordedApi()
    served = {"items": api.items, "may": api.may, "groups": api.groups}
    return SimpleNamespace(server="https://x", version="v1.37.2", **served)


def test_the_documentation_names_each_key_that_is_returned(monkeypatch):
    result = answer(monkeypatch, connected)
    assert set(result) - {"changed"} == set(RETURN) - {"problem"}
    assert result["changed"] is False
    assert set(result["nodes"][0]) == set(RETURN["nodes"]["contains"])


def test_the_options_of_access_are_documented():
    assert set(OPTIONS["access"]["suboptions"]) == set(kubernetes_gpu_info.ACCESS)


def test_a_cluster_that_is_not_read_has_a_code(monkeypatch):
    def refused(kubeconfig, context, _cache):
        raise InspectionError(problems.kubeconfig_invalid(kubeconfig, context, "it is empty"))

    result = answer(monkeypatch, refused)
    assert result["failed"]
    assert result["msg"].startswith("kubeconfig_invalid: The kubeconfig /kube.conf cannot be used: it is empty. ")
    assert result["problem"]["code"] == "kubeconfig_invalid"


def test_what_is_observed_is_plain_data():
    assert yaml.safe_load(yaml.safe_dump(observed())) == observed()
