# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can be learned of a server that fails, for `cause` to judge. Private to this collection."""

from __future__ import annotations

from typing import Callable

from ansible_collections.whisperops.gpu.plugins.module_utils._gpu import fabric
from ansible_collections.whisperops.gpu.plugins.module_utils._gpu.detect import Detector
from ansible_collections.whisperops.gpu.plugins.module_utils._gpu.open_devices import OpenDevices
from ansible_collections.whisperops.gpu.plugins.module_utils._whisper.facts import Facts
from ansible_collections.whisperops.gpu.plugins.module_utils._whisper.log import last_words, read_log
from ansible_collections.whisperops.gpu.plugins.module_utils._whisper.server_process import Server


def investigate(
    server: Server,
    devices: OpenDevices,
    detector: Detector,
    gpu: str | None,
    look_at_fabric: Callable[[], fabric.Fabric] = fabric.look,
) -> Facts:
    container, report = server.container, detector.report()
    inside, kernel = devices.uvm_numbers(server.pid) if server.pid else (None, None)
    return Facts(
        host_problems=report.problems,
        log=None if server.log is None else read_log(server.log),
        last_words=last_words(server.last_lines),
        command=container.command if container else (),
        has_gpu=container.has_gpu if container else None,
        nodes_in_container=devices.sees_node(container.pid, "dev/nvidiactl") if container and container.pid else None,
        libraries=devices.libraries(server.pid) if server.pid else (),
        ending=server.ending,
        gpus=report.gpus,
        gpu=gpu,
        kernel_module=report.driver.kernel_module_version,
        fabric=look_at_fabric(),
        uvm_in_container=inside,
        uvm_of_kernel=kernel,
    )
