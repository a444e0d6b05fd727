from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.whisperops.gpu.plugins.filter.engine_packages import engine_packages


def facts(name, family="Debian"):
    distribution, _separator, release = name.rpartition(" ")
    return {"distribution": distribution, "distribution_major_version": release, "os_family": family}


@pytest.mark.parametrize(
    ("name", "packages"),
    [
        ("Debian 12", ["docker.io", "python3-requests", "nftables"]),
        ("Debian 13", ["docker.io", "docker-cli", "docker-buildx", "python3-requests", "nftables"]),
        ("Ubuntu 24", ["docker.io", "docker-buildx", "python3-requests", "nftables"]),
    ],
)
def test_a_distribution_has_packages_of_its_own(name, packages):
    found = engine_packages(facts(name), "distribution")
    assert (found["supported"], found["package_manager"], found["packages"]) == (True, "apt", packages)


@pytest.mark.parametrize(
    ("name", "repository"),
    [("Rocky 9", "centos"), ("AlmaLinux 10", "centos"), ("RedHat 9", "rhel"), ("Fedora 43", "fedora")],
)
def test_the_red_hat_family_gets_dockers_own(name, repository):
    found = engine_packages(facts(name, "RedHat"), "docker")
    assert (found["supported"], found["package_manager"], found["repository"]) == (True, "dnf", repository)
    assert found["packages"] == [
        "docker-ce",
        "docker-ce-cli",
        "containerd.io",
        "docker-buildx-plugin",
        "python3-requests",
        "nftables",
    ]


@pytest.mark.parametrize(
    ("name", "family"),
    [("Debian 11", "Debian"), ("Linux Mint 22", "Debian"), ("Rocky 8", "RedHat"), ("Amazon 2023", "RedHat")],
)
def test_others_are_not_supported(name, family):
    assert engine_packages(facts(name, family), "distribution")["supported"] is False


def test_a_distribution_of_another_family_has_no_package_manager_here():
    found = engine_packages(facts("Archlinux 1", "Archlinux"), "none")
    assert (found["supported"], found["package_manager"], found["packages"]) == (
        False,
        "",
        ["python3-requests", "nftables"],
    )


@pytest.mark.parametrize("source", ["distribution", "docker", "none"])
def test_beside_an_engine_that_is_installed_what_the_roles_need_is_installed(source):
    assert engine_packages(facts("Debian 13"), source, installed=True)["packages"] == ["python3-requests", "nftables"]


def test_red_hats_distributions_have_no_engine_of_their_own():
    assert engine_packages(facts("Rocky 9", "RedHat"), "distribution")["packages"] == []


def test_all_that_are_supported_are_named():
    assert engine_packages({}, "none")["supported_distributions"] == (
        "Debian 12, Debian 13, Ubuntu 22, Ubuntu 24, Ubuntu 26, and with docker_engine_source: docker"
        " CentOS, Rocky, AlmaLinux, RedHat 9 and 10 and Fedora"
    )


@pytest.mark.parametrize(("given", "source"), [(None, "none"), ({}, "snap")])
def test_other_arguments_are_refused(given, source):
    with pytest.raises(AnsibleFilterError, match="allowed: facts of a host, and one of distribution, docker, none"):
        engine_packages(given, source)
