"""The client of the API: what fails has a code. What it reads from a real API server, tests/kubernetes shows."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
from ansible_collections.whisperops.gpu.plugins.module_utils._kubernetes import api, problems
from ansible_collections.whisperops.gpu.plugins.module_utils._kubernetes.api import (
    DynamicApi,
    NotServedError,
    RefusedError,
)
from ansible_collections.whisperops.gpu.plugins.module_utils._problem import InspectionError

GUIDE = Path(__file__).parents[5] / "docs" / "troubleshooting.md"


class ResourceNotFoundError(Exception):
    pass


class ApiError(Exception):
    def __init__(self, status, body=b""):
        super().__init__(f"({status})")
        self.status, self.body = status, body


class Client:
    """As the dynamic client of the package `kubernetes` is called."""

    def __init__(self, pages=(), error=None, allowed=True):
        self.version = {"kubernetes": {"gitVersion": "v1.37.2"}}
        self.pages, self.error, self.allowed = list(pages), error, allowed
        self.asked = []
        self.resources = self

    def get(self, resource=None, api_version=None, kind=None, serialize=None, **query):
        if kind is not None:
            if kind == "Missing":
                raise ResourceNotFoundError(kind)
            return kind
        self.asked.append(query)
        if self.error:
            raise self.error
        return SimpleNamespace(data=json.dumps(self.pages[len(self.asked) - 1]))

    def create(self, resource, body, serialize):
        self.asked.append(body)
        return SimpleNamespace(data=json.dumps({"status": {"allowed": self.allowed}}))


@pytest.fixture
def connect(monkeypatch):
    def with_client(client, config_error=None):
        def load(**_arguments):
            if config_error:
                raise config_error
            return SimpleNamespace(configuration=SimpleNamespace(host="https://api.example.com", retries=None))

        modules = {
            "kubernetes.config": SimpleNamespace(new_client_from_config=load),
            "kubernetes.dynamic": SimpleNamespace(DynamicClient=lambda _client, cache_file: client),
            "kubernetes.dynamic.exceptions": SimpleNamespace(ResourceNotFoundError=ResourceNotFoundError),
        }
        monkeypatch.setattr(api, "import_module", modules.__getitem__)
        return DynamicApi("/kube.conf", "speech", "/cache")

    return with_client


def test_all_pages_are_read(connect):
    pages = [{"items": [{"n": 1}], "metadata": {"continue": "next"}}, {"items": [{"n": 2}], "metadata": {}}]
    client = Client(pages)
    assert list(connect(client).items("v1", "Node", label_selector="a=b")) == [{"n": 1}, {"n": 2}]
    assert client.asked == [
        {"limit": api.PAGE, "label_selector": "a=b"},
        {"limit": api.PAGE, "_continue": "next", "label_selector": "a=b"},
    ]


def test_the_version_and_the_address_are_known(connect):
    one = connect(Client())
    assert (one.version, one.server) == ("v1.37.2", "https://api.example.com")


def test_a_kind_that_is_not_served_is_told_apart(connect):
    with pytest.raises(NotServedError):
        list(connect(Client()).items("v1", "Missing"))


def test_a_refusal_has_the_sentence_of_the_api(connect):
    body = json.dumps({"kind": "Status", "message": "nodes is forbidden"}).encode()
    with pytest.raises(RefusedError, match=r"^nodes is forbidden$") as refused:
        list(connect(Client(error=ApiError(403, body))).items("v1", "Node"))
    assert refused.value.status == 403


def test_a_refusal_without_a_sentence_is_one_too(connect):
    with pytest.raises(RefusedError, match="403"):
        list(connect(Client(error=ApiError(403, b"<html>"))).items("v1", "Node"))


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ApiError(401), "kubernetes_unauthorized"),
        (ApiError(504, b'{"message": "Timeout."}'), "kubernetes_unreachable"),
        (OSError("Connection refused"), "kubernetes_unreachable"),
    ],
)
def test_what_does_not_answer_has_a_code(connect, error, code):
    with pytest.raises(InspectionError) as failed:
        list(connect(Client(error=error)).items("v1", "Node"))
    assert failed.value.problem.code == code


def test_a_kubeconfig_that_is_wrong_has_a_code(connect):
    with pytest.raises(InspectionError) as failed:
        connect(Client(), config_error=ValueError("Expected object\nwith name speech."))
    assert failed.value.problem.code == "kubeconfig_invalid"
    assert "/kube.conf with context speech cannot be used: Expected object with name speech." in str(failed.value)


def test_without_the_client_there_is_the_command_that_installs_it(monkeypatch):
    def missing(name):
        raise ImportError(f"No module named {name!r}")

    monkeypatch.setattr(api, "import_module", missing)
    with pytest.raises(InspectionError) as failed:
        DynamicApi(None, None, "/cache")
    assert failed.value.problem.code == "kubernetes_client_missing"
    assert "pip install" in failed.value.problem.remedy


@pytest.mark.parametrize("allowed", [True, False])
def test_access_is_asked_for_without_doing_it(connect, allowed):
    client = Client(allowed=allowed)
    assert connect(client).may("create", "apps", "deployments", "whisper") is allowed
    assert client.asked[0]["spec"] == {
        "resourceAttributes": {
            "verb": "create",
            "group": "apps",
            "resource": "deployments",
            "namespace": "whisper",
        }
    }


BUILDERS = {
    "kubernetes_client_missing": problems.client_missing("no module"),
    "kubeconfig_invalid": problems.kubeconfig_invalid(None, None, "it is missing"),
    "kubernetes_unreachable": problems.unreachable("https://x", "refused"),
    "kubernetes_unauthorized": problems.unauthorized("https://x"),
    "kubernetes_access_denied": problems.access_denied("nodes is forbidden.", "list nodes"),
    "node_not_ready": problems.not_ready("n", "it is gone"),
    "node_cordoned": problems.cordoned("n"),
    "gpu_feature_discovery_missing": problems.labels_missing("n"),
    "device_plugin_missing": problems.device_plugin_missing("n"),
    "node_mixed_gpus": problems.mixed("n", 1, 2),
    "gpu_unhealthy": problems.unhealthy("n", "nvidia.com/gpu", 1, []),
}


@pytest.mark.parametrize(("code", "problem"), BUILDERS.items())
def test_each_problem_has_its_code_and_section(code, problem):
    assert problem.code == code
    assert f"\n## {code}\n" in GUIDE.read_text(encoding="utf-8")
    assert ".." not in problem.message
