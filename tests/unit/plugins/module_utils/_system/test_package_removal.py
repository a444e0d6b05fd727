"""What other packages need stays; what must go and is needed ends the removal before anything has gone."""

from __future__ import annotations

from pathlib import Path
from typing import Sequence

import pytest
from ansible_collections.whisperops.gpu.plugins.module_utils._system.package_removal import (
    PackageRemovalError,
    Removal,
    remove,
    with_dpkg,
    with_rpm,
)
from ansible_collections.whisperops.gpu.plugins.module_utils._system.run_command import Result

SAID = Path(__file__).parents[5] / "tests" / "fixtures" / "package_managers"


def said(name: str) -> str:
    return (SAID / name).read_text(encoding="utf-8")


class Host:
    """Answers each program as recorded, and keeps what was run, without the questions."""

    def __init__(self, **answers: Result) -> None:
        self.answers = answers
        self.ran: list[list[str]] = []

    def __call__(self, command: Sequence[str]) -> Result:
        arguments = list(command)
        if arguments[0] == "dpkg-query" or "--query" in arguments:
            return self.answers["provides" if "--whatprovides" in arguments else "query"]
        self.ran.append(arguments)
        return self.answers["test" if {"--simulate", "--test"} & set(arguments) else "real"]

    @property
    def changed_by(self) -> list[list[str]]:
        return [one for one in self.ran if not {"--simulate", "--test"} & set(one)]


WELL = Result(0, "", "")
DPKG_INSTALLED = Result(
    1, "gpg gpg installed\nlibc6 libc6:amd64 installed\nold old config-files\ngone gone not-installed\n", "no packages"
)
DPKG_NEEDED = Result(1, "", said("dpkg_purge_needed.txt"))


def test_dpkg_is_asked_for_what_is_there_and_for_configuration_that_was_left() -> None:
    host = Host(query=DPKG_INSTALLED, test=WELL, real=WELL)
    removal = remove(with_dpkg, ["gpg", "libc6:amd64", "old", "gone", "never"], [], host, False)
    assert removal == Removal(["gpg", "libc6:amd64", "old"], [])
    assert host.changed_by == [["dpkg", "--force-hold", "--purge", "gpg", "libc6:amd64", "old"]]


def test_a_package_that_others_need_stays() -> None:
    host = Host(query=DPKG_INSTALLED, test=DPKG_NEEDED, real=DPKG_NEEDED)
    assert remove(with_dpkg, ["gpg", "old"], ["old"], host, False) == Removal(["old"], ["gpg"])


@pytest.mark.parametrize("name", ["libc6", "libc6:amd64"])
def test_dpkg_names_a_package_that_stays_with_its_architecture(name: str) -> None:
    error = "dpkg: error processing package libc6:amd64 (--purge):\n dependency problems - not removing\n"
    host = Host(query=DPKG_INSTALLED, test=Result(1, "", error), real=WELL)
    assert remove(with_dpkg, [name], [], host, False) == Removal([], [name])


def test_where_a_required_package_is_needed_nothing_is_removed() -> None:
    host = Host(query=DPKG_INSTALLED, test=DPKG_NEEDED, real=WELL)
    with pytest.raises(PackageRemovalError, match=r"^package_removal_failed: other packages need gpg, and nothing was"):
        remove(with_dpkg, ["gpg", "old"], ["gpg"], host, False)
    assert host.changed_by == []


@pytest.mark.parametrize(
    "error",
    [
        "dpkg: error: dpkg frontend lock was locked by another process with pid 7\n",
        "dpkg: error processing package old (--purge):\n installed old package post-removal script returned 1\n",
        "dpkg: error processing package gpg (--purge):\n dependency problems - not removing\n"
        "dpkg: error processing package old (--purge):\n installed old package post-removal script returned 1\n",
        "",
    ],
)
def test_any_other_error_of_dpkg_is_a_failure(error: str) -> None:
    host = Host(query=DPKG_INSTALLED, test=WELL, real=Result(2, "", error))
    with pytest.raises(PackageRemovalError, match=r"^package_removal_failed: dpkg --purge gpg old ended with 2: "):
        remove(with_dpkg, ["gpg", "old"], [], host, False)


def test_in_check_mode_dpkg_only_says_what_it_would_do() -> None:
    host = Host(query=DPKG_INSTALLED, test=DPKG_NEEDED)
    assert remove(with_dpkg, ["gpg", "old"], [], host, True) == Removal(["old"], ["gpg"])
    assert host.changed_by == []


@pytest.mark.parametrize("names", [[], ["gone", "never"]])
def test_where_nothing_is_installed_nothing_is_run(names: list[str]) -> None:
    host = Host(query=DPKG_INSTALLED)
    assert remove(with_dpkg, names, names, host, False) == Removal([], [])
    assert host.ran == []


RPM_INSTALLED = "engine engine-1.0-1\nruntime runtime-1.0-1\npackage never is not installed\nkeytool keytool-1.0-1\n"
PROVIDERS = {"librun.so.1()(64bit)": "runtime\n", "keytool": "keytool\n"}


class RpmHost(Host):
    """rpm refuses as long as it is given what another package needs."""

    def __call__(self, command: Sequence[str]) -> Result:
        arguments = list(command)
        if "--query" in arguments:
            asked = arguments[-1]
            return Result(0, PROVIDERS[asked] if "--whatprovides" in arguments else RPM_INSTALLED, "")
        self.ran.append(arguments)
        needed = {"runtime", "keytool"} & set(arguments)
        return Result(len(needed), "", said("rpm_erase_needed.txt") if needed else "")


def test_rpm_is_given_less_until_it_can_remove_it() -> None:
    host = RpmHost()
    removal = remove(with_rpm, ["engine", "runtime", "keytool", "never"], ["engine"], host, False)
    assert removal == Removal(["engine"], ["runtime", "keytool"])
    assert host.changed_by[-1] == ["rpm", "--erase", "engine"]


def test_an_rpm_is_known_by_its_version_too() -> None:
    assert remove(with_rpm, ["engine-1.0-1"], [], RpmHost(), False) == Removal(["engine-1.0-1"], [])


def test_a_required_rpm_that_is_needed_ends_the_removal_before_it_begins() -> None:
    host = RpmHost()
    with pytest.raises(PackageRemovalError, match="other packages need runtime"):
        remove(with_rpm, ["engine", "runtime"], ["runtime"], host, False)
    assert host.changed_by == []


def test_an_error_of_rpm_that_names_no_package_is_a_failure() -> None:
    host = Host(
        query=Result(0, "engine engine-1.0-1\n", ""), test=Result(1, "", "error: can't create transaction lock")
    )
    with pytest.raises(
        PackageRemovalError, match="rpm --erase engine ended with 1: error: can't create transaction lock"
    ):
        remove(with_rpm, ["engine"], [], host, False)
