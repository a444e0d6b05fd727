"""Makes ``ansible_collections.whisperops.gpu`` importable from this checkout.

With Ansible installed its own collection loader does it (under ansible-test it stands already); a Python that only
a managed host would have gets the link that `make setup` makes.
"""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from typing import Iterator

import pytest
from hypothesis import settings

COLLECTIONS = Path(__file__).resolve().parents[2] / ".collections"

try:
    from ansible.utils.collection_loader import _collection_finder as finder
except ImportError:
    sys.path.insert(0, str(COLLECTIONS))
else:
    if not any(isinstance(entry, finder._AnsibleCollectionFinder) for entry in sys.meta_path):
        finder._AnsibleCollectionFinder(paths=[str(COLLECTIONS)])._install()

# No deadline for an example: how busy the machine is says nothing of the code.
settings.register_profile("busy", deadline=None)
settings.load_profile("busy")

# What reads without end, or waits for what never comes, fails here. No test has a stopwatch of its own: how long
# something takes is for tests/bench.
LONGEST_TEST_SECONDS = 300


def _too_long(_signal: int, _frame: object) -> None:
    pytest.fail(f"not ended after {LONGEST_TEST_SECONDS} seconds")


@pytest.fixture(autouse=True)
def _each_test_ends() -> Iterator[None]:
    signal.signal(signal.SIGALRM, _too_long)
    signal.alarm(LONGEST_TEST_SECONDS)
    yield
    signal.alarm(0)
