# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The calls of the Docker Engine API that reading an image takes."""

from __future__ import annotations

import contextlib
import http.client
import re
import signal
import threading
import uuid
from types import FrameType
from typing import Any, Iterator
from urllib.parse import quote

from ansible_collections.whisperops.gpu.plugins.module_utils._docker_api.client import (
    LARGEST_DOCUMENT,
    Engine,
    error_text,
)
from ansible_collections.whisperops.gpu.plugins.module_utils._problem import InspectionError, Problem

_REFERENCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/:@-]*")
_NAME_PREFIX = "whisperops-cuda-image-info-"


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


class Images(Engine):
    """An engine that is asked for images."""

    def inspect_image(self, reference: str) -> dict[str, Any]:
        if not _REFERENCE.fullmatch(reference) or ".." in reference:
            raise InspectionError(
                Problem(
                    "image_not_found",
                    f"{reference!r} is not an image reference.",
                    "Give NAME[:TAG], NAME@sha256:DIGEST or an image id.",
                )
            )
        with self.request("GET", f"/images/{quote(reference, safe='/:@')}/json") as response:
            if response.status == http.client.NOT_FOUND:
                raise InspectionError(
                    Problem(
                        "image_not_found",
                        f"There is no image {reference} on this host: {error_text(response)}.",
                        f"Pull or build it first (`docker pull {reference}`), or correct the name.",
                    )
                )
            document = self.document(response, f"inspect the image {reference}")
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
                with self.request("POST", f"/containers/create?name={name}", configuration) as response:
                    if response.status != http.client.CREATED:
                        self.refuse("create a container to read the image from", response)
                    response.read(LARGEST_DOCUMENT)
                yield name
            finally:
                self._remove(name)

    def _remove(self, name: str) -> None:
        with self.request("DELETE", f"/containers/{name}?force=1&v=1") as response:
            # 404: never created, or pruned by somebody else meanwhile.
            if response.status not in (http.client.NO_CONTENT, http.client.NOT_FOUND):
                raise InspectionError(
                    Problem(
                        "container_left_behind",
                        f"The container {name}, made to read the image, could not be removed: {error_text(response)}.",
                        f"Remove it: `docker rm --force {name}`.",
                    )
                )

    @contextlib.contextmanager
    def export(self, container: str) -> Iterator[http.client.HTTPResponse]:
        """The container's whole file system as one tar stream."""
        with self.request("GET", f"/containers/{container}/export") as response:
            if response.status != http.client.OK:
                self.refuse("export the image's files", response)
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
