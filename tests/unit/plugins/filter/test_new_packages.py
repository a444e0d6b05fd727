"""Only what was not there before is recorded as installed."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.whisperops.gpu.plugins.filter.new_packages import new_packages

SAID = Path(__file__).parents[4] / "tests" / "fixtures" / "package_managers" / "apt_install.txt"
APT = SAID.read_text(encoding="utf-8")
NEW = [
    "haproxy", "liblua5.3-0", "libopentracing-c-wrapper0", "libopentracing1", "prometheus-node-exporter",
    "python3-chardet", "python3-debian",
]  # fmt: skip


def test_apt_names_new_packages_on_several_lines_among_others() -> None:
    assert new_packages([{"stdout": APT, "changed": True}]) == {"packages": NEW, "rpms": []}


def test_a_package_that_was_there_and_one_that_is_only_suggested_are_not_new() -> None:
    assert not {"gpg", "vim-haproxy", "prometheus-node-exporter-collectors"} & set(
        new_packages([{"stdout": APT}])["packages"]
    )


def test_results_are_read_one_after_the_other_and_each_name_once() -> None:
    tools = {"stdout": "The following NEW packages will be installed:\n  gpg haproxy\n0 upgraded, 2 newly installed\n"}
    assert new_packages([tools, {"stdout": APT}])["packages"] == ["gpg", *NEW[:1], *NEW[1:]]


@pytest.mark.parametrize(
    "result",
    [{}, {"skipped": True}, {"stdout": ""}, {"stdout": None, "results": None}, {"stdout": "0 upgraded\n"}],
)
def test_a_task_that_installed_nothing_has_no_new_packages(result: dict) -> None:
    assert new_packages([result]) == {"packages": [], "rpms": []}


# What the modules dnf and dnf5 of ansible-core say: ACTION: NEVRA.
@pytest.mark.parametrize(
    ("said", "rpms"),
    [
        (["Installed: docker-ce-3:29.1.3-1.el9.x86_64", "Installed: containerd.io-2.2.0-1.el9.x86_64"],
         ["docker-ce", "containerd.io"]),
        (["Installed: libnvidia-container1-1.20.1-1.x86_64", "Removed: libnvidia-container1-1.19.0-1.x86_64"], []),
        (["Removed: libnvidia-container1-1.19.0-1.x86_64", "Installed: libnvidia-container1-1.20.1-1.x86_64",
          "Installed: gnupg2-2.3.3-4.el9.x86_64"], ["gnupg2"]),
        (["Installed /root/a.rpm", "nothing"], []),
    ],
)  # fmt: skip
def test_dnf_names_what_it_replaced_as_removed_too(said: list, rpms: list) -> None:
    assert new_packages([{"results": said, "changed": True}]) == {"packages": [], "rpms": rpms}
