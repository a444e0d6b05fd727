"""A host's Docker Engine as far as a change of daemon.json meets it."""

from __future__ import annotations

import json

from ansible_collections.whisperops.gpu.plugins.module_utils._docker import change
from ansible_collections.whisperops.gpu.plugins.module_utils._docker.daemon_file import DaemonFile
from ansible_collections.whisperops.gpu.plugins.module_utils._docker.engine_service import EngineService, Host
from ansible_collections.whisperops.gpu.plugins.module_utils._system.run_command import Result

RUNTIME = {"runtimes": {"nvidia": {"path": "nvidia-container-runtime"}}}
# Debian 13, docker.io 26.1.5: systemctl show docker --property=MainPID,ExecStart,EnvironmentFiles
SHOWN = """MainPID=1230
ExecStart={ path=/usr/sbin/dockerd ; argv[]=/usr/sbin/dockerd -H fd:// \
--containerd=/run/containerd/containerd.sock \
$DOCKER_OPTS ; ignore_errors=no ; start_time=[Sun 2026-11-22 20:13:08 UTC] ; stop_time=[n/a] ; pid=1230 ; \
code=(null) ; status=0/0 }
EnvironmentFiles=/etc/default/docker (ignore_errors=yes)
"""


# The end of what journalctl --unit docker --output cat said of that engine with an address that is none.
JOURNAL = """time="2026-11-22T20:15:07.310520Z" level=info msg="stopping event stream following graceful shutdown"
docker.service: Deactivated successfully.
Stopped docker.service - Docker Application Container Engine.
Starting docker.service - Docker Application Container Engine...
docker.service: Referenced but unset environment variable evaluates to an empty string: DOCKER_OPTS
failed to start daemon: Error initializing network controller: invalid CIDR address: 10.0.0.256/24
docker.service: Main process exited, code=exited, status=1/FAILURE
docker.service: Failed with result 'exit-code'.
Failed to start docker.service - Docker Application Container Engine.
"""


class Engine:
    """A host's engine as far as the module meets it; `accepts` says which daemon.json it comes up with."""

    def __init__(self, path, accepts=lambda settings: True, runs=True):
        self.path, self.accepts, self.runs = path, accepts, runs
        self.done = []
        self.validates = False
        self.arguments = "dockerd\0-H\0fd://\0"
        self.defaults = ""
        self.settings = self.read_settings()

    def read_settings(self):
        text = DaemonFile(str(self.path)).read()
        return json.loads(text) if text and text.strip() else {}

    def service(self):
        host = Host(self.run, lambda name: f"/bin/{name}", self.ask, self.read, lambda seconds: None)
        return EngineService(host, "docker", "/run/docker.sock", 2)

    def run(self, arguments):
        name, *rest = arguments
        if name == "/bin/dockerd":
            return Result(0, "--validate" if self.validates else "", "")
        if name == "/bin/journalctl":
            return Result(0, JOURNAL, "")
        if rest[0] == "show":
            return Result(0, SHOWN, "")
        if rest[0] in ("restart", "reload"):
            self.done.append(rest[0])
            if not self.accepts(self.read_settings()):
                self.runs = self.runs and rest[0] == "reload"
                return Result(0 if rest[0] == "reload" else 1, "", "")
            self.runs, self.settings = True, self.read_settings()
        return Result(0, "", "")

    def ask(self, socket, target):
        if not self.runs:
            return None
        if target == "/_ping":
            return "OK"
        return {
            "DefaultRuntime": self.settings.get("default-runtime", "runc"),
            "Runtimes": {"runc": {}, **self.settings.get("runtimes", {})},
        }

    def read(self, path):
        return {"/proc/1230/cmdline": self.arguments, "/etc/default/docker": self.defaults}.get(path, "")


def apply(path, engine, settings=None, absent=(), backup=False, **more):
    file, service = DaemonFile(str(path)), engine.service()
    engine.arguments += f"--config-file\0{path}\0"
    planned = change.plan(file, service, change.Request(settings or {}, absent, **more))
    planned.applied = change.way_to_apply(planned, service)
    if planned.changed:
        change.carry_out(planned, file, service, backup)
    return planned
