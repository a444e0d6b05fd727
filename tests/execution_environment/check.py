# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ansible-builder reads what the collection needs, and makes a build context of the definition in docs/awx.md.

No image is built: that needs registries and package mirrors. Run by `make execution-environment`.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from pathlib import Path

import yaml
from ansible_builder.ee_schema import validate_schema

ROOT = Path(__file__).resolve().parents[2]
BUILDER = Path(sys.executable).with_name("ansible-builder")
DEFINITION = re.compile(r"^```yaml\n(---\nversion: 3\n.*?)^```$", re.MULTILINE | re.DOTALL)


def requirements(path: Path) -> list[str]:
    """The lines of a file of requirements, without comments."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return sorted(line.split("#")[0].strip() for line in lines if line.split("#")[0].strip())


def check_collection(place: Path) -> None:
    """What ansible-builder finds in the installed collection is what the files of meta/ list."""
    metadata = yaml.safe_load((ROOT / "meta" / "execution-environment.yml").read_text(encoding="utf-8"))
    validate_schema(metadata)
    found = {"python": place / "python.txt", "system": place / "system.txt"}
    command = [BUILDER, "introspect", f"--write-pip={found['python']}", f"--write-bindep={found['system']}"]
    subprocess.run([*command, ROOT / ".collections"], check=True, stdout=subprocess.DEVNULL)
    for kind, file in found.items():
        wanted = requirements(ROOT / metadata["dependencies"][kind])
        assert wanted, f"{metadata['dependencies'][kind]} is empty"
        assert requirements(file) == wanted, f"{kind}: {requirements(file)}, and {wanted} in meta/"


def check_definition(place: Path) -> str:
    """The definition of the documentation becomes a build context with the built collection in it."""
    (text,) = DEFINITION.findall((ROOT / "docs" / "awx.md").read_text(encoding="utf-8"))
    (place / "execution-environment.yml").write_text(text, encoding="utf-8")
    definition = yaml.safe_load(text)
    version = yaml.safe_load((ROOT / "galaxy.yml").read_text(encoding="utf-8"))["version"]
    archive = f"whisperops-gpu-{version}.tar.gz"
    (place / archive).touch()
    context = place / "context"
    command = [BUILDER, "create", "--file", place / "execution-environment.yml", "--context", context]
    subprocess.run([*command, "--output-filename", "Containerfile"], check=True, stdout=subprocess.DEVNULL)
    containerfile = (context / "Containerfile").read_text(encoding="utf-8")
    galaxy = yaml.safe_load((context / "_build" / "requirements.yml").read_text(encoding="utf-8"))
    assert definition["images"]["base_image"]["name"] in containerfile
    assert (context / "_build" / "collections" / archive).exists(), f"{archive} is not in the context"
    assert [one["name"] for one in galaxy["collections"]] == [f"/build/collections/{archive}"]
    # The galaxy stage runs in /build; the archive has to be there before the collections are installed.
    added = containerfile.index("ADD _build/collections /build/collections")
    assert added < containerfile.index("ansible-galaxy collection install"), "the archive is added too late"
    return str(definition["images"]["base_image"]["name"])


def main() -> None:
    with tempfile.TemporaryDirectory() as place:
        check_collection(Path(place))
        base = check_definition(Path(place))
    print(f"execution environment: requirements read, build context made on {base}; no image built")


if __name__ == "__main__":
    main()
