# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One file that Python runs without Ansible, made of this collection's own modules. Private to this collection."""

from __future__ import annotations

import inspect
import io
import sys
import zipfile

_MODULE_UTILS = "ansible_collections.whisperops.gpu.plugins.module_utils"


def archive(program: str) -> bytes:
    """The modules that are loaded, which are those that the program needs: the same sources, the same bytes.

    ``program``: the full name of the module with its function ``main``.
    """
    files = {"__main__.py": f"import sys\n\nfrom {program} import main\n\nsys.exit(main())\n"}
    for name, module in sorted(sys.modules.items()):
        if not name.startswith(_MODULE_UTILS + ".") or module is None:
            continue
        path = name.replace(".", "/")
        if hasattr(module, "__path__"):
            files[f"{path}/__init__.py"] = ""
        else:
            # Whether from files or from Ansible's own archive: the loader knows.
            files[f"{path}.py"] = inspect.getsource(module)
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
