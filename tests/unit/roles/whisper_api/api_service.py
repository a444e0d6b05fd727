"""One running service for the tests that leave it as it is, here and in a browser."""

from __future__ import annotations

import pytest
from api_host import StubServer, running_service


# To start one takes longer than most tests do.
@pytest.fixture(scope="session")
def shared(tmp_path_factory):
    stub = StubServer()
    with running_service(tmp_path_factory.mktemp("service"), [stub]) as running:
        yield running
    stub.close()


@pytest.fixture
def service(shared):
    """With `service.server`, as it is at first, behind it."""
    shared.server.reset()
    shared.decoder.started = 0
    return shared
