# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine as a service: what it was started with, whether it answers, and how it is made to read its file again."""

from __future__ import annotations

import http.client
import os
import re
import tempfile
import time
from typing import Any, Callable, NamedTuple

from ansible_collections.whisperops.gpu.plugins.module_utils._docker.command_line import (
    CommandLine,
    command_line,
    start_arguments,
)
from ansible_collections.whisperops.gpu.plugins.module_utils._docker.daemon_config import DaemonConfigError
from ansible_collections.whisperops.gpu.plugins.module_utils._docker_api.client import Engine
from ansible_collections.whisperops.gpu.plugins.module_utils._problem import InspectionError
from ansible_collections.whisperops.gpu.plugins.module_utils._system.run_command import Runner, Which

# What systemd says of its service, and what the engine logs when nothing is wrong.
_NOISE = re.compile(
    r"(Start|Stopp|Clos|Listen|Deactivat|Trigger)(ing|ed)\b|\S+\.(service|socket): |Failed to (start|listen)"
    r"|time=.* level=(info|debug)"
)
_LAST_WORDS = 4


def ask(path: str, target: str) -> Any:
    """The engine's answer, None where it gives none."""
    engine = Engine(path, 10)
    try:
        with engine.request("GET", target) as response:
            if target == "/_ping" and response.status == http.client.OK:
                return response.read().decode("utf-8", "replace")
            return engine.document(response, f"answer {target}")
    except InspectionError:
        return None


def read_text(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as handle:
            return handle.read()
    except OSError:
        return ""


class Host(NamedTuple):
    """Everything from outside comes in here, so that tests can bring an engine of their own."""

    runner: Runner
    which: Which
    ask: Callable[[str, str], Any] = ask
    read: Callable[[str], str] = read_text
    sleep: Callable[[float], None] = time.sleep


class EngineService:
    def __init__(self, host: Host, service: str, socket_path: str, timeout_seconds: float) -> None:
        self._host = host
        self._service = service
        self._socket = socket_path
        self._timeout = timeout_seconds

    def command_line(self) -> CommandLine:
        """That of the process that runs, and what a start would give it now, which may be more."""
        shown = self._systemctl("show", self._service, "--property=MainPID,ExecStart,EnvironmentFiles")
        pid = next((line[8:] for line in shown.splitlines() if line.startswith("MainPID=")), "0")
        if not pid or pid == "0":
            pid = self._host.read("/run/docker.pid").strip() or "0"
        running = self._host.read(f"/proc/{pid}/cmdline").split("\0")[1:] if pid.isdigit() and pid != "0" else []
        return command_line([*start_arguments(shown, self._host.read), *running])

    def runs(self) -> bool:
        return self._host.ask(self._socket, "/_ping") is not None

    def refuse_unmanaged(self) -> None:
        """Before the file is touched: an engine started by hand could not be brought to read it."""
        if self._systemctl_code("is-active", "--quiet", self._service) != 0:
            raise DaemonConfigError(
                f"daemon_config_not_applied: an engine answers at {self._socket}, but it is not systemd's service"
                f" {self._service}. Nothing was changed. Set restart: false and restart the engine yourself, or name"
                " its service."
            )

    def validate(self, content: bytes) -> bool:
        """Whether the engine could be asked; engines before 23.0 cannot."""
        dockerd = self._host.which("dockerd")
        if dockerd is None or "--validate" not in self._host.runner([dockerd, "--help"]).out:
            return False
        handle, path = tempfile.mkstemp(prefix="daemon.json.")
        try:
            with os.fdopen(handle, "wb") as stream:
                stream.write(content)
            result = self._host.runner([dockerd, "--validate", "--config-file", path])
        finally:
            os.unlink(path)
        if result.rc != 0:
            said = (result.err.strip() or result.out.strip()).replace(path, "daemon.json")
            raise DaemonConfigError(
                f"daemon_config_refused: dockerd --validate says: {said}. Nothing was changed. Correct the settings."
            )
        return True

    def reload(self, settings: dict[str, Any]) -> bool:
        """Whether the engine took the new settings up: it only logs when it does not."""
        if self._systemctl_code("reload", self._service) != 0:
            return False
        return self._wait(lambda: self._has_taken_up(settings), min(self._timeout, 10))

    def restart(self) -> bool:
        # systemd counts quick restarts, and refuses the sixth (the fourth in Docker's own unit).
        self._systemctl_code("reset-failed", self._service)
        if self._systemctl_code("restart", self._service) != 0:
            return False
        return self._wait(self.runs, self._timeout)

    def last_words(self) -> str:
        journalctl = self._host.which("journalctl")
        if journalctl is None:
            return ""
        result = self._host.runner(
            [journalctl, "--unit", self._service, "--lines", "40", "--output", "cat", "--no-pager"]
        )
        told = [line for line in result.out.splitlines() if line.strip() and not _NOISE.match(line)]
        return " | ".join(told[-_LAST_WORDS:])

    def _has_taken_up(self, settings: dict[str, Any]) -> bool:
        info = self._host.ask(self._socket, "/info")
        if not isinstance(info, dict):
            return False
        wanted = settings.get("runtimes")
        default = settings.get("default-runtime", info.get("DefaultRuntime"))
        known = info.get("Runtimes")
        return (not isinstance(wanted, dict) or (isinstance(known, dict) and set(wanted) <= set(known))) and info.get(
            "DefaultRuntime"
        ) == default

    def _wait(self, done: Callable[[], bool], seconds: float) -> bool:
        for _attempt in range(max(1, int(seconds * 2))):
            if done():
                return True
            self._host.sleep(0.5)
        return False

    def _systemctl(self, *arguments: str) -> str:
        systemctl = self._host.which("systemctl")
        return self._host.runner([systemctl, *arguments]).out if systemctl else ""

    def _systemctl_code(self, *arguments: str) -> int | None:
        systemctl = self._host.which("systemctl")
        if systemctl is None:
            raise DaemonConfigError(
                "daemon_config_not_applied: there is no systemctl here to restart the engine with. Nothing was changed."
                " Set restart: false and restart the engine yourself."
            )
        return self._host.runner([systemctl, *arguments]).rc
