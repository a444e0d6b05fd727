"""A host with one server by the plan, as a completed run leaves it."""

from __future__ import annotations

import copy
import hashlib

from ansible_collections.whisperops.gpu.plugins.module_utils._host import firewall
from ansible_collections.whisperops.gpu.plugins.module_utils._host.deployment import record
from ansible_collections.whisperops.gpu.plugins.plugin_utils._plan import inputs
from ansible_collections.whisperops.gpu.plugins.plugin_utils._plan.changes import deployment_changes
from ansible_collections.whisperops.gpu.plugins.plugin_utils._plan.firewall import planned_rules

UUID = "GPU-3f0f4e5c-0000-0000-0000-000000001080"
IMAGE = "ghcr.io/ggml-org/whisper.cpp:main-cuda"
TOOLKIT = (
    "nvidia-container-toolkit",
    "nvidia-container-toolkit-base",
    "libnvidia-container-tools",
    "libnvidia-container1",
)

PLAN = {
    "runtime": "cuda",
    "origin": "official",
    "image": IMAGE,
    "cmake_cuda_architectures": None,
    "build": None,
    "gpus": [UUID],
    "verdict": "native",
    "environment": {},
    "model": "base.en",
    "servers": [{"gpu": UUID, "port": 8080}],
    "reasons": ["GPU 0 runs the image's code as it is."],
}
CPU_PLAN = {**PLAN, "runtime": "cpu", "gpus": [], "verdict": "cpu", "servers": [{"gpu": None, "port": 8080}]}

ENGINE_LIMITS = {"memory_total_mib": 65536, "memory": True, "swap": True, "processes": True}
# For base.en and an upload of 1 GiB.
LIMITS = "memory: 10929 MiB, processes: 4096"


def options(**given):
    return {name: given.get(name, inputs.default(name)) for name in inputs.names()}


def rules(plan=None, **given):
    """The digest of the file of firewall rules."""
    return "sha256:" + hashlib.sha256(planned_rules(plan or PLAN, options(**given)).encode()).hexdigest()


BARE = {
    "gpu": {"driver": {"version": "550.163.01"}, "gpus": [{"uuid": UUID}]},
    "packages": {},
    "engine": {"installed": False, "version": None, "limits": None},
    "servers": [],
    "images": {},
    "files": {},
    "speech": {},
    "models": {},
    "units": {},
    "firewall": "missing",
    "selinux": "disabled",
    "applied": None,
    "crashed_images": {},
    "unseen": [],
}
DEPLOYED = {
    **BARE,
    "packages": {
        "docker.io": {"version": "26.1.5+dfsg1-9", "held": False},
        "nftables": {"version": "1.1.3-1", "held": False},
        "python3-requests": {"version": "2.32.3+dfsg-5", "held": False},
        **{name: {"version": "1.20.1-1", "held": False} for name in TOOLKIT},
    },
    "engine": {"installed": True, "version": "26.1.5+dfsg1", "limits": ENGINE_LIMITS},
    "servers": [
        {"name": "whisper-server-0", "id": "f" * 64, "image": "sha256:1", "state": "running", "limits": LIMITS},
    ],
    "images": {IMAGE: "sha256:1"},
    "files": {
        "/etc/docker/daemon.json": "sha256:d",
        firewall.RULES: rules(),
        "/etc/whisper/plan.json": "sha256:p",
        "/etc/whisper/servers.json": "sha256:s",
    },
    "speech": {"/var/lib/whisper/speech/jfk.wav": "sha256:j"},
    "models": {"ggml-base.en.bin": "147964211 bytes of 1"},
    "units": {"docker.service": "active", "whisper-proof.timer": "inactive"},
    "firewall": "sha256:f",
}
FACTS = {"image_reference": IMAGE, "gpu_mode": "runtime", "endpoints": [], "measured": {}}


def wanted(**given):
    found = options(**given)
    return {"options": found, "inputs": inputs.inputs(given)}


def deployed(plan=None, host=None, facts=None, **given):
    """The host after a run that was given these variables."""
    after = copy.deepcopy(host or DEPLOYED)
    after["files"][firewall.RULES] = rules(plan, **given)
    after["applied"] = record(wanted(**given)["inputs"], plan or PLAN, after["gpu"], facts or FACTS, after)
    return after


def changes(host, plan=None, **given):
    return deployment_changes(host, plan or PLAN, wanted(**given))


def told(found):
    """``role: action what``, without the words."""
    return [f"{change.role}: {change.action} {change.what}" for change in found]
