"""Changes and faults under load, on a cluster of containers: how many requests each of them costs. `make kube-faults`.

    faults.py [WORD …]     with words, only what has one of them in its name

Two clients ask the whole time, from a node that nothing happens to. Ends with 1 if more requests were lost than may be.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Callable, Iterator

sys.path.insert(0, str(Path(__file__).parent))

import client
import cluster
import demo

CLIENTS = 2
LOST = "two"
PLANNED = "whisperops/whisper.cpp:cpu"
UNTIL = "/run/enough"
# So long the clients go on when something has happened.
AFTERWARDS = 15


def main() -> None:
    cluster.up(["one", "two", "three"])
    demo.serve_model()
    demo.play(whisper_kubernetes_gateway=False)
    cluster.docker("cp", str(demo.SMOKE / "clips" / "deploy.wav"), f"{client.NODE}:/root/deploy.wav")
    cluster.docker("cp", str(Path(__file__).with_name("load.py")), f"{client.NODE}:/root/load.py")
    # What happens, and how many requests it may cost: a node that is gone had at most one of each client.
    steps: list[tuple[str, int, Callable[[], None]]] = [
        ("a gateway that comes", 0, demo.play),
        ("an upgrade", 0, upgrade),
        ("an upgrade that is not proven", 0, failed_upgrade),
        ("a model with another checksum", 0, wrong_model),
        ("a registry that does not answer", 0, no_registry),
        ("the way back", 0, way_back),
        ("the drain of a node", 0, drain),
        ("an API server that restarts in the middle of a run", 0, restart),
        ("a second run beside", 0, beside),
        ("a node that is gone", CLIENTS, lose),
    ]
    results = []
    words = sys.argv[1:] or [""]
    for name, most, happens in [one for one in steps if any(word in one[0] for word in words)]:
        with load() as found:
            happens()
        results.append((name, most, found))
        print(f"{name}: {json.dumps(found)}", flush=True)
    print(f"\n{'under load':<55}{'requests':>10}{'lost':>6}{'at most':>9}{'longest s':>11}{'connected again':>17}")
    for name, most, found in results:
        cells = (found["requests"], len(found["lost"]), most, found["longest_seconds"], found["connected_again"])
        print(f"{name:<55}{cells[0]:>10}{cells[1]:>6}{cells[2]:>9}{cells[3]:>11}{cells[4]:>17}")
    if any(len(found["lost"]) > most or not found["requests"] for _name, most, found in results):
        sys.exit(1)


@contextmanager
def load() -> Iterator[dict[str, Any]]:
    cluster.docker("exec", client.NODE, "rm", "-f", UNTIL)
    words = " ".join(demo.WORDS.split())
    command = [*client.run(demo.NAMESPACE), "python3", "/root/load.py"]
    given = [demo.service(), demo.KEY, "/root/deploy.wav", words, str(CLIENTS), UNTIL]
    with subprocess.Popen(["docker", *command, *given], stdout=subprocess.PIPE, text=True) as running:
        found: dict[str, Any] = {}
        try:
            time.sleep(5)
            yield found
            time.sleep(AFTERWARDS)
        finally:
            cluster.docker("exec", client.NODE, "touch", UNTIL)
            told = running.communicate()[0]
        found.update(json.loads(told))


def upgrade() -> None:
    demo.play(whisper_server_threads=1)


def failed_upgrade() -> None:
    missing = f"{cluster.REGISTRY}/speech/no-such-image:1"
    unproven("ErrImagePull", "ImagePullBackOff", whisper_kubernetes_images={PLANNED: missing})


def wrong_model() -> None:
    unproven("model_checksum_mismatch", whisper_server_model_checksum=f"sha256:{'0' * 64}")


def unproven(*reasons: str, **given: Any) -> None:
    done = demo.play(check=False, **given, whisper_kubernetes_wait_seconds=40)
    if done.returncode == 0 or "rollout_unproven" not in done.stdout:
        sys.exit("The run did not say that the upgrade is not proven.")
    if not any(reason in done.stdout for reason in reasons):
        sys.exit(f"The run did not say why: {' or '.join(reasons)}.")


def no_registry() -> None:
    done = demo.play(check=False, whisper_kubernetes_registry=f"{cluster.CONTROL}:9/speech/")
    if done.returncode == 0 or "image_not_pushed: " not in done.stdout:
        sys.exit("The run did not say that the image could not be pushed.")


def way_back() -> None:
    demo.play(whisper_server_threads=1)


def ansible(module: str, **arguments: Any) -> None:
    given = {"kubeconfig": str(cluster.STATE / "admin.conf"), **arguments}
    command = ["ansible", "localhost", "--module-name", module, "--args", json.dumps(given)]
    interpreter = ["--extra-vars", json.dumps({"ansible_python_interpreter": sys.executable})]
    done = subprocess.run([*command, *interpreter], cwd=cluster.ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{module}: {done.stdout}{done.stderr}")


def drain() -> None:
    options = {"ignore_daemonsets": True, "delete_emptydir_data": True, "wait_timeout": 300}
    ansible("kubernetes.core.k8s_drain", name=LOST, state="drain", delete_options=options)
    time.sleep(AFTERWARDS)
    ansible("kubernetes.core.k8s_drain", name=LOST, state="uncordon")


def restart() -> None:
    """Of all of the control plane, as where its machine restarts. The run ends with a reason, or goes through."""
    command = ["ansible-playbook", *demo.command(whisper_server_threads=2)]
    with subprocess.Popen(command, cwd=cluster.ROOT, stdout=subprocess.PIPE, text=True) as run:
        time.sleep(4)
        cluster.docker("exec", f"{cluster.NAME}-control", "sh", "-c", "kill $(pgrep -f '[k]ube-apiserver --etcd')")
        cluster.api_server()
        told = run.communicate()[0]
    codes = ("kubernetes_unreachable: ", "kubernetes_object_refused: ", "rollout_unproven: ")
    if run.returncode and not any(code in told for code in codes):
        sys.exit(f"The run ended without a code:\n{told}")
    print(told[-1500:], flush=True)
    demo.play(whisper_server_threads=2)


def beside() -> None:
    """Two runs with one plan: one goes through, and the other too, unless both want the host that builds at once."""
    command = ["ansible-playbook", *demo.command(whisper_server_threads=1)]
    runs = [
        subprocess.Popen(command, cwd=cluster.ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        for _run in range(2)
    ]
    told = [run.communicate()[0] for run in runs]
    refused = [text for run, text in zip(runs, told) if run.returncode]
    if len(refused) == len(runs) or not all("run_in_progress" in text for text in refused):
        sys.exit("\n".join(told))


def lose() -> None:
    cluster.docker("kill", f"{cluster.NAME}-{LOST}")
    time.sleep(90)


if __name__ == "__main__":
    main()
