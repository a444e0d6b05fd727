"""A container that gets its GPU by CDI, without Docker: proven with its devices, and not without them.

Needs nvidia-ctk of the NVIDIA Container Toolkit, and runc or crun.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import measuring
import oci_container
import pytest
from test_proof import prove, record


@pytest.fixture(scope="module")
def edits(gpu, work):
    if shutil.which("nvidia-ctk") is None:
        pytest.skip("nvidia-ctk is not in PATH: nothing writes a CDI specification")
    return oci_container.specification(gpu.uuid, work)


@pytest.fixture
def contained(bench, work):
    """Makes a server from a CDI specification's edits."""

    def server(edits):
        bundle = oci_container.Bundle(work / "bundle", bench.server, measuring.SMOKE_MODEL, edits)
        runtime, reason = oci_container.runtime_for(bundle)
        if runtime is None:
            pytest.skip(f"no container can be started here: {reason}")
        print(f"\n  {' '.join(runtime)}", flush=True)
        return oci_container.Server(runtime, bundle)

    return server


def test_a_server_in_a_hardened_container_is_proven(bench, contained, edits):
    assert edits["deviceNodes"], "a container without a device would be no proof"
    with contained(edits) as server:
        status = dict(line.split(":\t", 1) for line in Path(f"/proc/{server.pid}/status").read_text().splitlines())
        root = os.statvfs(f"/proc/{server.pid}/root").f_flag
        found = prove(server, bench.gpu, "native")
    assert status["Uid"].split() == [str(oci_container.USER)] * 4
    assert (int(status["CapEff"], 16), int(status["CapBnd"], 16), status["NoNewPrivs"]) == (0, 0, "1")
    assert root & os.ST_RDONLY
    record(bench.results, "in a container by CDI, without root and read-only", True, found)


def test_a_container_that_has_the_driver_and_no_device_is_not(bench, contained, edits):
    with contained({**edits, "deviceNodes": []}) as server:
        found = prove(server, bench.gpu, "native")
    record(bench.results, "in a container with the driver's libraries and no device", False, found)
    assert found["expected_similarity"] == 1.0, "it transcribes all the same: that is what deceives"
