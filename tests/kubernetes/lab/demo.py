"""From nothing to a transcript through the Service, on a cluster of containers: `make kube-demo`.

The image is the one that `make demo` has built on its lab host: the playbook pushes it to the lab's registry, and the
nodes pull it by digest. With the argument `gpu` two of the nodes get simulated GPUs afterwards, and servers whose image
has no code for them: these must stay out of the Service. One of the two offers its GPUs by NVIDIA's device plugin, the
other, whose GPUs are of two kinds, by dynamic resource allocation.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

import client
import cluster
import simulated

SMOKE = cluster.ROOT / "tests" / "fixtures" / "smoke"
MODEL = "ggml-smoke.en.bin"
SHA256 = "af11da9b2ab08badecc96ae3ed4972123121255c6bc9075d86feb2b06e18bef4"
WORDS = (SMOKE / "clips" / "deploy.txt").read_text("utf-8")
GATE = "whisperops.gpu/proven"
GATEWAYS = "app.kubernetes.io/name=whisper-gateway"
MONITORING = cluster.ROOT / "plugins" / "plugin_utils" / "_kubernetes" / "monitoring_objects.py"
SERVERS = "app.kubernetes.io/name=whisper-server"
# That of the demo's host, so that its image is there.
BUILDER = "lab-demo"
POLICY = {"prefer": "local", "cpu_variants": "one", "model": MODEL}
ON_GPU = [f"whisperops/whisper.cpp:cuda12.4.1-{targets}" for targets in ("61", "61-80")]
BY_PLUGIN, BY_CLAIM = "three", "four"
NAMESPACE = "whisper"
KEY = "the-key-of-the-demo-is-no-secret"


def main() -> None:
    began = time.monotonic()
    cluster.up(["one", "two", *((BY_PLUGIN, BY_CLAIM) if "gpu" in sys.argv else ())])
    serve_model()
    told("the cluster is ready", began)
    play()
    told("the servers are proven", began)
    show_conditions()
    told(f"the nodes have pulled {pulled()}", began)
    told(f'transcript through the Service: "{transcript()}"', began)
    metrics()
    kept_out()
    told("network policies keep out who may not ask", began)
    if "gpu" in sys.argv:
        unproven()
        told("the gate kept every pod on the simulated GPU out of the Service", began)


def unproven() -> None:
    """With a CPU image in the place of that for the GPU, which is what goes unnoticed elsewhere."""
    simulated.with_device_plugin(BY_PLUGIN)
    simulated.with_dra(BY_CLAIM)
    more = {
        "whisper_policy": {**POLICY, "allow_cpu": "always"},
        "whisper_kubernetes_images": dict.fromkeys(ON_GPU, pulled()),
        "whisper_kubernetes_prover_annotations": {"cdi.k8s.io/whisperops-gpu": "nvidia.com/gpu=all"},
        "whisper_kubernetes_wait_seconds": 180,
    }
    done = play(check=False, **more)
    if done.returncode == 0 or "rollout_unproven" not in done.stdout:
        sys.exit("The run did not say that the servers on the simulated GPUs are not proven.")
    show_conditions()
    tried = on_gpu()
    if len(tried) != len(simulated.ALIKE) + len(simulated.MIXED):
        sys.exit(f"Of the servers on simulated GPUs {len(tried)} have been tried: {', '.join(sorted(tried))}.")
    if any(conditions()[name]["status"] != "False" for name in tried):
        sys.exit("A pod on a simulated GPU is proven.")
    if tried & in_service():
        sys.exit("A pod on a simulated GPU is in the Service.")
    kinds = {f"gpu-{index}": f"cc{capability}" for index, (_name, capability, _mib) in enumerate(simulated.MIXED)}
    if claimed() != kinds:
        sys.exit(f"Claims got GPUs of other kinds than their images are for: {claimed()}.")
    transcript()
    refused_by_the_kubelet(**more)
    cluster.wait_for("the servers on simulated GPUs", lambda: len(on_gpu()) == len(tried))
    tried = on_gpu()
    simulated.break_by_xid(BY_PLUGIN)
    simulated.break_by_report(BY_CLAIM)
    cluster.wait_for(
        "the reason gpu_unhealthy", lambda: {conditions()[name].get("reason") for name in tried} == {"gpu_unhealthy"}
    )
    show_conditions()


def refused_by_the_kubelet(**more: Any) -> None:
    """Until the scheduler knows that the device plugin is gone, each pod is refused, and the next one made at once."""
    # The kubelet tells of the loss every four seconds: sometimes before a new pod is there.
    for _attempt in range(5):
        simulated.kill_device_plugin(BY_PLUGIN)
        remove_pods_of(BY_PLUGIN)
        cluster.wait_for("the loss of the simulated GPUs", lambda: simulated.offered(BY_PLUGIN) == 0)
        if refused():
            break
        simulated.run_device_plugin(BY_PLUGIN)
    print(f"{len(refused())} pods refused", flush=True)
    done = play(**{**more, "whisper_kubernetes_wait_seconds": 0})
    said = " ".join(done.stdout.split())
    if f"of node {BY_PLUGIN} have failed (UnexpectedAdmissionError)" not in said:
        sys.exit("The run did not say that the kubelet has refused pods.")
    if f"gpu_unhealthy: Node {BY_PLUGIN} has {len(simulated.ALIKE)} unhealthy" not in said:
        sys.exit("The run did not say why the node with the dead device plugin is left out.")
    if refused():
        sys.exit(f"Of the refused pods there still are {', '.join(refused())}.")
    simulated.run_device_plugin(BY_PLUGIN)


def remove_pods_of(node: str) -> None:
    now = ("--request", "DELETE", "--header", "Content-Type: application/json", "--data", '{"gracePeriodSeconds":0}')
    for pod in servers():
        if pod["spec"].get("nodeName") == node:
            cluster.kube(f"/api/v1/namespaces/{NAMESPACE}/pods/{pod['metadata']['name']}", *now)


def refused() -> list[str]:
    return [pod["metadata"]["name"] for pod in servers() if pod["status"].get("reason") == "UnexpectedAdmissionError"]


def on_gpu() -> set[str]:
    """The pods on simulated GPUs for which the prover has set the condition."""
    return {name for name, condition in conditions().items() if "whisper-cc" in name and condition}


def claimed() -> dict[str, str]:
    """Device of each claim → compute capability that the name of its group tells."""
    claims = cluster.kube(f"/apis/resource.k8s.io/v1/namespaces/{NAMESPACE}/resourceclaims")["items"]
    return {
        one["status"]["allocation"]["devices"]["results"][0]["device"]: re.sub(
            r"whisper-cc(\d+)(\d)-.*", r"cc\1.\2", one["metadata"]["labels"]["app.kubernetes.io/instance"]
        )
        for one in claims
    }


def show_conditions() -> None:
    for name, condition in conditions().items():
        print(f"{name}: {condition.get('status')}: {condition.get('reason')}: {condition.get('message')}", flush=True)


def in_service() -> set[str]:
    """The pods to which the Service sends requests."""
    slices = cluster.kube(f"/apis/discovery.k8s.io/v1/namespaces/{NAMESPACE}/endpointslices")["items"]
    ends = [one for part in slices for one in part["endpoints"] or () if one["conditions"]["ready"]]
    return {one["targetRef"]["name"] for one in ends}


def told(what: str, began: float) -> None:
    print(f"{time.monotonic() - began:6.1f} s  {what}", flush=True)


def pulled() -> str:
    """What the servers run: by digest, from the lab's registry."""
    found = cluster.kube(f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments?labelSelector={SERVERS}")["items"]
    image = str(found[0]["spec"]["template"]["spec"]["containers"][0]["image"])
    if not image.startswith(f"{cluster.REGISTRY}/speech/") or "@sha256:" not in image:
        sys.exit(f"The servers run {image}, and not an image of {cluster.REGISTRY} by its digest.")
    return image


def serve_model() -> None:
    control = f"{cluster.NAME}-control"
    cluster.docker("exec", control, "mkdir", "-p", "/srv")
    cluster.docker("cp", str(SMOKE / MODEL), f"{control}:/srv/{MODEL}")
    cluster.docker("exec", "--detach", control, "python3", "-m", "http.server", "8000", "--directory", "/srv")


def variables() -> dict[str, Any]:
    clip = SMOKE / "clips" / "deploy"
    return {
        "whisper_kubernetes_kubeconfig": str(cluster.STATE / "admin.conf"),
        "whisper_kubernetes_apply": True,
        "whisper_kubernetes_wait_seconds": 600,
        "whisper_policy": POLICY,
        "whisper_kubernetes_build_host": BUILDER,
        "whisper_kubernetes_registry": f"{cluster.REGISTRY}/speech/",
        "whisper_kubernetes_gateway": True,
        "whisper_gateway_api_keys": [{"name": "demo", "key": KEY}],
        "whisper_kubernetes_metrics_sources": [{"podSelector": {}}],
        "whisper_kubernetes_cpu_request": "100m",
        "whisper_server_model_url": f"http://{cluster.CONTROL}:8000/{MODEL}",
        "whisper_server_model_checksum": f"sha256:{SHA256}",
        "whisper_server_memory_limit_mib": 1024,
        "whisper_proof_audio": str(clip.with_suffix(".wav")),
        "whisper_proof_text": WORDS.strip(),
        "whisper_proof_language": "en",
        "whisper_report_dir": str(cluster.STATE / "reports"),
    }


def command(**more: Any) -> list[str]:
    """Of `ansible-playbook`."""
    inventory = cluster.STATE / "hosts.json"
    hosts = {"kubernetes": {"hosts": {"lab": {**variables(), **more}}}}
    inventory.write_text(json.dumps(hosts), "utf-8")
    both = ("--inventory", str(cluster.ROOT / "inventories" / "lab"), "--inventory", str(inventory))
    return [str(cluster.ROOT / "playbooks" / "kubernetes.yml"), *both]


def play(check: bool = True, **more: Any) -> subprocess.CompletedProcess[str]:
    line = ["ansible-playbook", *command(**more)]
    done = subprocess.run(line, cwd=cluster.ROOT, capture_output=True, text=True, check=False)
    print(done.stdout, flush=True)
    if check and done.returncode:
        sys.exit(done.stderr)
    return done


def conditions() -> dict[str, dict[str, str]]:
    """Of each pod of the servers, that of the gate."""
    return {
        pod["metadata"]["name"]: next((one for one in pod["status"].get("conditions", ()) if one["type"] == GATE), {})
        for pod in servers()
    }


def servers() -> list[dict[str, Any]]:
    return cluster.kube(f"/api/v1/namespaces/{NAMESPACE}/pods?labelSelector={SERVERS}")["items"]


def metrics() -> None:
    """What alerts and KEDA ask for is what each gateway says of itself."""
    asked = set(re.findall(r"haproxy_\w+", MONITORING.read_text("utf-8")))
    pods = cluster.kube(f"/api/v1/namespaces/{NAMESPACE}/pods?labelSelector={GATEWAYS}")["items"]
    for pod in pods:
        url = f"http://{pod['status']['podIP']}:8405/metrics"
        text = cluster.docker(*client.run(NAMESPACE), "curl", "--silent", "--fail", url)
        missing = {name for name in asked if not re.search(rf'^{name}{{[^}}]*proxy="servers"', text, re.MULTILINE)}
        up = re.findall(r'^haproxy_server_status{[^}]*proxy="servers"[^}]*state="UP"} 1$', text, re.MULTILINE)
        if missing or not up:
            sys.exit(f"{pod['metadata']['name']} has {len(up)} servers, and no {', '.join(missing) or 'metric less'}.")


def service() -> str:
    """What clients in the cluster reach: behind the address is the gateway."""
    address = cluster.kube(f"/api/v1/namespaces/{NAMESPACE}/services/whisper")["spec"]["clusterIP"]
    return f"http://{address}:8080/v1/audio/transcriptions"


def transcript() -> str:
    cluster.docker("cp", str(SMOKE / "clips" / "deploy.wav"), f"{client.NODE}:/root/deploy.wav")
    ask = (*client.run(NAMESPACE), "curl", "--silent", "--fail", "--form", "file=@/root/deploy.wav")
    if cluster.docker(*ask, service(), check=False):
        sys.exit("The gateway has served a client without a key.")
    answer = cluster.docker(*ask, "--header", f"Authorization: Bearer {KEY}", service())
    text, expected = (" ".join(one.split()) for one in (json.loads(answer)["text"], WORDS))
    if text != expected:
        sys.exit(f'The server transcribed "{text}", and "{expected}" was said.')
    return text


def kept_out() -> None:
    """A pod of another namespace reaches nothing, one of the servers' own the gateway alone."""
    ask = ("curl", "--silent", "--output", "/dev/null", "--write-out", "%{http_code}", "--max-time", "5")
    addresses = [f"http://{pod['status']['podIP']}:8080/health" for pod in servers()]
    gateway = service().replace("/v1/audio/transcriptions", "/health")
    stranger, own = client.run("default"), client.run(NAMESPACE)
    if cluster.docker(*own, *ask, gateway, check=False) != "200":
        sys.exit("A pod of the namespace does not reach the gateway.")
    places = [(stranger, url) for url in (gateway, *addresses)] + [(own, url) for url in addresses]
    reached = [url for where, url in places if cluster.docker(*where, *ask, url, check=False) != "000"]
    if reached or not addresses:
        sys.exit(f"A pod that may not ask reaches {', '.join(reached) or 'no server, for there is none'}.")


if __name__ == "__main__":
    main()
