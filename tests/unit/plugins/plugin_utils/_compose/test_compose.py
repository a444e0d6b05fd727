"""Compose and Podman get the servers of a plan, with the hardening that role whisper_server gives.

What the real `docker compose config` and the real Quadlet made of these files is recorded in tests/fixtures/compose.
"""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest
import yaml
from ansible.errors import AnsibleFilterError
from ansible_collections.whisperops.gpu.plugins.filter.compose_files import compose_files
from ansible_collections.whisperops.gpu.plugins.plugin_utils._plan.plan import deployment_plan

FIXTURES = Path(__file__).parents[4] / "fixtures" / "compose"
UUID = "GPU-3f0f4e5c-0000-0000-0000-000000001080"
GTX_1080 = {
    "gpu_present": True,
    "machine": "x86_64",
    "driver": {"version": "550.163.01"},
    "cuda_driver_version": "12.4",
    "gpus": [{"uuid": UUID, "name": "NVIDIA GeForce GTX 1080", "compute_capability": "6.1", "memory_total_mib": 8192}],
}
IMAGE = "whisperops/whisper.cpp:cuda12.4.1-61-1.8.5-0123456789ab"
FETCH = "docker.io/curlimages/curl:8.10.1"


def rendered(gpu=None, policy=None, image=IMAGE, options=None, verdict=None):
    plan = deployment_plan(gpu or GTX_1080, policy={"instances_per_gpu": 2, **(policy or {})})
    found = compose_files({**plan, "verdict": verdict or plan["verdict"]}, options or {}, image, FETCH)
    return {file["name"]: file["content"] for file in found}


def services(**arguments):
    return yaml.safe_load(rendered(**arguments)["compose.yaml"])["services"]


def unit(name="whisper-server-0.container", **arguments):
    """Key → values, of all sections."""
    found = {}
    for line in rendered(**arguments)[f"quadlet/{name}"].splitlines():
        if "=" in line:
            key, _equals, value = line.partition("=")
            found.setdefault(key, []).append(value)
    return found


def test_what_was_given_to_the_real_programs_is_what_is_rendered():
    """If this fails, record anew what they say: tests/fixtures/compose/README.md."""
    recorded = {str(path.relative_to(FIXTURES / "rendered")): path.read_text("utf-8") for path in _recorded()}
    assert rendered() == recorded


def _recorded():
    return sorted(path for path in (FIXTURES / "rendered").rglob("*") if path.is_file())


def test_docker_compose_reads_what_is_meant():
    read = yaml.safe_load((FIXTURES / "config.yaml").read_text("utf-8"))["services"]
    assert set(read) == {"model", "server-0", "server-1"}
    for place, port in ((0, "8080"), (1, "8081")):
        server = read[f"server-{place}"]
        (device,) = server["deploy"]["resources"]["reservations"]["devices"]
        assert device == {"driver": "nvidia", "device_ids": [UUID], "capabilities": ["gpu"]}
        assert server["ports"][0]["published"] == port
        assert server["ports"][0]["host_ip"] == "127.0.0.1"
        assert server["mem_limit"] == server["memswap_limit"] == str(10929 * 1024**2)
    # Compose gives its variables back in its own spelling: a dollar of the program is written twice in both.
    assert read["model"]["command"] == services()["model"]["command"]


def test_podman_starts_what_is_meant():
    commands = {}
    for line in (FIXTURES / "quadlet.txt").read_text("utf-8").splitlines():
        if line.startswith("ExecStart=") and " --name " in line:
            words = shlex.split(line.partition("=")[2].replace("\\n", ";"))
            commands[words[words.index("--name") + 1]] = words
    assert set(commands) == {"whisper-model", "whisper-server-0", "whisper-server-1"}
    server = commands["whisper-server-1"]
    for pair in (
        ("--device", f"nvidia.com/gpu={UUID}"),
        ("--user", "10001:10001"),
        ("--cap-drop", "all"),
        ("--pids-limit", "4096"),
        ("--publish", "127.0.0.1:8081:8080"),
        ("--entrypoint", "whisper-server"),
        ("-v", "whisper-models:/models:ro"),
        ("--inference-path", "/v1/audio/transcriptions|/load"),
    ):
        assert server[server.index(pair[0]) + 1] == pair[1]
    assert {"--read-only", "--security-opt=no-new-privileges", "--memory=10929m"} <= set(server)
    # systemd makes one dollar of two before the program sees it.
    assert "$$MODEL_SHA256  $$1" in commands["whisper-model"][-1]


def test_a_server_is_hardened_as_on_a_host():
    server = services()["server-0"]
    assert server["user"] == "10001:10001"
    assert server["read_only"] is True
    assert server["cap_drop"] == ["ALL"]
    assert server["security_opt"] == ["no-new-privileges:true"]
    assert server["pids_limit"] == 4096
    assert server["volumes"][0]["read_only"] is True


def test_a_host_without_a_gpu_reserves_none():
    found = rendered({"gpu_present": False, "machine": "x86_64"}, image="whisper.cpp:cpu")
    servers = yaml.safe_load(found["compose.yaml"])["services"]
    assert "deploy" not in servers["server-0"]
    assert servers["server-0"]["command"][-1] == "--no-gpu"
    assert "AddDevice" not in found["quadlet/whisper-server-0.container"]
    assert "Image=docker.io/library/whisper.cpp:cpu\n" in found["quadlet/whisper-server-0.container"]


def test_limits_that_are_turned_off_are_not_written():
    off = {"whisper_server_memory_limit_mib": -1, "whisper_server_pids_limit": -1}
    assert not {"mem_limit", "memswap_limit", "pids_limit"} & set(services(options=off)["server-0"])
    assert "PodmanArgs" not in unit(options=off)


def test_the_driver_keeps_what_it_has_compiled():
    found = rendered(verdict="jit")
    content = yaml.safe_load(found["compose.yaml"])
    assert "whisper-jit-cache" in content["volumes"]
    assert content["services"]["server-0"]["environment"]["CUDA_CACHE_PATH"] == "/jit_cache"
    assert "chown 10001:10001 /jit_cache" in content["services"]["model"]["command"][0]
    assert "Group=10001" in found["quadlet/whisper-jit-cache.volume"]


def test_an_image_that_no_run_has_built_is_refused():
    with pytest.raises(AnsibleFilterError, match="compose_image_missing: "):
        rendered(image="")


def test_an_official_image_needs_no_run():
    h100 = {
        "gpu_present": True,
        "machine": "x86_64",
        "driver": {"version": "580.95.05"},
        "cuda_driver_version": "13.0",
        "gpus": [{"uuid": UUID, "name": "NVIDIA H100 80GB HBM3", "compute_capability": "9.0"}],
    }
    assert services(gpu=h100, image="")["server-0"]["image"] == "ghcr.io/ggml-org/whisper.cpp:main-cuda"


def test_an_own_model_without_a_url_is_refused():
    checksum = {"whisper_server_model_checksum": "sha256:" + "a" * 64}
    with pytest.raises(AnsibleFilterError, match="model_unknown: "):
        rendered(policy={"model": "ggml-mine.bin"}, options=checksum)


def test_dollars_and_percents_of_the_operator_stay_what_they_are():
    options = {
        "whisper_server_model_url": "https://models.example.net/$HOME/100%25/ggml-mine.bin",
        "whisper_server_model_checksum": "sha256:" + "a" * 64,
    }
    assert services(options=options)["model"]["environment"]["MODEL_URL"].startswith(
        "https://models.example.net/$$HOME/100%25"
    )
    (_file, _sha256, url) = unit("whisper-model.container", options=options)["Environment"]
    assert url == '"MODEL_URL=https://models.example.net/$HOME/100%%25/ggml-mine.bin"'


def test_servers_listen_on_the_address_that_was_asked_for():
    options = {"whisper_server_listen_address": "::1"}
    assert services(options=options)["server-0"]["ports"][0]["host_ip"] == "::1"
    assert unit(options=options)["PublishPort"] == ["[::1]:8080:8080"]


@pytest.mark.parametrize(
    ("policy", "restart"), [("unless-stopped", "always"), ("no", "no"), ("on-failure", "on-failure")]
)
def test_restart_policies_are_those_of_systemd(policy, restart):
    options = {"whisper_server_restart_policy": policy}
    assert services(options=options)["server-0"]["restart"] == policy
    assert unit(options=options)["Restart"] == [restart]


def test_several_models_are_refused():
    with pytest.raises(AnsibleFilterError, match=r"^models_unsupported: .* Compose and Podman"):
        rendered(policy={"models": [{"name": "base"}, {"name": "tiny"}]})
