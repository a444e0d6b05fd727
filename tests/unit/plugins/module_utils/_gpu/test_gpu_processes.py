"""Which container a process is in, by every engine's way of naming control groups."""

from __future__ import annotations

import pytest
from ansible_collections.whisperops.gpu.plugins.module_utils._gpu.processes import Processes, container_ids
from hypothesis import given
from hypothesis import strategies as st

INNER = "0f3a0a3dcf0c4f9a6ce1c1a6f2a9a0c55b6c4aeb6ee3ac0f5fd1f0f2f6b5a7d1"
OUTER = "9c1b" * 16


@pytest.mark.parametrize(
    "cgroup",
    [
        pytest.param(f"0::/docker/{INNER}\n", id="docker, cgroup v2, cgroupfs"),
        pytest.param(f"0::/system.slice/docker-{INNER}.scope\n", id="docker, cgroup v2, systemd"),
        pytest.param(
            f"12:devices:/docker/{INNER}\n11:memory:/docker/{INNER}\n1:name=systemd:/docker/{INNER}\n",
            id="docker, cgroup v1, cgroupfs",
        ),
        pytest.param(
            f"12:devices:/system.slice/docker-{INNER}.scope\n0::/system.slice/docker-{INNER}.scope\n",
            id="docker, cgroup v1, systemd",
        ),
        pytest.param(
            f"0::/user.slice/user-1000.slice/user@1000.service/user.slice/docker-{INNER}.scope\n", id="rootless docker"
        ),
        pytest.param(f"0::/machine.slice/libpod-{INNER}.scope/container\n", id="podman, systemd"),
        pytest.param(f"0::/libpod_parent/libpod-{INNER}\n", id="podman, cgroupfs"),
        pytest.param(
            f"0::/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-{INNER}.scope/container\n",
            id="rootless podman",
        ),
        pytest.param(
            f"0::/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod1.slice/cri-containerd-{INNER}.scope",
            id="containerd in Kubernetes",
        ),
        pytest.param(f"0::/system.slice/containerd.service/kubepods-pod1.slice:cri-containerd:{INNER}", id="k8s v1"),
        pytest.param(f"4:devices:/kubepods/burstable/pod1/{INNER}\n", id="Kubernetes, cgroupfs"),
    ],
)
def test_the_container_is_found(cgroup):
    assert container_ids(cgroup) == [INNER]


@pytest.mark.parametrize(
    "cgroup",
    [
        "",
        "0::/\n",
        "0::/user.slice/user-1000.slice/session-3.scope\n",
        "0::/system.slice/docker.service\n",
        pytest.param(f"0::/machine.slice/libpod-conmon-{INNER}.scope\n", id="podman's monitor"),
        pytest.param(f"0::/system.slice/docker-{INNER[:12]}.scope\n", id="no full ID"),
        pytest.param(f"0::/system.slice/run-{INNER}.mount\n", id="a mount unit"),
    ],
)
def test_what_is_in_no_container_has_none(cgroup):
    assert container_ids(cgroup) == []


def host(root, **cgroup_by_pid):
    for pid, text in cgroup_by_pid.items():
        folder = root / "proc" / pid.lstrip("p")
        folder.mkdir(parents=True)
        (folder / "cgroup").write_text(text, encoding="utf-8")
        (folder / "comm").write_text("whisper-server\n", encoding="utf-8")
    return Processes(str(root))


def test_of_a_container_in_a_container_the_engine_of_the_host_knows_the_outer_one(tmp_path):
    processes = host(tmp_path, p1="0::/init.scope\n", p42=f"0::/docker/{OUTER}/docker/{INNER}\n")
    assert processes.container_id(42) == OUTER


def test_a_host_that_is_itself_a_container_is_not_its_own_container(tmp_path):
    processes = host(
        tmp_path, p1=f"0::/docker/{OUTER}\n", p7=f"0::/docker/{OUTER}\n", p42=f"0::/docker/{OUTER}/docker/{INNER}\n"
    )
    assert (processes.container_id(7), processes.container_id(42)) == (None, INNER)


def test_a_process_that_has_gone_has_neither_name_nor_container(tmp_path):
    processes = host(tmp_path, p1="0::/\n")
    assert (processes.container_id(42), processes.name(42)) == (None, None)


def test_the_name_is_the_command(tmp_path):
    assert host(tmp_path, p42="0::/\n").name(42) == "whisper-server"


@given(st.text())
def test_any_text_gives_full_ids_or_nothing(text):
    assert all(len(found) == len(INNER) for found in container_ids(text))


SEGMENT = st.one_of(
    st.sampled_from(["docker", "system.slice", f"docker-{INNER}.scope", INNER, f"libpod-{OUTER}.scope", ":", ".."]),
    st.text(max_size=10),
)


@given(st.lists(st.lists(SEGMENT, max_size=6), max_size=6))
def test_paths_of_likely_segments_give_each_id_once(paths):
    found = container_ids("\n".join("0::/" + "/".join(path) for path in paths))
    assert len(found) == len(set(found))
    assert set(found) <= {INNER, OUTER}
