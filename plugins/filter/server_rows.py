# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import re
from typing import Any, Callable, Mapping

from ansible.errors import AnsibleFilterError

# As much of a digest as tells two images apart, and no more than a table has room for.
DIGEST = re.compile(r"(@sha256:.{12}).*")
NO_SERVER = {"gpu": None, "port": None}


def server_rows(
    plan: Any,
    gpu_info: Any,
    host: str,
    deployed: Mapping[str, Any] | None = None,
) -> list[dict[str, Any]]:
    """One row for each server of the plan, then one for each GPU that the driver does not offer.

    ``deployed`` has the keys ``image``, ``endpoints`` and ``proofs``, as far as the run came.
    """
    if not isinstance(plan, Mapping) or not isinstance(gpu_info, Mapping):
        raise AnsibleFilterError(
            f"whisperops.gpu.server_rows: got {type(plan).__name__} and {type(gpu_info).__name__}; allowed: the results"
            " of whisperops.gpu.deployment_plan and whisperops.gpu.nvidia_gpu_info."
        )
    done = deployed or {}
    endpoints, proofs = done.get("endpoints") or (), done.get("proofs") or ()
    gpus = {gpu.get("uuid"): gpu for gpu in reversed(gpu_info.get("gpus") or ()) if gpu.get("uuid")}
    shown_image = DIGEST.sub(r"\1", str(done.get("image") or plan.get("image")))
    rows = []
    # Servers, endpoints and proofs are in the same order: that of the plan.
    for number, server in enumerate(plan.get("servers") or [NO_SERVER]):
        endpoint: Mapping[str, Any] = endpoints[number] if number < len(endpoints) else {}
        proof: Mapping[str, Any] = proofs[number] if number < len(proofs) else {}
        rows.append(
            {
                "host": host,
                "runs on": _device(gpus.get(server.get("gpu")), plan),
                "verdict": plan.get("verdict"),
                "image": shown_image,
                "model": server.get("model") or plan.get("model"),
                "server": endpoint.get("public_url", server.get("port")),
                "speed": speed(proof),
                "transcript": proof.get("text", "-"),
            }
        )
    for gpu in gpu_info.get("unavailable_gpus") or ():
        rows.append(
            {
                "host": host,
                "runs on": f"GPU {gpu.get('name') or gpu.get('pci_bus_id') or gpu.get('index')}",
                "verdict": gpu.get("code"),
                "image": None,
                "model": None,
                "server": None,
                "speed": None,
                "transcript": "-",
            }
        )
    return rows


def speed(proof: Mapping[str, Any]) -> str:
    """How many seconds of speech a second of work transcribes; ``-`` where that is not known."""
    factor = proof.get("real_time_factor")
    return f"{round(1 / factor, 1)} x real time" if factor else "-"


def _device(gpu: Mapping[str, Any] | None, plan: Mapping[str, Any]) -> str:
    if gpu:
        return f"GPU {gpu.get('name')} ({gpu.get('compute_capability')})"
    return "CPU" if plan.get("runtime") == "cpu" else "-"


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"server_rows": server_rows}
