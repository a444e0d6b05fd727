"""A cluster of containers in the lab's engine: a control plane, and nodes with kubelet and containerd.

    cluster.py up [NODE …]     all of it, ready; the kubeconfig is .cache/kubernetes/lab/admin.conf
    cluster.py load IMAGE …    images of the engine into each node, as if they had been pulled
    cluster.py down            all of it gone

WHISPEROPS_KUBE_NAME and WHISPEROPS_KUBE_SUBNET tell two clusters on one engine apart.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import yaml

sys.path.insert(0, str(Path(__file__).parent))

from keys import Authority, account_keys, kubeconfig

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
PROGRAM = ROOT / ".cache" / "kubernetes" / "kubernetes"
# What containers run of it, and of others.
PROGRAMS = [PROGRAM, PROGRAM.with_name("coredns"), PROGRAM.with_name("kube-router")]
NAME = os.environ.get("WHISPEROPS_KUBE_NAME", "whisperops-lab-kube")
SUBNET = os.environ.get("WHISPEROPS_KUBE_SUBNET", "198.18.120")
# The lab with its registry, which the nodes pull from.
LAB = os.environ.get("WHISPEROPS_LAB_NAME", "whisperops-lab")
REGISTRY = os.environ.get("WHISPEROPS_LAB_SUBNET", "198.18.119") + ".2:5000"
STATE = ROOT / ".cache" / "kubernetes" / "lab"
IMAGE = "whisperops-lab/kube-node:1"
PAUSE = "whisperops-lab/pause:1"
DEFAULTS = ROOT / "roles" / "whisper_kubernetes" / "defaults" / "main.yml"
CONTROL = f"{SUBNET}.2"
SERVICES, PODS = "10.96.0.0/16", "10.128.0.0/9"
SECONDS = 300


def docker(*arguments: str, check: bool = True, **more: Any) -> str:
    done = subprocess.run(["docker", *arguments], check=False, capture_output=True, text=True, **more)
    if check and done.returncode:
        sys.exit(f"docker {' '.join(arguments[:3])} …: {done.stderr.strip()[-2000:]}")
    return done.stdout.strip()


def kube(path: str, *arguments: str) -> Any:
    """What the API server answers the administrator; None while it does not."""
    tls = ("--cacert", "/state/ca.crt", "--cert", "/state/admin.crt", "--key", "/state/admin.key")
    text = docker("exec", f"{NAME}-control", *("curl", "--silent", "--fail", *tls), *arguments, url(path), check=False)
    return json.loads(text) if text.startswith("{") else text or None


def create(path: str, thing: dict[str, Any]) -> None:
    """One that is there already stays as it is."""
    kube(path, "--header", "Content-Type: application/json", "--data", json.dumps(thing))


def url(path: str) -> str:
    return f"https://{CONTROL}:6443{path}"


def up(nodes: list[str]) -> None:
    missing = [one.name for one in PROGRAMS if not one.is_file()]
    if missing:  # Docker would make folders in their places, which tests/kubernetes/build cannot write to.
        sys.exit(f"{', '.join(missing)} in {PROGRAM.parent}: missing. Run tests/kubernetes/build.")
    down()
    images()
    STATE.mkdir(parents=True, exist_ok=True)
    addresses = {name: f"{SUBNET}.{number}" for number, name in enumerate(nodes, 11)}
    keys(addresses)
    docker("network", "create", "--label", "whisperops.lab=", "--subnet", f"{SUBNET}.0/24", NAME)
    container("control", CONTROL, [], "sleep", "infinity")
    control_plane()
    pods = {name: f"10.128.{number}.0/24" for number, name in enumerate(nodes, 1)}
    for name, address in addresses.items():
        routes = " ".join(f"{pods[other]}={addresses[other]}" for other in nodes if other != name)
        labels = os.environ.get(f"NODE_LABELS_{name}", "")
        variables = [f"POD_CIDR={pods[name]}", f"ROUTES={routes}", f"NODE_LABELS={labels}", f"REGISTRY={REGISTRY}"]
        container(name, address, variables, "/lab/start")
    load([PAUSE, IMAGE, *stand_ins()])
    wait_for("the nodes", lambda: ready_nodes() == set(nodes))
    for name in nodes:
        docker("network", "connect", LAB, f"{NAME}-{name}")
    print(f"{len(nodes)} nodes are ready. KUBECONFIG={STATE / 'admin.conf'}")


def images() -> None:
    docker("build", "--quiet", "--tag", IMAGE, str(HERE / "node"))
    # Of the one file, by a build of its own: the node's image has it.
    text = f'FROM scratch\nLABEL whisperops.lab=\nCOPY --from={IMAGE} /lab/pause /pause\nENTRYPOINT ["/pause"]\n'
    docker("build", "--quiet", "--tag", PAUSE, "-", input=text)
    for name in stand_ins():
        docker("tag", IMAGE, name)


def stand_ins() -> list[str]:
    """What pods run beside the servers, by the names of the defaults, for which no registry is asked."""
    defaults = yaml.safe_load(DEFAULTS.read_text("utf-8"))
    return [defaults[f"whisper_kubernetes_{what}_image"] for what in ("fetch", "prover", "gateway")]


def keys(addresses: dict[str, str]) -> None:
    authority = Authority(STATE, "ca")
    places = ["kubernetes", "kubernetes.default", "kubernetes.default.svc", "127.0.0.1", "10.96.0.1", CONTROL]
    authority.sign("apiserver", "kube-apiserver", ["system:masters"], places)
    authority.sign("admin", "admin", ["system:masters"])
    for name in ("kube-controller-manager", "kube-scheduler", "kube-proxy"):
        authority.sign(name.removeprefix("kube-"), f"system:{name}")
    for name, address in addresses.items():
        authority.sign(name, f"system:node:{name}", ["system:nodes"], [name, address])
    account_keys(STATE)
    for user in ("admin", "controller-manager", "scheduler", "proxy", *addresses):
        kubeconfig(STATE, user, f"https://{CONTROL}:6443", authority)
    (STATE / "kubelet.json").write_text(json.dumps(KUBELET), "utf-8")


KUBELET = {
    "apiVersion": "kubelet.config.k8s.io/v1beta1",
    "kind": "KubeletConfiguration",
    # A container may have control groups of version 1, and has no CAP_SYS_RESOURCE.
    "failCgroupV1": False,
    "featureGates": {"KubeletInUserNamespace": True},
    "cgroupDriver": "cgroupfs",
    "failSwapOn": False,
    "oomScoreAdj": 0,
    "authentication": {
        "anonymous": {"enabled": False},
        "webhook": {"enabled": True},
        "x509": {"clientCAFile": "/state/ca.crt"},
    },
    "authorization": {"mode": "Webhook"},
    "clusterDNS": [CONTROL],
    "clusterDomain": "cluster.local",
    "containerRuntimeEndpoint": "unix:///run/containerd/containerd.sock",
    "evictionHard": {"memory.available": "100Mi", "nodefs.available": "1%", "imagefs.available": "1%"},
    "imageGCHighThresholdPercent": 100,
    "nodeStatusUpdateFrequency": "4s",
    "maxPods": 60,
}


def container(name: str, address: str, variables: list[str], *command: str) -> None:
    held = int(
        next(line for line in Path("/proc/self/status").read_text("ascii").splitlines() if "CapBnd" in line)[7:], 16
    )
    capabilities = [f"--cap-add={one}" for number, one in enumerate(CAPABILITIES) if held >> number & 1]
    docker(
        *("run", "--detach", "--init", "--label", "whisperops.lab=", "--name", f"{NAME}-{name}", "--hostname", name),
        *(
            "--network",
            NAME,
            "--ip",
            address,
            *capabilities,
            "--cgroupns",
            "private",
            "--tmpfs",
            "/run",
            "--tmpfs",
            "/tmp",
        ),
        *("--security-opt", "seccomp=unconfined", "--security-opt", "apparmor=unconfined"),
        *("--device-cgroup-rule", "a *:* rwm", "--volume", f"{STATE}:/state:ro"),
        *(part for one in PROGRAMS for part in ("--volume", f"{one}:/usr/local/bin/{one.name}:ro")),
        *("--volume", "/var/lib/containerd", "--volume", "/var/lib/kubelet"),
        *(part for one in variables for part in ("--env", one)),
        *(IMAGE, *command),
    )


# In the order of their numbers.
CAPABILITIES = [
    "CHOWN",
    "DAC_OVERRIDE",
    "DAC_READ_SEARCH",
    "FOWNER",
    "FSETID",
    "KILL",
    "SETGID",
    "SETUID",
    "SETPCAP",
    "LINUX_IMMUTABLE",
    "NET_BIND_SERVICE",
    "NET_BROADCAST",
    "NET_ADMIN",
    "NET_RAW",
    "IPC_LOCK",
    "IPC_OWNER",
    "SYS_MODULE",
    "SYS_RAWIO",
    "SYS_CHROOT",
    "SYS_PTRACE",
    "SYS_PACCT",
    "SYS_ADMIN",
    "SYS_BOOT",
    "SYS_NICE",
    "SYS_RESOURCE",
    "SYS_TIME",
    "SYS_TTY_CONFIG",
    "MKNOD",
    "LEASE",
    "AUDIT_WRITE",
    "AUDIT_CONTROL",
    "SETFCAP",
    "MAC_OVERRIDE",
    "MAC_ADMIN",
    "SYSLOG",
    "WAKE_ALARM",
    "BLOCK_SUSPEND",
    "AUDIT_READ",
]


def control_plane() -> None:
    start("etcd", "--data-dir=/var/lib/etcd", "--unsafe-no-fsync")
    api_server()
    # The next two end where the API server has not written its own roles yet.
    start(
        "kube-controller-manager",
        *user("controller-manager"),
        *("--root-ca-file=/state/ca.crt", "--service-account-private-key-file=/state/accounts.key"),
        *("--use-service-account-credentials=true", "--leader-elect=false", "--node-monitor-grace-period=20s"),
    )
    start("kube-scheduler", *user("scheduler"), "--leader-elect=false")
    (STATE / "Corefile").write_text(COREFILE, "utf-8")
    run("coredns", "-conf", "/state/Corefile")


def api_server() -> None:
    start(
        "kube-apiserver",
        *(
            "--etcd-servers=http://127.0.0.1:2379",
            f"--advertise-address={CONTROL}",
            f"--service-cluster-ip-range={SERVICES}",
        ),
        *(
            "--tls-cert-file=/state/apiserver.crt",
            "--tls-private-key-file=/state/apiserver.key",
            "--client-ca-file=/state/ca.crt",
        ),
        *("--kubelet-client-certificate=/state/apiserver.crt", "--kubelet-client-key=/state/apiserver.key"),
        *("--kubelet-certificate-authority=/state/ca.crt", "--kubelet-preferred-address-types=InternalIP"),
        *("--service-account-issuer=https://kubernetes.default.svc", "--service-account-key-file=/state/accounts.key"),
        *("--service-account-signing-key-file=/state/accounts.key", "--allow-privileged=true"),
        *("--authorization-mode=Node,RBAC", "--enable-admission-plugins=NodeRestriction"),
    )
    wait_for("the API server", lambda: kube("/readyz") == "ok")


# Services by their names. Other names, pods here do not need.
COREFILE = """\
.:53 {
    errors
    kubernetes cluster.local {
        kubeconfig /state/admin.conf
    }
}
"""


def user(name: str) -> list[str]:
    return [f"--{part}kubeconfig=/state/{name}.conf" for part in ("", "authentication-", "authorization-")]


def start(program: str, *arguments: str) -> None:
    run("kubernetes", program, *arguments, log=program)


def run(program: str, *arguments: str, log: str = "") -> None:
    line = " ".join(["exec", program, *arguments, f">/var/log/{log or program}.log 2>&1"])
    docker("exec", "--detach", f"{NAME}-control", "sh", "-c", line)


def load(names: list[str]) -> None:
    nodes = [name for name in containers() if name != f"{NAME}-control"]
    for node in nodes:
        wait_for(node, lambda node=node: docker("exec", node, "ctr", "version", check=False) != "")
        with subprocess.Popen(["docker", "save", *names], stdout=subprocess.PIPE) as saved:
            docker("exec", "--interactive", node, "ctr", "-n", "k8s.io", "images", "import", "-", stdin=saved.stdout)


def containers() -> list[str]:
    return docker("ps", "--all", "--format", "{{.Names}}", "--filter", f"network={NAME}").split()


def ready_nodes() -> set[str]:
    return {
        one["metadata"]["name"]
        for one in (kube("/api/v1/nodes") or {"items": []})["items"]
        if any(c["type"] == "Ready" and c["status"] == "True" for c in one["status"].get("conditions", []))
    }


def wait_for(what: str, condition: Any) -> None:
    end = time.monotonic() + SECONDS
    while not condition():
        if time.monotonic() > end:
            sys.exit(f"{what}: not ready after {SECONDS} s. The logs are in /var/log of the containers {NAME}-….")
        time.sleep(0.5)


def down() -> None:
    found = containers()
    if found:
        docker("rm", "--force", "--volumes", *found)
    docker("network", "rm", NAME, check=False)


if __name__ == "__main__":
    given = sys.argv[2:]
    {"up": lambda: up(given or ["one", "two"]), "load": lambda: load(given), "down": down}[sys.argv[1]]()
