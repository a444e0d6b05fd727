"""The proof of a pod: which GPU, which process, and what the condition says."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from ansible_collections.whisperops.gpu.plugins.module_utils._gpu.model import Gpu, MigDevice
from ansible_collections.whisperops.gpu.plugins.module_utils._prover.node import Node
from ansible_collections.whisperops.gpu.plugins.module_utils._prover.pods import server_pod
from ansible_collections.whisperops.gpu.plugins.module_utils._prover.proof import PodProver

sys.path.insert(0, str(Path(__file__).parent))

from sample_pods import CONTAINER, GPU, pod

OTHER = "GPU-3f0f4e5c-0000-0000-0000-000000000080"
MIG = "MIG-3f0f4e5c-0000-0000-0000-000000000001"
SETTINGS = {
    "audio": "speech.wav",
    "expected_text": "deploy the server",
    "language": "",
    "similarity": 0.8,
    "timeout_seconds": 60,
    "watch_seconds": 1.0,
    "port": 8080,
    "path": "/v1/audio/transcriptions",
}
KINDS = {"log": True, "process_memory": True, "utilization": None}
GOOD = {
    "text": "deploy the server",
    "expected_similarity": 1.0,
    "wrapped": False,
    "error": None,
    "gpu_used": True,
    "missing": ["utilization"],
    "cause": None,
    "ending": None,
    "real_time_factor": 0.05,
    "evidence": {"kinds": KINDS},
}


class Sample(Node):
    def __init__(self, gpus=(), given=()):
        super().__init__()
        self._gpus, self._given = list(gpus), given

    def gpus(self):
        return self._gpus

    def process_of(self, container):
        return 4108 if container == CONTAINER else None

    def gives(self, pid, uuid):
        return uuid in self._given


class Asked:
    """In the place of the product's Prover: what it is asked, and what it is to answer."""

    def __init__(self, result):
        self.result = result

    def __call__(self, server):
        self.server = server(None)
        return self

    def prove(self, request):
        self.request = request
        if isinstance(self.result, Exception):
            raise self.result
        return self.result


def proven(result=None, node=None, log="whisper_init", **given):
    asked = Asked({**GOOD, **(result or {})} if not isinstance(result, Exception) else result)

    def read(name, container):
        if log is None:
            raise OSError("the kubelet does not answer")
        return f"{log} of {container}"

    found = PodProver(SETTINGS, read, node or Sample(), asked).prove(server_pod(pod(**given)))
    return found, asked


def test_a_gpu_server_is_proven_with_its_process_its_log_and_its_gpu():
    found, asked = proven()
    assert found.proven
    assert found.reason == "proven"
    assert found.message == f"The reference audio was transcribed on {GPU} (evidence: log, process_memory)."
    assert (asked.server.pid, asked.server.log) == (4108, "whisper_init of server")
    assert (asked.request.gpu, asked.request.device_code) == (GPU, "native")
    assert asked.request.url == "http://10.0.0.7:8080/v1/audio/transcriptions"


def test_a_server_that_was_planned_for_the_cpu_is_proven_by_its_transcript():
    found, asked = proven({"gpu_used": None, "missing": []}, verdict="cpu")
    assert found.proven
    assert asked.request.gpu is None
    assert "on the CPU, as planned" in found.message


def test_without_the_log_the_rest_is_looked_at():
    _found, asked = proven(log=None)
    assert asked.server.log is None


CAUSE = {
    "code": "gpu_claim_contradicted",
    "message": "Nothing real stands behind the device.",
    "remedy": "Run site.yml.",
}


@pytest.mark.parametrize(
    ("result", "reason", "decisive"),
    [
        ({"gpu_used": False, "cause": CAUSE}, "gpu_claim_contradicted", True),
        ({"gpu_used": None, "cause": CAUSE}, "gpu_claim_contradicted", False),
        ({"gpu_used": None}, "gpu_proof_missing", False),
        ({"text": None, "error": "timed out"}, "transcript_missing", False),
        ({"text": None, "error": "gone", "ending": {"exit_code": 139}}, "transcript_missing", True),
        ({"expected_similarity": 0.2}, "transcript_wrong", True),
        ({"wrapped": True}, "transcript_broken", True),
        (ValueError("no such GPU"), "transcript_missing", False),
    ],
)
def test_what_is_not_proven_has_the_code_of_the_guide(result, reason, decisive):
    found, _asked = proven(result)
    assert (found.proven, found.reason, found.decisive) == (False, reason, decisive)
    assert found.message.endswith(f"See docs/troubleshooting.md#{reason}")
    # Of a host, not of a pod.
    assert "site.yml" not in found.message


def test_a_message_is_one_line_of_printable_characters():
    found, _asked = proven({"expected_similarity": 0.1, "text": "a\n\x1b[31mb" + "c" * 5000})
    assert found.message.isprintable()
    assert len(found.message) < 1200


@pytest.mark.parametrize(
    ("devices", "gpus", "given", "gpu"),
    [
        ([GPU], [], [], GPU),
        # Time slicing and MPS number the shares of a GPU.
        ([f"{GPU}::3"], [], [], GPU),
        ([MIG], [], [], MIG),
        ([GPU, OTHER], [], [], None),
        # By the strategy `index` of the device plugin.
        (["1"], [Gpu(index=0, uuid=GPU), Gpu(index=1, uuid=OTHER)], [], OTHER),
        # The API does not say: by the device nodes.
        ([], [Gpu(index=0, uuid=GPU), Gpu(index=1, uuid=OTHER)], [OTHER], OTHER),
        (["nvidia.com/gpu=0"], [Gpu(index=0, uuid=GPU)], [GPU], GPU),
        ([], [Gpu(index=0, uuid=GPU), Gpu(index=1, uuid=OTHER)], [GPU, OTHER], None),
        ([], [Gpu(index=0, uuid=GPU, mig_mode=True, mig_devices=[MigDevice(uuid=MIG)])], [GPU], MIG),
        ([], [Gpu(index=0, uuid=GPU, mig_mode=True, mig_devices=[MigDevice(uuid=MIG)] * 2)], [GPU], None),
        ([], [], [], None),
    ],
)
def test_the_gpu_of_a_pod(devices, gpus, given, gpu):
    found, asked = proven(node=Sample(gpus, given), devices=[(device, "Healthy") for device in devices])
    if gpu is None:
        assert (found.proven, found.reason) == (False, "gpu_proof_missing")
        assert not hasattr(asked, "request")
    else:
        assert asked.request.gpu == gpu


def test_the_process_of_a_container_is_found_by_its_control_groups(tmp_path):
    for pid, path in (("1", "/init"), ("77", f"/kubepods/besteffort/pod1/{'b' * 64}"), ("78", f"/../{CONTAINER}")):
        (tmp_path / pid).mkdir()
        (tmp_path / pid / "cgroup").write_text(f"0::{path}\n", "utf-8")
    (tmp_path / "79").mkdir()
    node = Node(str(tmp_path))
    assert node.process_of(CONTAINER) == 78
    assert node.process_of("c" * 64) is None
    assert node.process_of("") is None
