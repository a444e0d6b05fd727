"""Says in one line which Ansible this Python has; with the argument `core`, only the release of its ansible-core."""

from __future__ import annotations

import json
import sys
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

TABLE = Path(__file__).parent / "cores.txt"


def release(core: str) -> str:
    return ".".join(core.split(".")[:2])


def docker_collection() -> str:
    (directory,) = find_spec("ansible_collections").submodule_search_locations
    manifest = Path(directory) / "community" / "docker" / "MANIFEST.json"
    return str(json.loads(manifest.read_text(encoding="utf-8"))["collection_info"]["version"])


def newer(own: str) -> str:
    """What a newer Python would bring."""
    rows = [line.split() for line in TABLE.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    released = [row for row in rows if row[3].replace(".", "").isdigit()]
    core, pythons, _hosts, ansible = released[-1]
    if core == own:
        return "the newest"
    oldest = min(pythons.split(","), key=lambda python: int(python.split(".")[1]))
    how = f"rm -r .venv; make setup PYTHON=/path/to/python{oldest}"
    return f"ansible {ansible} (ansible-core {core}) needs Python {oldest}: {how}"


if __name__ == "__main__":
    own = release(version("ansible-core"))
    if sys.argv[1:] == ["core"]:
        print(own)
    else:
        print(
            f"ansible {version('ansible')} (ansible-core {version('ansible-core')},"
            f" community.docker {docker_collection()}) on Python {sys.version.split()[0]}; {newer(own)}"
        )
