# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The proof of one pod by the same code as on hosts: only the process, its log and its GPU are found another way."""

from __future__ import annotations

from http.client import HTTPException
from typing import Any, Callable, Mapping

from ansible_collections.whisperops.gpu.plugins.module_utils._kubernetes.names import SERVER
from ansible_collections.whisperops.gpu.plugins.module_utils._prover.node import Node
from ansible_collections.whisperops.gpu.plugins.module_utils._prover.pods import ServerPod
from ansible_collections.whisperops.gpu.plugins.module_utils._prover.verdict import Verdict, gpu_unknown, verdict
from ansible_collections.whisperops.gpu.plugins.module_utils._whisper.address import host_port
from ansible_collections.whisperops.gpu.plugins.module_utils._whisper.proof import Prover
from ansible_collections.whisperops.gpu.plugins.module_utils._whisper.server_process import Request, Server

# GPU-… of a GPU that the device plugin shares is followed by the number of the share.
_SHARE = "::"


class PodProver:
    """Everything from outside comes in here, so that tests can bring a node of their own."""

    def __init__(
        self,
        settings: Mapping[str, Any],
        log: Callable[[str, str], str],
        node: Node | None = None,
        prover: Callable[[Callable[[Request], Server]], Prover] = lambda server: Prover(server=server),
    ) -> None:
        """
        :param settings: audio, expected_text, language, similarity, timeout_seconds, watch_seconds, port, path.
        :param log: the log of a pod's container.
        """
        self._settings = settings
        self._log = log
        self._node = node or Node()
        self._prover = prover

    def prove(self, pod: ServerPod) -> Verdict:
        given = self._settings
        pid = self._node.process_of(pod.container)
        gpu = self.gpu_of(pod, pid) if pod.on_gpu else None
        if pod.on_gpu and gpu is None:
            return gpu_unknown()
        url = f"http://{host_port(pod.address, given['port'])}{given['path']}"
        request = Request(
            url=url,
            audio=given["audio"],
            expected_text=given["expected_text"],
            language=given["language"] or None,
            timeout_seconds=given["timeout_seconds"],
            gpu=gpu,
            device_code=pod.device_code,
            watch_seconds=given["watch_seconds"],
        )
        try:
            log = self._log(pod.name, SERVER)
        except (OSError, HTTPException):
            log = None
        server = Server(pid, log, log or "")
        try:
            result = self._prover(lambda _request: server).prove(request)
        except Exception as error:  # a proof that cannot be made is none, whatever kept it from being made
            result = {"error": repr(error)}
        return verdict(result, url, gpu, given["similarity"])

    def gpu_of(self, pod: ServerPod, pid: int | None) -> str | None:
        """UUID of the one GPU or MIG device that the pod has, by the API or else by its device nodes."""
        named = {device.partition(_SHARE)[0] for device in pod.devices}
        uuids = [name for name in named if name.startswith(("GPU-", "MIG-"))]
        if uuids:
            return uuids[0] if len(uuids) == 1 else None
        gpus = self._node.gpus()
        found = [gpu.uuid for gpu in gpus if str(gpu.index) in named]
        if not found and pid is not None:
            held = [gpu for gpu in gpus if gpu.uuid and self._node.gives(pid, gpu.uuid)]
            slices = [one.uuid for gpu in held for one in gpu.mig_devices or ()]
            found = slices if any(gpu.mig_mode for gpu in held) else [gpu.uuid for gpu in held]
        return found[0] if len(found) == 1 else None
