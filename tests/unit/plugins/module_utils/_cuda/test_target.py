"""One target in the spellings of drivers, compilers and build systems."""

from __future__ import annotations

import pytest
from ansible_collections.whisperops.gpu.plugins.module_utils._cuda.target import Target


@pytest.mark.parametrize("text", ["61", "sm_61", "compute_61", "61-real", "61-virtual"])
def test_compilers_and_cmake_write_one_target_in_several_ways(text) -> None:
    assert Target.parse(text) == Target.of_gpu("6.1") == Target(6, 1)


@pytest.mark.parametrize("text", ["90a", "100f", "120a"])
def test_a_target_keeps_its_suffix(text) -> None:
    assert str(Target.parse(f"sm_{text}")) == text


def test_the_last_digit_is_the_minor_version() -> None:
    assert Target.parse("compute_121").compute_capability == (12, 1)


def test_a_target_is_written_as_each_reader_wants_it() -> None:
    target = Target.of_gpu("12.0")
    assert (str(target), target.real, str(target.compute_capability)) == ("120", "120-real", "12.0")


@pytest.mark.parametrize("text", ["", "6.1", "61b", "sm61", "1", "61-", "6१"])
def test_what_is_no_target_is_refused(text) -> None:
    with pytest.raises(ValueError, match="is not a code target"):
        Target.parse(text)


@pytest.mark.parametrize("text", ["", "61", "6.1.0", "pascal", "6.", "[N/A]"])
def test_what_is_no_compute_capability_is_refused(text) -> None:
    with pytest.raises(ValueError, match="is not a compute capability"):
        Target.of_gpu(text)


def test_targets_are_ordered_by_number() -> None:
    assert sorted(["120f", "90a", "61", "90", "100"], key=Target.parse) == ["61", "90", "90a", "100", "120f"]
