# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The few calls of the Docker Engine API that reading an image takes, over its unix socket."""

from __future__ import annotations

import contextlib
import http.client
import json
import re
import signal
import socket
import threading
import uuid
from types import FrameType
from typing import Any, Iterator, NoReturn
from urllib.parse import quote

from ansible_collections.whisperops.gpu.plugins.module_utils._docker.unix_connection import UnixConnection

from .problems import InspectionError, Problem

_REFERENCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/:@-]*")
_NAME_PREFIX = "whisperops-cuda-image-info-"
_LARGEST_ERROR = 64 * 1024
_LARGEST_DOCUMENT = 16 * 1024 * 1024


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


def _error_text(response: http.client.HTTPResponse) -> str:
    body = response.read(_LARGEST_ERROR)
    try:
        return str(json.loads(body)["message"])
    except (ValueError, KeyError, TypeError):
        return body.decode("utf-8", "replace").strip() or response.reason


# What is read of an image's description. Any of it may be missing or null, but not of another form.
_IMAGE_FORM: dict[str, type] = {"Id": str, "Config": dict, "RepoDigests": list, "Os": str, "Architecture": str}
_CONFIGURATION_FORM: dict[str, type] = {"Env": list, "Entrypoint": list, "Cmd": list, "User": str, "Labels": dict}


def _check_form(document: dict[str, Any], form: dict[str, type]) -> None:
    for key, expected in form.items():
        value = document.get(key)
        right = value is None or isinstance(value, expected)
        if right and isinstance(value, list):
            right = all(isinstance(item, str) for item in value)
        if not right:
            raise http.client.HTTPException(f"an image's {key} of another form: {str(value)[:200]}")


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
    def _request(self, method: str, target: str, body: Any = None) -> Iterator[http.client.HTTPResponse]:
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

    def _refused(self, what: str, response: http.client.HTTPResponse) -> NoReturn:
        raise InspectionError(
            Problem(
                "docker_error",
                f"Docker refused to {what}: {_error_text(response)} (HTTP {response.status}).",
                "Look at `journalctl -u docker`, and at any proxy or authorisation plugin before the socket.",
            )
        )

    def inspect_image(self, reference: str) -> dict[str, Any]:
        if not _REFERENCE.fullmatch(reference) or ".." in reference:
            raise InspectionError(
                Problem(
                    "image_not_found",
                    f"{reference!r} is not an image reference.",
                    "Give NAME[:TAG], NAME@sha256:DIGEST or an image id.",
                )
            )
        with self._request("GET", f"/images/{quote(reference, safe='/:@')}/json") as response:
            if response.status == http.client.NOT_FOUND:
                raise InspectionError(
                    Problem(
                        "image_not_found",
                        f"There is no image {reference} on this host: {_error_text(response)}.",
                        f"Pull or build it first (`docker pull {reference}`), or correct the name.",
                    )
                )
            if response.status != http.client.OK:
                self._refused(f"inspect the image {reference}", response)
            try:
                document = json.loads(response.read(_LARGEST_DOCUMENT))
            except (ValueError, RecursionError) as error:
                raise http.client.HTTPException(f"not JSON: {error}") from error
            if not isinstance(document, dict) or not document.get("Id"):
                raise http.client.HTTPException("an image without an id")
            _check_form(document, _IMAGE_FORM)
            _check_form(document.get("Config") or {}, _CONFIGURATION_FORM)
            return document

    @contextlib.contextmanager
    def never_started_container(self, image_id: str) -> Iterator[str]:
        """A container that exists only to be read, removed at the end whatever happens."""
        name = _NAME_PREFIX + uuid.uuid4().hex
        configuration = {
            "Image": image_id,
            # An image without a command could not be created otherwise. It is never run.
            "Entrypoint": ["/never-started"],
            "NetworkDisabled": True,
            "Labels": {"whisperops.gpu": "cuda_image_info: safe to remove"},
            "HostConfig": {"NetworkMode": "none"},
        }
        with _termination_as_exception():
            try:
                with self._request("POST", f"/containers/create?name={name}", configuration) as response:
                    if response.status != http.client.CREATED:
                        self._refused("create a container to read the image from", response)
                    response.read(_LARGEST_DOCUMENT)
                yield name
            finally:
                self._remove(name)

    def _remove(self, name: str) -> None:
        with self._request("DELETE", f"/containers/{name}?force=1&v=1") as response:
            # 404: never created, or pruned by somebody else meanwhile.
            if response.status not in (http.client.NO_CONTENT, http.client.NOT_FOUND):
                raise InspectionError(
                    Problem(
                        "container_left_behind",
                        f"The container {name}, made to read the image, could not be removed: {_error_text(response)}.",
                        f"Remove it: `docker rm --force {name}`.",
                    )
                )

    @contextlib.contextmanager
    def export(self, container: str) -> Iterator[http.client.HTTPResponse]:
        """The container's whole file system as one tar stream."""
        with self._request("GET", f"/containers/{container}/export") as response:
            if response.status != http.client.OK:
                self._refused("export the image's files", response)
            yield response


@contextlib.contextmanager
def _termination_as_exception() -> Iterator[None]:
    """SIGTERM and a lost connection would otherwise end Python without its ``finally``, and leave the container."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(number: int, frame: FrameType | None) -> None:
        raise SystemExit(128 + number)

    before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
