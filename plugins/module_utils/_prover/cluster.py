# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The API of the cluster that the prover runs in, as its service account. Private to this collection.

With the standard library alone: an image with Python is all that it takes.
"""

from __future__ import annotations

import json
import os
import ssl
from contextlib import contextmanager
from http.client import BAD_REQUEST, HTTPResponse, HTTPSConnection
from typing import Any, Iterator, Mapping
from urllib.parse import urlencode

_ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"
_TIMEOUT_SECONDS = 30
# The server's start is at the beginning.
_LOG_BYTES = 1024 * 1024
FIELD_MANAGER = "whisperops.gpu-prover"


class RefusedError(OSError):
    """The API server's answer is none of success."""

    def __init__(self, status: int, said: str) -> None:
        super().__init__(f"{status}: {said}")
        self.status = status


class Cluster:
    def __init__(self, namespace: str, fields: str, labels: str, account: str = _ACCOUNT) -> None:
        """
        :param fields: field selector of the pods, for example ``spec.nodeName=gpu-1``.
        :param labels: label selector of the pods.
        """
        self._host = os.environ["KUBERNETES_SERVICE_HOST"]
        self._port = int(os.environ.get("KUBERNETES_SERVICE_PORT", "443"))
        self._pods = f"/api/v1/namespaces/{namespace}/pods"
        self._chosen = {"fieldSelector": fields, "labelSelector": labels}
        self._account = account
        self._context = ssl.create_default_context(cafile=os.path.join(account, "ca.crt"))

    def pods(self) -> tuple[list[dict[str, Any]], str]:
        """The pods and the version of the list. Errors are OSError, ValueError and HTTPException."""
        listed = json.loads(self._asked("GET", self._pods, self._chosen))
        return listed.get("items") or [], str((listed.get("metadata") or {}).get("resourceVersion") or "")

    def wait_for_change(self, version: str, seconds: int) -> None:
        """Until one of the pods differs from the list of that version, at most so many seconds."""
        query = {**self._chosen, "watch": "true", "resourceVersion": version, "timeoutSeconds": str(seconds)}
        with self._open("GET", self._pods, query, timeout=seconds + _TIMEOUT_SECONDS) as answer:
            answer.readline()

    def log(self, pod: str, container: str) -> str:
        """What the container wrote since its start, without the times of the kubelet."""
        query = {"container": container, "limitBytes": str(_LOG_BYTES)}
        return self._asked("GET", f"{self._pods}/{pod}/log", query).decode("utf-8", "replace")

    def set_condition(self, pod: str, condition: Mapping[str, Any]) -> None:
        body = {"status": {"conditions": [condition]}}
        self._asked("PATCH", f"{self._pods}/{pod}/status", {"fieldManager": FIELD_MANAGER}, body)

    def _asked(self, method: str, path: str, query: Mapping[str, str], body: Any = None) -> bytes:
        with self._open(method, path, query, body) as answer:
            return answer.read()

    @contextmanager
    def _open(
        self, method: str, path: str, query: Mapping[str, str], body: Any = None, timeout: float = _TIMEOUT_SECONDS
    ) -> Iterator[HTTPResponse]:
        # The kubelet renews the token.
        with open(os.path.join(self._account, "token"), encoding="ascii") as file:
            headers = {"Authorization": f"Bearer {file.read().strip()}", "Accept": "application/json, */*"}
        if body is not None:
            # Conditions are merged by their type.
            headers["Content-Type"] = "application/strategic-merge-patch+json"
        connection = HTTPSConnection(self._host, self._port, timeout=timeout, context=self._context)
        try:
            content = None if body is None else json.dumps(body)
            connection.request(method, f"{path}?{urlencode(query)}", content, headers)
            answer = connection.getresponse()
            if answer.status >= BAD_REQUEST:
                raise RefusedError(answer.status, answer.read().decode("utf-8", "replace"))
            yield answer
        finally:
            connection.close()
