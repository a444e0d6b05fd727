"""The API as tests/kubernetes/record.py recorded it."""

from __future__ import annotations

import copy
import json
from pathlib import Path

from ansible_collections.whisperops.gpu.plugins.module_utils._kubernetes.api import NotServedError, RefusedError
from ansible_collections.whisperops.gpu.plugins.module_utils._kubernetes.observer import Observer

ANSWERS = json.loads((Path(__file__).parents[4] / "fixtures" / "kubernetes" / "answers.json").read_text("utf-8"))


class RecordedApi:
    def __init__(self, refused=(), not_served=(), denied=(), change=None, served=("apps", "policy")):
        self.items_of = copy.deepcopy(ANSWERS["items"])
        self.refused, self.not_served, self.denied = refused, not_served, denied
        self.served = set(served)
        self.asked = []
        if change:
            change(self.items_of)

    def items(self, api_version, kind, **query):
        self.asked.append((kind, query))
        if kind in self.not_served:
            raise NotServedError(kind)
        if kind in self.refused:
            raise RefusedError(403, ANSWERS["refusal"]["message"])
        return iter(self.items_of[f"{api_version} {kind}"])

    def groups(self):
        return self.served

    def may(self, verb, group, resource, namespace):
        return (verb, resource) not in self.denied


def observed(access=(), **arguments):
    return Observer(RecordedApi(**arguments)).observe(access)


def nodes(**arguments):
    return {node["name"]: node for node in observed(**arguments)["nodes"]}
