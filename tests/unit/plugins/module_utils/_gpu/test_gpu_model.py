"""Names and addresses."""

from __future__ import annotations

import pytest
from ansible_collections.whisperops.gpu.plugins.module_utils._cuda.target import Target
from ansible_collections.whisperops.gpu.plugins.module_utils._gpu.model import architecture_of, branch_of
from ansible_collections.whisperops.gpu.plugins.module_utils._gpu.pci import canonical_bus_id, kernel_bus_id
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("capability", "name"),
    [
        ("3.7", "kepler"),
        ("5.2", "maxwell"),
        ("6.1", "pascal"),
        ("7.0", "volta"),
        ("7.2", "volta"),
        ("7.5", "turing"),
        ("8.0", "ampere"),
        ("8.6", "ampere"),
        ("8.9", "ada"),
        ("9.0", "hopper"),
        ("10.0", "blackwell"),
        ("10.7", "rubin"),
        ("12.1", "blackwell"),
        ("12.5", "blackwell"),
        ("99.0", None),
    ],
)
def test_an_architecture_has_one_name_and_an_unknown_one_has_none(capability, name):
    assert architecture_of(Target.of_gpu(capability)) == name


def test_a_gpu_of_no_known_compute_capability_has_no_architecture():
    assert architecture_of(None) is None


def test_the_branch_is_the_first_group():
    assert (branch_of("550.163.01"), branch_of(None)) == ("550", None)


@pytest.mark.parametrize("text", ["0000:0f:00.0", "00000000:0F:00.0", "0f:00.0"])
def test_all_ways_to_write_a_pci_address_are_one(text):
    assert canonical_bus_id(text) == "00000000:0F:00.0"
    assert kernel_bus_id("00000000:0F:00.0") == "0000:0f:00.0"


@given(st.text())
def test_what_is_no_pci_address_is_none(text):
    found = canonical_bus_id(text)
    assert found is None or canonical_bus_id(found) == found
