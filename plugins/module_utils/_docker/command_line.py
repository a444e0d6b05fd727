# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What dockerd was given on its command line. It refuses to start where a key is set there and in daemon.json too."""

from __future__ import annotations

import re
import shlex
from typing import Any, Callable, Mapping, NamedTuple, Sequence

from ansible_collections.whisperops.gpu.plugins.module_utils._docker.daemon_config import DaemonConfigError

_SHORT = {
    "D": "debug",
    "G": "group",
    "H": "hosts",
    "b": "bridge",
    "g": "data-root",
    "l": "log-level",
    "p": "pidfile",
    "s": "storage-driver",
}
# Flags that may be given more than once have another name in the file.
_PLURAL = {
    "authorization-plugin": "authorization-plugins",
    "cdi-spec-dir": "cdi-spec-dirs",
    "default-address-pool": "default-address-pools",
    "default-network-opt": "default-network-opts",
    "default-ulimit": "default-ulimits",
    "dns-opt": "dns-opts",
    "exec-opt": "exec-opts",
    "feature": "features",
    "graph": "data-root",
    "host": "hosts",
    "insecure-registry": "insecure-registries",
    "label": "labels",
    "log-opt": "log-opts",
    "node-generic-resource": "node-generic-resources",
    "registry-mirror": "registry-mirrors",
    "storage-opt": "storage-opts",
}
# Runtimes may come from both.
_BOTH = frozenset({"add-runtime"})
_DEFAULT_FILE = "/etc/docker/daemon.json"
_ARGUMENTS = re.compile(r"^ExecStart=\{.*?argv\[\]=(.*?) ; ", re.MULTILINE)
_ENVIRONMENT_FILE = re.compile(r"^EnvironmentFiles=(\S+)", re.MULTILINE)
_VARIABLE = re.compile(r"\$\{?(\w+)\}?$")


class CommandLine(NamedTuple):
    # Key of the file -> the flag as it was written.
    flags: dict[str, str]
    config_file: str


def command_line(arguments: Sequence[str]) -> CommandLine:
    flags: dict[str, str] = {}
    config_file = _DEFAULT_FILE
    for position, argument in enumerate(arguments):
        if not argument.startswith("-") or argument == "-":
            continue
        name, _equals, value = argument.lstrip("-").partition("=")
        if not argument.startswith("--"):
            name = _SHORT.get(name[:1], name)
        if name == "config-file":
            config_file = value or "".join(arguments[position + 1 : position + 2])
        elif name not in _BOTH:
            flags.setdefault(_PLURAL.get(name, name), argument)
    return CommandLine(flags, config_file)


def start_arguments(shown: str, read: Callable[[str], str]) -> list[str]:
    """What the service would start with, from ``systemctl show --property=ExecStart,EnvironmentFiles``."""
    found = _ARGUMENTS.search(shown)
    if not found:
        return []
    environment: dict[str, str] = {}
    for path in _ENVIRONMENT_FILE.findall(shown):
        for line in read(path).splitlines():
            name, separator, value = line.strip().partition("=")
            if separator and not name.startswith("#"):
                environment[name] = value.strip("\"'")
    arguments: list[str] = []
    for word in found.group(1).split():
        variable = _VARIABLE.match(word)
        arguments += _words(variable.group(1), environment) if variable else [word]
    return arguments[1:]


def _words(name: str, environment: Mapping[str, str]) -> list[str]:
    try:
        return shlex.split(environment.get(name, ""))
    except ValueError as error:
        raise DaemonConfigError(
            f"daemon_options_malformed: {name} in an environment file of the engine's service cannot be split into"
            f" words ({error}), so it is not known which settings dockerd gets by its command line."
            " Nothing was changed. Correct its quotes (`systemctl cat docker` names the file)."
        ) from error


def refuse_conflicts(settings: Mapping[str, Any], given: CommandLine, path: str) -> None:
    # dockerd looks into objects that are none of its maps ("proxies"), so their members count as keys.
    keys = set(settings)
    for name, value in settings.items():
        if isinstance(value, dict) and name == "proxies":
            keys |= set(value)
    both = sorted(keys & set(given.flags))
    if both:
        keys_set, flags = ", ".join(both), ", ".join(given.flags[key] for key in both)
        raise DaemonConfigError(
            f"daemon_config_conflict: {keys_set} is set both in {path} and on dockerd's command line ({flags}), with"
            " which dockerd refuses to start. Nothing was changed. Take it out of one of the two (systemctl cat docker,"
            " /etc/default/docker)."
        )
    if given.config_file != path:
        raise DaemonConfigError(
            f"daemon_config_not_read: dockerd was started with --config-file {given.config_file}, so it does not read"
            f" {path}. Nothing was changed. Name that file, or take the flag away (systemctl cat docker)."
        )
