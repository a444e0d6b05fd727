"""whisper-server in a container of runc or crun, without an engine, hardened as the role hardens it.

The bundle has the program and its libraries and no driver; the CDI specification that nvidia-ctk writes brings that.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import stat
import subprocess
from pathlib import Path
from typing import Any, Mapping, Sequence

import whisper_process

USER = 10001
PROGRAM, MODEL = Path("/whisper/whisper-server"), Path("/model.bin")
# The driver's libraries belong to its kernel module, so that images have none.
DRIVER_LIBRARY = re.compile(r"lib(cuda|nvidia-[\w-]+)\.so")
# The first that starts a container is taken: not every machine lets its root make cgroups.
RUNTIMES = (("runc",), ("crun",), ("crun", "--cgroup-manager=disabled"))
MOUNTS = (
    ("proc", "proc", "proc", ("nosuid", "noexec", "nodev")),
    ("dev", "tmpfs", "tmpfs", ("nosuid", "noexec", "mode=755")),
    ("tmp", "tmpfs", "tmpfs", ("nosuid", "noexec", "nodev", "mode=1777")),
    ("sys", "bind", "/sys", ("rbind", "ro")),
)


def specification(uuid: str, folder: Path) -> dict[str, Any]:
    """What a container gets to use this GPU, as nvidia-ctk finds it: the edits for all GPUs and those for this one."""
    path = folder / "cdi.json"
    command = ["nvidia-ctk", "cdi", "generate", "--format=json", "--device-name-strategy=uuid", f"--output={path}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(command)}:\n{done.stderr}"
    written = json.loads(path.read_text())
    device = next(one for one in written["devices"] if one["name"] == uuid)
    parts = [written.get("containerEdits", {}), device["containerEdits"]]
    return {key: [one for part in parts for one in part.get(key) or ()] for part in parts for key in part}


class Bundle:
    """`edits`: those of a CDI specification."""

    def __init__(self, folder: Path, binary: Path, model: Path, edits: Mapping[str, Any]) -> None:
        shutil.rmtree(folder, ignore_errors=True)
        self.folder, self._model, self._edits = folder, model, edits
        root = folder / "rootfs"
        for name in ("etc", PROGRAM.parent.name, *(mount[0] for mount in MOUNTS)):
            (root / name).mkdir(parents=True)
        shutil.copy(binary, root / PROGRAM.relative_to("/"))
        for library in _libraries(binary):
            # The loader where the program names it, the others beside the program.
            name = library if "/ld-" in library else str(PROGRAM.with_name(Path(library).name))
            target = root / name.lstrip("/")
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(library, target)

    def write(self, arguments: Sequence[str]) -> None:
        devices = [_device(node) for node in self._edits.get("deviceNodes", ())]
        hooks: dict[str, list[dict[str, Any]]] = {}
        for hook in self._edits.get("hooks", ()):
            hooks.setdefault(hook["hookName"], []).append({key: hook[key] for key in hook if key != "hookName"})
        mounts = [
            {"destination": f"/{name}", "type": kind, "source": source, "options": list(options)}
            for name, kind, source, options in MOUNTS
        ]
        model = {"hostPath": str(self._model), "containerPath": str(MODEL), "options": ["bind", "ro"]}
        for mount in (model, *self._edits.get("mounts", ())):
            options = list(dict.fromkeys([*mount.get("options", ()), "rbind"]))
            mounts.append({"destination": mount["containerPath"], "source": mount["hostPath"], "options": options})
        content = {
            "ociVersion": "1.0.2",
            "root": {"path": "rootfs", "readonly": True},
            "process": {
                "user": {"uid": USER, "gid": USER},
                "cwd": "/",
                "args": [str(PROGRAM), *arguments],
                "env": ["PATH=/usr/bin", f"LD_LIBRARY_PATH={PROGRAM.parent}", *self._edits.get("env", ())],
                "capabilities": {},
                "noNewPrivileges": True,
            },
            "mounts": mounts,
            "hooks": hooks,
            "linux": {
                "namespaces": [{"type": kind} for kind in ("pid", "mount", "ipc", "uts")],
                "devices": devices,
                "resources": {
                    "devices": [
                        {"allow": False, "access": "rwm"},
                        *({"allow": True, "access": "rw", **_number(device)} for device in devices),
                    ]
                },
            },
        }
        (self.folder / "config.json").write_text(json.dumps(content, indent=1))


def _libraries(binary: Path) -> list[str]:
    told = subprocess.run(["ldd", str(binary)], stdout=subprocess.PIPE, text=True, check=True).stdout
    found = re.findall(r"(?:^|\s)(/\S+) \(0x", told)
    return [path for path in found if not DRIVER_LIBRARY.match(Path(path).name)]


def _device(node: Mapping[str, Any]) -> dict[str, Any]:
    there = os.stat(node.get("hostPath") or node["path"])
    return {
        "path": node["path"],
        "type": "c",
        "major": os.major(there.st_rdev),
        "minor": os.minor(there.st_rdev),
        "fileMode": stat.S_IMODE(there.st_mode),
        "uid": there.st_uid,
        "gid": there.st_gid,
    }


def _number(device: Mapping[str, Any]) -> dict[str, Any]:
    return {key: device[key] for key in ("type", "major", "minor")}


def runtime_for(bundle: Bundle) -> tuple[tuple[str, ...] | None, str]:
    """The first runtime that starts this container, or None and why each of them does not."""
    bundle.write(["--help"])
    reasons = []
    for runtime in RUNTIMES:
        if shutil.which(runtime[0]) is None:
            reasons.append(f"{runtime[0]} is not in PATH")
            continue
        name = f"whisperops-try-{os.getpid()}"
        command = [*runtime, "run", "--bundle", str(bundle.folder), name]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        if done.returncode == 0:
            return runtime, ""
        reasons.append(f"{' '.join(command)}: {done.stderr.strip()[-500:]}")
    return None, "; ".join(dict.fromkeys(reasons))


class Server(whisper_process.Server):
    """Its address is of this machine, whose network it has."""

    def __init__(self, runtime: Sequence[str], bundle: Bundle) -> None:
        super().__init__(PROGRAM, MODEL)
        self._runtime, self._bundle = list(runtime), bundle
        self._name = f"whisperops-{self.port}"
        self._pid_file = bundle.folder / "pid"
        bundle.write(self._command[1:])
        self._command = [*runtime, "run", "--bundle", str(bundle.folder), "--pid-file", str(self._pid_file), self._name]

    @property
    def pid(self) -> int:
        return int(self._pid_file.read_text())

    def stop(self) -> int:
        # The first process of a container has no signal that it does not ask for.
        subprocess.run([*self._runtime, "delete", "--force", self._name], capture_output=True, check=False)
        return super().stop()
