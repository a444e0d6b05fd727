"""Version numbers, of whatever tool."""

from __future__ import annotations

import pytest
from ansible_collections.whisperops.gpu.plugins.module_utils._cuda.versions import Version, driver_version_in
from hypothesis import given
from hypothesis import strategies as st


def test_a_version_has_its_dots_as_text_and_equals_the_numbers_of_a_table() -> None:
    version = Version.parse("550.54.14")
    assert (str(version), f"{version}", version) == ("550.54.14", "550.54.14", (550, 54, 14))


def test_versions_are_ordered_by_number() -> None:
    assert Version.parse("1.9.1") < Version.parse("1.19.1") < Version.parse("1.19.1.1")


@pytest.mark.parametrize(("version", "minor"), [("12.4.1", "12.4"), ("12.4", "12.4"), ("12", "12.0")])
def test_a_version_has_a_minor_version(version, minor) -> None:
    assert str(Version.parse(version).minor) == minor


@pytest.mark.parametrize("text", ["", "13.x", "v550", "550.", "५.१"])
def test_what_is_no_version_is_refused(text) -> None:
    with pytest.raises(ValueError, match="is not a version number"):
        Version.parse(text)


@pytest.mark.parametrize(("text", "version"), [("1.20.0-rc.1", (1, 20, 0)), ("unknown", ()), ("", ())])
def test_a_version_ends_where_its_numbers_end(text, version) -> None:
    assert Version.leading(text) == version


@given(st.text())
def test_a_version_in_any_text_can_be_compared(text) -> None:
    assert isinstance(Version.leading(text), tuple)
    assert Version.leading(driver_version_in(text) or "") < (100000,)


def test_a_driver_version_is_found_in_a_sentence() -> None:
    assert driver_version_in("NVIDIA UNIX x86_64 Kernel Module  550.163.01  Tue Apr  8") == "550.163.01"
