"""Records what the API server answers of the sample cluster: tests/fixtures/kubernetes/answers.json.

python tests/kubernetes/record.py
"""

from __future__ import annotations

import json
import sys
import tempfile
import urllib.error
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from control_plane import ControlPlane
from sample_cluster import FIXTURES, OBJECTS

PATHS = {
    "v1 Node": "/api/v1/nodes",
    "v1 Pod": "/api/v1/pods",
    "resource.k8s.io/v1 ResourceSlice": "/apis/resource.k8s.io/v1/resourceslices",
    "resource.k8s.io/v1 ResourceClaim": "/apis/resource.k8s.io/v1/resourceclaims",
    "storage.k8s.io/v1 StorageClass": "/apis/storage.k8s.io/v1/storageclasses",
    "apps/v1 Deployment": "/apis/apps/v1/deployments",
}


def shortened(item: dict[str, Any]) -> dict[str, Any]:
    """Without who wrote which field, which is half of it."""
    item["metadata"].pop("managedFields", None)
    return item


def main() -> None:
    with tempfile.TemporaryDirectory() as directory:
        plane = ControlPlane(Path(directory))
        try:
            for thing in OBJECTS:
                plane.create(thing)
            items = {
                name: [shortened(one) for one in plane.request("GET", path)["items"]] for name, path in PATHS.items()
            }
            try:
                plane.request("GET", "/api/v1/pods", user="nobody")
            except urllib.error.HTTPError as error:
                refusal = json.loads(error.read())
            else:
                sys.exit("The API server answers a user who may do nothing.")
        finally:
            plane.stop()
    answers = {"items": items, "refusal": refusal}
    (FIXTURES / "answers.json").write_text(json.dumps(answers, indent=1, sort_keys=True) + "\n", "utf-8")


if __name__ == "__main__":
    main()
