"""The rendered objects. That an API server takes them, tests/kubernetes shows."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import yaml
from ansible_collections.whisperops.gpu.plugins.plugin_utils._kubernetes.group_objects import rolling_update
from ansible_collections.whisperops.gpu.plugins.plugin_utils._plan.policy import PlanInputError

sys.path.insert(0, str(Path(__file__).parent))

from planned_cluster import planned, rendered


def objects(kind, plan=None, **given):
    found = [one for file in rendered(plan, **given) for one in file.objects]
    return {one["metadata"]["name"]: one for one in found if one["kind"] == kind}


def pod(name="whisper-cc61-d550", plan=None, **given):
    return objects("Deployment", plan, **given)[name]["spec"]["template"]["spec"]


def server(**arguments):
    return pod(**arguments)["containers"][0]


def test_the_same_plan_gives_the_same_bytes():
    first, second = ([file.content for file in rendered()] for _time in range(2))
    assert first == second


def test_a_file_holds_what_its_objects_are():
    for file in rendered():
        assert list(yaml.safe_load_all(file.content)) == file.objects
        assert "&id" not in file.content


def test_files_are_in_the_order_in_which_they_are_applied():
    names = [file.name for file in rendered()]
    assert sorted(names)[:2] == names[:2] == ["00-namespace.yaml", "10-shared.yaml"]
    assert rendered(create_namespace=False)[0].name == "10-shared.yaml"


def test_a_file_of_a_group_says_why():
    (content,) = [file.content for file in rendered() if "cc61" in file.name]
    assert "# 2 nodes, 3 free GPUs, 3 servers: native\n" in content
    assert "# Nodes pull registry.example.com/" in content


def test_a_reason_with_a_line_of_its_own_stays_a_comment():
    plan = planned()
    plan["groups"][0]["reasons"] = ["one\nkind: Secret"]
    for file in rendered(plan):
        assert list(yaml.safe_load_all(file.content)) == file.objects


def test_the_command_line_is_that_of_a_host():
    assert server()["command"] == ["whisper-server"]
    assert " ".join(server(whisper_server_threads=4)["args"]) == (
        "--host 0.0.0.0 --port 8080 --model /models/ggml-base.en.bin"
        " --inference-path /v1/audio/transcriptions|/load --language en --threads 4"
    )


def test_an_option_that_needs_another_model_is_refused():
    with pytest.raises(PlanInputError, match=r"^server_option_invalid: whisper_server_vad is true"):
        server(whisper_server_vad=True)


def test_a_pod_is_hardened():
    spec = pod()
    assert spec["automountServiceAccountToken"] is False
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["runAsUser"] == 10001
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    for container in spec["containers"] + spec["initContainers"]:
        assert container["securityContext"] == {
            "readOnlyRootFilesystem": True,
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
        }


def test_the_namespace_refuses_pods_that_are_not():
    labels = objects("Namespace")["whisper"]["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"


def test_a_pod_gets_one_device_of_the_resource_of_its_group():
    assert server()["resources"]["limits"]["nvidia.com/gpu"] == 1
    mig = server(name="whisper-cc80-d580-mig-1g-5gb")["resources"]["limits"]
    assert {name for name in mig if name.startswith("nvidia.com/")} == {"nvidia.com/mig-1g.5gb"}


def test_with_resource_slices_a_claim_gets_the_device():
    spec = pod(name="whisper-cc80-d580-dra")
    assert spec["resourceClaims"] == [{"name": "gpu", "resourceClaimTemplateName": "whisper-cc80-d580-dra"}]
    assert spec["containers"][0]["resources"]["claims"] == [{"name": "gpu"}]
    assert not any("nvidia" in name for name in spec["containers"][0]["resources"]["limits"])
    template = objects("ResourceClaimTemplate")["whisper-cc80-d580-dra"]["spec"]
    (request,) = template["spec"]["devices"]["requests"]
    expression = request["exactly"]["selectors"][0]["cel"]["expression"]
    assert "semver('8.0.0')" in expression
    assert "driverVersion.major() == 580" in expression
    assert "quantity('40960Mi')" in expression
    # By these the next plan tells claims of its own from those of others.
    assert template["metadata"]["labels"]["app.kubernetes.io/managed-by"] == "whisperops.gpu"


def test_the_memory_limit_is_that_of_a_host():
    limits = server()["resources"]["limits"]
    assert limits["memory"] == "10929Mi"
    assert server(whisper_server_memory_limit_mib=3000)["resources"]["limits"]["memory"] == "3000Mi"
    unlimited = server(whisper_server_memory_limit_mib=-1)["resources"]
    assert "memory" not in unlimited["limits"]
    assert unlimited["requests"]["memory"] == "2737Mi"


def test_a_larger_model_has_more_time_to_load():
    def seconds(model):
        probe = server(plan=planned(policy={"model": model}))["startupProbe"]
        return probe["periodSeconds"] * probe["failureThreshold"]

    assert seconds("tiny") < seconds("small") < seconds("large-v3")


def test_the_driver_has_time_to_compile():
    plan = planned()
    for one in plan["groups"]:
        one["verdict"] = "jit"
    one = server(plan=plan)
    assert {"name": "jit-cache", "mountPath": "/jit_cache"} in one["volumeMounts"]
    assert {"name": "CUDA_CACHE_PATH", "value": "/jit_cache"} in one["env"]
    probe = one["startupProbe"]
    assert probe["periodSeconds"] * probe["failureThreshold"] > 1800


@pytest.mark.parametrize(
    ("servers", "devices", "surge", "unavailable"),
    [(8, 8, 0, 1), (1, 1, 0, 1), (240, 240, 0, 24), (7, 8, 1, 0), (4, 8, 1, 0), (20, 40, 5, 0), (39, 40, 1, 0)],
)
def test_an_update_never_waits_for_a_gpu_that_is_not_there(servers, devices, surge, unavailable):
    assert rolling_update(servers, devices) == {"maxSurge": surge, "maxUnavailable": unavailable}
    assert surge <= devices - servers
    assert surge + unavailable > 0


def test_a_budget_lets_one_pod_go_also_of_a_single_one():
    for one in objects("PodDisruptionBudget").values():
        assert one["spec"]["maxUnavailable"] == 1


def test_selectors_choose_the_pods_of_their_group_alone():
    deployments = objects("Deployment")
    for name, one in deployments.items():
        wanted = one["spec"]["selector"]["matchLabels"].items()
        chosen = [n for n, d in deployments.items() if wanted <= d["spec"]["template"]["metadata"]["labels"].items()]
        assert chosen == [name]
        assert objects("PodDisruptionBudget")[name]["spec"]["selector"]["matchLabels"].items() == wanted
    service = objects("Service")["whisper"]["spec"]["selector"].items()
    assert all(service <= one["spec"]["template"]["metadata"]["labels"].items() for one in deployments.values())


def test_replicas_are_left_to_an_autoscaler():
    assert objects("Deployment")["whisper-cc90-d580"]["spec"]["replicas"] == 8
    assert "replicas" not in objects("Deployment", own_replicas=False)["whisper-cc90-d580"]["spec"]


def test_the_model_is_downloaded_and_checked_before_the_server_starts():
    (fetch,) = pod()["initContainers"]
    variables = {one["name"]: one["value"] for one in fetch["env"]}
    assert variables["MODEL_FILE"] == "ggml-base.en.bin"
    assert variables["MODEL_SHA256"] == "a03779c86df3323075f5e796cb2ce5029f00ec8869eee3fdfb897afe36c6d002"
    assert variables["MODEL_URL"].endswith("/ggml-base.en.bin")
    (models, *_others) = pod()["volumes"]
    assert models == {"name": "models", "emptyDir": {"sizeLimit": "284Mi"}}


def test_a_model_in_a_volume_is_only_read():
    spec = pod(model_storage="claim", model_claim="mine")
    assert spec["volumes"][0]["persistentVolumeClaim"] == {"claimName": "mine", "readOnly": True}
    (check,) = spec["initContainers"]
    assert "MODEL_URL" not in {one["name"] for one in check["env"]}
    assert check["volumeMounts"][0]["readOnly"] is True
    assert "PersistentVolumeClaim" not in {
        one["kind"] for file in rendered(model_storage="claim") for one in file.objects
    }


def test_a_new_volume_is_written_by_the_pods_of_all_nodes():
    claim = objects("PersistentVolumeClaim", model_storage="new_claim", storage_class="shared")["whisper-models"]
    assert claim["spec"]["accessModes"] == ["ReadWriteMany"]
    assert claim["spec"]["storageClassName"] == "shared"
    assert "readOnly" not in pod(model_storage="new_claim")["volumes"][0]["persistentVolumeClaim"]


def test_a_model_of_the_operator_needs_its_checksum():
    own = {"whisper_server_model_url": "https://models.example.net/ggml-mine.bin"}
    with pytest.raises(PlanInputError, match=r"^model_without_checksum: "):
        rendered(**own)
    checked = {**own, "whisper_server_model_checksum": "sha256:" + "a" * 64}
    assert "/models/ggml-mine.bin" in server(**checked)["args"]


def test_a_url_with_a_password_is_not_written_into_files():
    own = {
        "whisper_server_model_url": "https://me:secret@models.example.net/ggml-mine.bin",
        "whisper_server_model_checksum": "sha256:" + "a" * 64,
    }
    with pytest.raises(PlanInputError, match=r"^model_url_secret: ") as refused:
        rendered(**own)
    assert "secret@" not in str(refused.value)


def test_a_file_name_without_a_url_needs_a_volume():
    plan = planned(policy={"model": "ggml-mine.bin"})
    checksum = {"whisper_server_model_checksum": "sha256:" + "a" * 64}
    with pytest.raises(PlanInputError, match=r"^model_unknown: "):
        rendered(plan, **checksum)
    assert "/models/ggml-mine.bin" in server(plan=plan, model_storage="claim", **checksum)["args"]


def policy(**given):
    return objects("NetworkPolicy", **given)["whisper"]["spec"]


def test_servers_are_reached_by_the_sources_alone():
    assert policy(gate=False)["ingress"][0]["from"] == [{"podSelector": {}}]
    assert policy(gate=False, sources=[])["ingress"] == []


def test_servers_reach_name_servers_and_the_place_of_the_model():
    def ports(**given):
        return {(port["port"], port["protocol"]) for rule in policy(**given)["egress"] for port in rule["ports"]}

    assert ports() == {(53, "UDP"), (53, "TCP"), (443, "TCP")}
    assert (8443, "TCP") in ports(whisper_server_model_hub="https://mirror.example.net:8443/models")
    assert (80, "TCP") in ports(whisper_server_model_hub="http://mirror.example.net/models")
    assert policy(model_storage="claim")["egress"] == []


def test_an_ingress_is_made_only_if_asked():
    assert objects("Ingress") == {}
    made = objects(
        "Ingress",
        ingress_host="speech.example.com",
        ingress_class="nginx",
        ingress_tls_secret="speech-tls",
        ingress_annotations={"nginx.ingress.kubernetes.io/proxy-body-size": "1g"},
    )["whisper"]
    assert made["spec"]["tls"] == [{"hosts": ["speech.example.com"], "secretName": "speech-tls"}]
    assert made["spec"]["ingressClassName"] == "nginx"
    assert made["metadata"]["annotations"] == {"nginx.ingress.kubernetes.io/proxy-body-size": "1g"}


def test_what_is_asked_for_once_is_in_every_pod_with_a_gpu():
    spec = pod(runtime_class="nvidia", pull_secrets=["registry"])
    assert spec["runtimeClassName"] == "nvidia"
    assert spec["imagePullSecrets"] == [{"name": "registry"}]
    assert "runtimeClassName" not in pod()
