"""The module: what it documents is what it returns, and what cannot be read has a code."""

from __future__ import annotations

import pytest

yaml = pytest.importorskip("yaml", reason="PyYAML, which comes with Ansible, is not installed")
pytest.importorskip("ansible", reason="ansible-core is not installed")

from ansible_collections.whisperops.gpu.plugins.module_utils._kubernetes import problems  # noqa: E402 - after the skips
from ansible_collections.whisperops.gpu.plugins.module_utils._kubernetes.api import RefusedError  # noqa: E402
from ansible_collections.whisperops.gpu.plugins.module_utils._problem import InspectionError  # noqa: E402
from ansible_collections.whisperops.gpu.plugins.modules import kubernetes_rollout_info  # noqa: E402

RETURN = yaml.safe_load(kubernetes_rollout_info.RETURN)
OPTIONS = yaml.safe_load(kubernetes_rollout_info.DOCUMENTATION)["options"]


class EndedError(Exception):
    """The module's answer."""


class Module:
    def __init__(self, argument_spec, supports_check_mode):
        assert set(argument_spec) == set(OPTIONS)
        assert supports_check_mode
        self.tmpdir = "/tmp"
        self.params = {
            "kubeconfig": None,
            "context": None,
            "namespace": "w",
            "groups": ["whisper-cpu"],
            "wait_seconds": 0,
        }

    def exit_json(self, **result):
        raise EndedError(result)

    def fail_json(self, **result):
        raise EndedError({"failed": True, **result})


class Api:
    def items(self, _api_version, _kind, **_query):
        return iter([])


class Refusing:
    def items(self, _api_version, _kind, **_query):
        raise RefusedError(403, "pods is forbidden")


def answer(monkeypatch, connect):
    monkeypatch.setattr(kubernetes_rollout_info, "AnsibleModule", Module)
    monkeypatch.setattr(kubernetes_rollout_info, "DynamicApi", connect)
    with pytest.raises(EndedError) as ended:
        kubernetes_rollout_info.main()
    return ended.value.args[0]


def test_the_documentation_names_each_key_that_is_returned(monkeypatch):
    result = answer(monkeypatch, lambda *_given: Api())
    assert set(result) - {"changed"} == set(RETURN)
    assert set(result["groups"][0]) == set(RETURN["groups"]["contains"])
    assert result["problem"]["code"] == "rollout_unproven"
    assert result["changed"] is False


def unauthorized(*_given):
    raise InspectionError(problems.unauthorized("x"))


@pytest.mark.parametrize(
    ("connect", "code"),
    [
        (lambda *_given: Refusing(), "kubernetes_access_denied"),
        (unauthorized, "kubernetes_unauthorized"),
    ],
)
def test_what_cannot_be_read_has_a_code(monkeypatch, connect, code):
    result = answer(monkeypatch, connect)
    assert result["failed"] is True
    assert result["msg"].startswith(f"{code}: ")
