# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one client of the Docker Engine API, over the unix socket of the host itself."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
from typing import Any, Iterator, NoReturn

from ansible_collections.whisperops.gpu.plugins.module_utils._docker_api.unix_connection import UnixConnection
from ansible_collections.whisperops.gpu.plugins.module_utils._problem import InspectionError, Problem

# Where the engine of a host listens, and what it is started by.
SOCKET = "/run/docker.sock"
DAEMON_PROGRAMS = ("/usr/bin/dockerd", "/usr/sbin/dockerd", "/usr/local/bin/dockerd")
_LARGEST_ERROR = 64 * 1024
LARGEST_DOCUMENT = 16 * 1024 * 1024


def socket_path(docker_host: str) -> str:
    if docker_host.startswith("unix://") and docker_host[len("unix://") :].startswith("/"):
        return docker_host[len("unix://") :]
    raise InspectionError(
        Problem(
            "docker_host_unsupported",
            f"docker_host {docker_host!r}: only a unix socket of the host itself is supported.",
            "Give unix:///path/to/docker.sock, and run the task on the host whose engine has the image.",
        )
    )


def error_text(response: http.client.HTTPResponse) -> str:
    body = response.read(_LARGEST_ERROR)
    try:
        return str(json.loads(body)["message"])
    except (ValueError, KeyError, TypeError):
        return body.decode("utf-8", "replace").strip() or response.reason


def mapping(answer: Any) -> dict[str, Any]:
    """An answer that is one object; InspectionError where it is anything else."""
    if isinstance(answer, dict):
        return answer
    raise _unexpected()


def mappings(answer: Any) -> list[dict[str, Any]]:
    """An answer that is a list of objects; InspectionError where it is anything else."""
    if isinstance(answer, list) and all(isinstance(one, dict) for one in answer):
        return answer
    raise _unexpected()


def _unexpected() -> InspectionError:
    return InspectionError(
        Problem(
            "docker_error",
            "What answers at Docker's socket does not answer as Docker's API does.",
            "Look at `systemctl status docker`, and at any proxy before the socket.",
        )
    )


class Engine:
    """Paths carry no API version: each engine then answers with its own, whichever it no longer or not yet has."""

    def __init__(self, path: str, timeout_seconds: float) -> None:
        self._path = path
        self._timeout = timeout_seconds

    def _unreachable(self, error: OSError) -> InspectionError:
        if isinstance(error, PermissionError):
            return InspectionError(
                Problem(
                    "docker_permission_denied",
                    f"No permission to use Docker's socket {self._path}.",
                    "Run the task with become: true, or as a member of the socket's group (docker).",
                )
            )
        if isinstance(error, socket.timeout):
            return InspectionError(
                Problem(
                    "docker_timeout",
                    f"Docker at {self._path} did not answer for {self._timeout:g} seconds.",
                    "Look at `systemctl status docker` and the disk's load, or raise timeout.",
                )
            )
        return InspectionError(
            Problem(
                "docker_unreachable",
                f"Docker does not answer at {self._path}: {error.strerror or error}.",
                "Start it (`systemctl start docker`) or set docker_host to its socket.",
            )
        )

    @contextlib.contextmanager
    def request(self, method: str, target: str, body: Any = None) -> Iterator[http.client.HTTPResponse]:
        connection = UnixConnection(self._path, self._timeout)
        headers = {"Connection": "close"}
        payload = None
        if body is not None:
            payload = json.dumps(body).encode("utf-8")
            headers["Content-Type"] = "application/json"
        try:
            connection.request(method, target, body=payload, headers=headers)
            yield connection.getresponse()
        except OSError as error:
            raise self._unreachable(error) from error
        except http.client.HTTPException as error:
            raise InspectionError(
                Problem(
                    "docker_error",
                    f"Docker at {self._path} did not answer {method} {target} as its API does: {error!r}.",
                    "Look at `journalctl -u docker`, then try again.",
                )
            ) from error
        finally:
            connection.close()

    def ask(self, target: str) -> Any:
        """The JSON that the engine gives there."""
        with self.request("GET", target) as response:
            return self.document(response, f"answer {target}")

    def refuse(self, what: str, response: http.client.HTTPResponse) -> NoReturn:
        raise InspectionError(
            Problem(
                "docker_error",
                f"Docker refused to {what}: {error_text(response)} (HTTP {response.status}).",
                "Look at `journalctl -u docker`, and at any proxy or authorisation plugin before the socket.",
            )
        )

    def document(self, response: http.client.HTTPResponse, what: str) -> Any:
        """The JSON of an answer; ``what`` was asked for."""
        if response.status != http.client.OK:
            self.refuse(what, response)
        try:
            return json.loads(response.read(LARGEST_DOCUMENT))
        except (ValueError, RecursionError) as error:
            raise http.client.HTTPException(f"not JSON: {error}") from error
