# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One look at a host: all that its plan is made from."""

from __future__ import annotations

import os
import platform
import re
from typing import Any, Callable

from ansible_collections.whisperops.gpu.plugins.module_utils._docker_api.client import DAEMON_PROGRAMS, SOCKET
from ansible_collections.whisperops.gpu.plugins.module_utils._host import files, firewall, services
from ansible_collections.whisperops.gpu.plugins.module_utils._host.cores import cores
from ansible_collections.whisperops.gpu.plugins.module_utils._host.engine import NOTHING, EngineState, observe_engine
from ansible_collections.whisperops.gpu.plugins.module_utils._host.packages import ENGINE, OTHERS, TOOLKIT, packages
from ansible_collections.whisperops.gpu.plugins.module_utils._system import run_command

APPLIED = "/etc/whisper/applied.json"
PLAN = "/etc/whisper/plan.json"
CRASHED_IMAGES = "/etc/whisper/crashed_images.json"
LOCK = "/run/whisperops.lock"
DOCKER_ROOT = "/var/lib/docker"
UNITS = ("docker.service", "whisper-proof.timer", "nvidia-cdi-refresh.path", firewall.UNIT, "whisper-activator.service")

_SETTING = re.compile(r"""^([A-Z_]+)=["']?(.*?)["']?$""", re.MULTILINE)
_SELINUX = {"1": "enforcing", "0": "permissive"}
# A line of /proc/net/tcp: the number, the local address and port, the other side's, and the state (0A: it listens).
_LISTENING = re.compile(r"\s*\d+: [0-9A-F]+:([0-9A-F]{4}) [0-9A-F]+:[0-9A-F]{4} 0A ")
_LONGEST = 64 * 1024


class Observer:
    """Everything from outside comes in here, so that tests can bring a host of their own."""

    def __init__(
        self,
        root: str = "/",
        runner: run_command.Runner = run_command.run,
        which: run_command.Which = run_command.which,
        engine: Callable[[str], EngineState] = observe_engine,
    ) -> None:
        self._root = root
        self._run = runner
        self._which = which
        self._engine = engine

    def observe(self, model_dir: str, speech_dir: str, docker_host: str) -> dict[str, Any]:
        """Raises InspectionError where ``docker_host`` is no socket of the host."""
        unseen: list[str] = []
        found = packages(ENGINE + TOOLKIT + OTHERS + services.PACKAGES, self._run, self._which)
        if found is None:
            unseen.append("packages: the host has neither dpkg nor rpm.")
        engine = self._engine(docker_host) if self._exists(SOCKET) else NOTHING
        if engine.error:
            unseen.append(f"Docker Engine: {engine.error}")
        units = self._units()
        return {
            "distribution": self._distribution(),
            "cores": cores(self._text),
            "packages": None
            if found is None
            else {name: one._asdict() for name, one in found.items() if name not in services.PACKAGES},
            "engine": {
                "installed": self._exists(SOCKET) or any(map(self._exists, DAEMON_PROGRAMS)),
                "version": engine.version,
                "storage_driver": engine.storage_driver,
                "root": engine.root,
                "rootless": engine.rootless,
                "limits": engine.limits,
            },
            "servers": engine.servers,
            "images": engine.images,
            "files": files.digests(files.OWN_FILES, self._root),
            "speech": files.digests([os.path.join(speech_dir, "*")], self._root),
            "models": files.models(self._path(model_dir)),
            "units": {name: state for name, state in units.items() if name in UNITS},
            "firewall": firewall.loaded(self._run, self._which),
            "ports": self._ports(),
            "free_mib": {path: files.free_mib(self._path(path)) for path in (engine.root or DOCKER_ROOT, model_dir)},
            "selinux": _SELINUX.get(self._text("/sys/fs/selinux/enforce").strip(), "disabled"),
            "applied": files.document(self._path(APPLIED)),
            "plan": files.document(self._path(PLAN)),
            "crashed_images": files.document(self._path(CRASHED_IMAGES)) or {},
            "lock": files.document(self._path(LOCK)),
            "services": {
                "packages": None
                if found is None
                else {name: one.version for name, one in found.items() if name in services.PACKAGES},
                "units": {name: state for name, state in units.items() if name in services.UNITS},
                **services.observe(self._root),
            },
            "unseen": unseen,
        }

    def _path(self, path: str) -> str:
        return os.path.join(self._root, path.lstrip("/"))

    def _exists(self, path: str) -> bool:
        return os.path.exists(self._path(path))

    def _text(self, path: str) -> str:
        try:
            with open(self._path(path), encoding="utf-8", errors="replace") as file:
                return file.read(_LONGEST)
        except OSError:
            return ""

    def _distribution(self) -> dict[str, str | None]:
        settings = dict(_SETTING.findall(self._text("/etc/os-release")))
        return {
            "id": settings.get("ID"),
            "version_id": settings.get("VERSION_ID"),
            "name": settings.get("PRETTY_NAME"),
            "machine": platform.machine(),
        }

    def _units(self) -> dict[str, str]:
        """Whether each is active, in the words of systemd; nothing where the host runs without it."""
        if not self._exists("/run/systemd/system"):
            return {}
        names = UNITS + services.UNITS
        answer = self._run(["systemctl", "is-active", *names]).out.split()
        return dict(zip(names, answer)) if len(answer) == len(names) else {}

    def _ports(self) -> list[int]:
        """TCP ports that something listens on, from the kernel's own list."""
        lines = (self._text("/proc/net/tcp") + self._text("/proc/net/tcp6")).splitlines()
        return sorted({int(found.group(1), 16) for found in map(_LISTENING.match, lines) if found})
