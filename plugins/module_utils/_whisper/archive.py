# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One file that Python runs without Ansible, made of this collection's own modules. Private to this collection."""

from __future__ import annotations

import ast
import importlib
import inspect
import io
import os
import sys
import tempfile
import zipfile
from typing import Any, Iterator

_MODULE_UTILS = "ansible_collections.whisperops.gpu.plugins.module_utils"


def archive(program: str) -> bytes:
    """The program and what it imports: the same sources, the same bytes, whatever else is loaded.

    ``program``: the full name of the module with its function ``main``.
    """
    files = {"__main__.py": f"import sys\n\nfrom {program} import main\n\nsys.exit(main())\n"}
    for name, source in sorted(_sources(program).items()):
        path = name.replace(".", "/")
        files[f"{path}.py"] = source
        for depth in range(1, path.count("/") + 1):
            files.setdefault("/".join(path.split("/")[:depth]) + "/__init__.py", "")
    content = io.BytesIO()
    # Stored, not compressed: compression differs between versions of zlib.
    with zipfile.ZipFile(content, "w", zipfile.ZIP_STORED) as package:
        for path, text in sorted(files.items()):
            information = zipfile.ZipInfo(path, (1980, 1, 1, 0, 0, 0))
            information.external_attr = 0o644 << 16
            package.writestr(information, text)
    return content.getvalue()


def install(module: Any, program: str, path: str) -> bool:
    """Write the program to ``path`` by the means of an AnsibleModule. Whether that changes it."""
    content = archive(program)
    try:
        with open(path, "rb") as file:
            changed = file.read() != content
    except OSError:
        changed = True
    if changed and not module.check_mode:
        handle, temporary = tempfile.mkstemp(dir=module.tmpdir)
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        module.atomic_move(temporary, path)
    return changed if module.check_mode else bool(module.set_mode_if_different(path, 0o644, changed))


def _sources(program: str) -> dict[str, str]:
    found: dict[str, str] = {}
    waiting = [program]
    while waiting:
        name = waiting.pop()
        if name in found or hasattr(sys.modules.get(name) or importlib.import_module(name), "__path__"):
            continue
        # Whether from files or from Ansible's own archive: the loader knows.
        found[name] = inspect.getsource(sys.modules[name])
        waiting += _imported(name, found[name])
    return found


def _imported(name: str, source: str) -> Iterator[str]:
    """This collection's own modules that a source names in its imports."""
    package = name.split(".")[:-1]
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.ImportFrom):
            continue
        above = package[: len(package) - node.level + 1] if node.level else []
        base = ".".join([*above, *([node.module] if node.module else [])])
        if base.startswith(_MODULE_UTILS + "."):
            yield base
            # "from package import module"
            yield from (f"{base}.{alias.name}" for alias in node.names if f"{base}.{alias.name}" in sys.modules)
