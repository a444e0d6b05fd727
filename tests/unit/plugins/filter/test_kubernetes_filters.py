"""The filters of the clusters hand on what they are given, and say what is wrong with it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.whisperops.gpu.plugins.filter.kubernetes_access import kubernetes_access
from ansible_collections.whisperops.gpu.plugins.filter.kubernetes_faults import kubernetes_faults
from ansible_collections.whisperops.gpu.plugins.filter.kubernetes_files import kubernetes_files
from ansible_collections.whisperops.gpu.plugins.filter.kubernetes_plan import kubernetes_plan
from ansible_collections.whisperops.gpu.plugins.filter.kubernetes_summary import kubernetes_summary

ROOT = Path(__file__).parents[4]
sys.path.insert(0, str(ROOT / "tests" / "unit" / "plugins" / "plugin_utils" / "_kubernetes"))

from planned_cluster import DEFAULTS, IMAGES, observed  # noqa: E402 - after the path


def test_a_plan_is_rendered_from_what_was_observed():
    cluster = observed()
    plan = kubernetes_plan(cluster, {"model": "tiny"}, None, {"images": IMAGES, "tolerations": [], "max_servers": 1})
    assert {group["servers"] for group in plan["groups"]} == {1}
    files = kubernetes_files(plan, {**DEFAULTS, "whisper_server_language": "de", "whisper_server_threads": None})
    assert [set(file) for file in files] == [{"name", "content", "objects"}] * len(files)
    assert "- ggml-tiny" not in files[3]["content"]
    assert "/models/ggml-tiny.bin" in files[3]["content"]
    assert kubernetes_faults(cluster, plan, DEFAULTS) == []
    assert (
        kubernetes_summary(cluster, plan, "speech", {"namespace": "whisper", "gateway": True})["rows"][0]["host"]
        == "speech"
    )
    assert kubernetes_access(DEFAULTS)[0]["verb"] == "get"


@pytest.mark.parametrize("wrong", [None, "text", {"msg": "failed"}])
def test_what_was_not_observed_is_refused(wrong):
    with pytest.raises(AnsibleFilterError, match=r"allowed: the result of whisperops\.gpu\.kubernetes_gpu_info"):
        kubernetes_plan(wrong)


def test_a_policy_that_is_wrong_is_named():
    with pytest.raises(AnsibleFilterError, match="unknown key modell"):
        kubernetes_plan(observed(), {"modell": "tiny"})


def test_a_model_without_a_checksum_is_refused():
    plan = kubernetes_plan(observed())
    with pytest.raises(AnsibleFilterError, match="model_without_checksum: "):
        kubernetes_files(plan, {**DEFAULTS, "whisper_server_model_url": "https://models.example.net/x.bin"})
