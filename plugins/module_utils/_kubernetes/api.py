# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The cluster's API, read through the Python client `kubernetes`. Private to this collection.

Through its dynamic client, which has stayed the same from one release to the next; the generated one has not.
"""

from __future__ import annotations

import json
from importlib import import_module
from typing import Any, Iterator, Protocol

from ansible_collections.whisperops.gpu.plugins.module_utils._problem import InspectionError

from . import problems

# The API server would rather not give 3,000 nodes at once.
PAGE = 500
_UNAUTHORIZED, _FORBIDDEN = 401, 403


class RefusedError(Exception):
    """The user may not do what was asked for."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class NotServedError(Exception):
    """The cluster has no such kind of object."""


class Api(Protocol):
    def items(self, api_version: str, kind: str, **query: Any) -> Iterator[dict[str, Any]]:
        """All objects of a kind, in the whole cluster or in `namespace`."""

    def may(self, verb: str, group: str, resource: str, namespace: str | None) -> bool:
        """Whether the user of the kubeconfig may do so."""

    def groups(self) -> set[str]:
        """The names of the API groups that the cluster serves."""


class DynamicApi:
    def __init__(self, kubeconfig: str | None, context: str | None, cache_file: str) -> None:
        self.server = "?"
        try:
            config, dynamic = import_module("kubernetes.config"), import_module("kubernetes.dynamic")
            self._errors = import_module("kubernetes.dynamic.exceptions")
        except ImportError as error:
            raise InspectionError(problems.client_missing(str(error))) from error
        try:
            client = config.new_client_from_config(config_file=kubeconfig, context=context, persist_config=False)
        except Exception as error:  # of the client and of each credential plug-in: their types have no common base
            raise InspectionError(problems.kubeconfig_invalid(kubeconfig, context, _text(error))) from error
        self.server = str(client.configuration.host)
        # The client tries three more times, each for as long as the system waits.
        client.configuration.retries = 1
        self._client = self._asked(lambda: dynamic.DynamicClient(client, cache_file=cache_file))

    @property
    def version(self) -> str | None:
        return dict(self._client.version.get("kubernetes") or {}).get("gitVersion")

    def items(self, api_version: str, kind: str, **query: Any) -> Iterator[dict[str, Any]]:
        resource = self._resource(api_version, kind)
        following: str | None = None
        while following != "":
            page = {"limit": PAGE, **({"_continue": following} if following else {}), **query}
            answer = self._asked(lambda page=page: self._client.get(resource, serialize=False, **page))
            listed = json.loads(answer.data)
            yield from listed.get("items") or ()
            following = (listed.get("metadata") or {}).get("continue") or ""

    def may(self, verb: str, group: str, resource: str, namespace: str | None) -> bool:
        kind = self._resource("authorization.k8s.io/v1", "SelfSubjectAccessReview")
        asked = {"verb": verb, "group": group, "resource": resource, **({"namespace": namespace} if namespace else {})}
        body = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": asked},
        }
        answer = self._asked(lambda: self._client.create(kind, body=body, serialize=False))
        return bool(json.loads(answer.data)["status"].get("allowed"))

    def groups(self) -> set[str]:
        return {str(name) for name in self._asked(lambda: self._client.resources.api_groups)}

    def _resource(self, api_version: str, kind: str) -> Any:
        try:
            return self._asked(lambda: self._client.resources.get(api_version=api_version, kind=kind))
        except self._errors.ResourceNotFoundError as error:
            raise NotServedError(f"{api_version} {kind}") from error

    def _asked(self, request: Any) -> Any:
        try:
            return request()
        except self._errors.ResourceNotFoundError:
            raise
        except Exception as error:
            status = getattr(error, "status", None)
            if status == _UNAUTHORIZED:
                raise InspectionError(problems.unauthorized(self.server)) from error
            if status == _FORBIDDEN:
                raise RefusedError(status, _said(error)) from error
            raise InspectionError(problems.unreachable(self.server, _said(error))) from error


def _said(error: Any) -> str:
    """The sentence of the API's answer, which is an object of kind Status."""
    try:
        return str(json.loads(error.body)["message"]).rstrip(".")
    except (AttributeError, KeyError, TypeError, ValueError):
        return _text(error)


def _text(error: BaseException) -> str:
    return " ".join(str(error).split()).rstrip(".") or type(error).__name__
