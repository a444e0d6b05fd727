"""What of the toolkit is there: dpkg's lines as Debian 12 gives them, rpm's in the form that it is asked for."""

from __future__ import annotations

import pytest
from ansible_collections.whisperops.gpu.plugins.filter.toolkit_packages import toolkit_packages
from ansible_collections.whisperops.gpu.plugins.module_utils._host.packages import TOOLKIT as PACKAGES

TOOLKIT, BASE = PACKAGES[:2]
# dpkg-query --show --showformat '${Package} ${Version} ${db:Status-Abbrev}\n'
BARE = "ca-certificates 20230311+deb12u1 ii \ngnupg2  un \ngpg 2.2.40-1.1+deb12u2 hi \n"
# rpm --query --queryformat '%{NAME} %{VERSION}-%{RELEASE} ii\n'
RPM = "".join(f"{name} 1.19.1-1 ii\n" for name in PACKAGES) + "package gnupg2 is not installed\n"


def dpkg(version, status="ii", packages=PACKAGES):
    return "".join(f"{name} {version} {status} \n" for name in packages)


def test_a_bare_host_has_none_of_it():
    state = toolkit_packages(BARE, "1.19.1")
    assert state == {
        "installed": {"ca-certificates": "20230311+deb12u1", "gpg": "2.2.40-1.1+deb12u2"},
        "version": "",
        "due": True,
        "held_by_owner": ["gpg"],
        "held_at_other_versions": ["gpg 2.2.40-1.1+deb12u2"],
    }


@pytest.mark.parametrize("query", [dpkg("1.19.1-1"), RPM, dpkg("1.19.1-1", "hi")])
def test_four_packages_of_the_wanted_version_are_enough(query):
    state = toolkit_packages(query, "1.19.1")
    assert (state["version"], state["due"], state["held_at_other_versions"]) == ("1.19.1", False, [])


@pytest.mark.parametrize(
    "query",
    [
        "",
        None,
        dpkg("1.19.0-1"),
        dpkg("1.19.1-2"),
        dpkg("1.19.1-1", packages=PACKAGES[:3]),
        dpkg("1.19.1-1", "rc"),
        dpkg("1.19.1-1", "iU"),
    ],
)
def test_anything_less_is_installed(query):
    assert toolkit_packages(query, "1.19.1")["due"] is True


def test_with_a_toolkit_of_the_owner_nothing_is_installed():
    assert toolkit_packages("", "1.19.1", "none")["due"] is False


def test_the_release_is_told_without_the_number_of_its_package():
    assert toolkit_packages(dpkg("1.20.0~rc.1-1"), "1.19.1")["version"] == "1.20.0~rc.1"
    assert toolkit_packages(dpkg("1.20.0"), "1.19.1")["version"] == "1.20.0"


def test_a_hold_of_the_role_is_none_of_the_owner():
    state = toolkit_packages(dpkg("1.18.0-1", "hi", PACKAGES[:2]), "1.19.1", "nvidia", [BASE])
    assert state["held_by_owner"] == [TOOLKIT]
    assert state["held_at_other_versions"] == ["nvidia-container-toolkit 1.18.0-1"]


def test_a_package_that_is_not_installed_can_be_held():
    state = toolkit_packages(f"{TOOLKIT}  hn \n", "1.19.1")
    assert state["installed"] == {}
    assert state["held_at_other_versions"] == ["nvidia-container-toolkit not installed"]
