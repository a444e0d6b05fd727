# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What ansible-test calls in place of get-pip.py, which it would load from a host that closed networks do not reach.

Takes get-pip.py's arguments. The first pip comes from the interpreter's own ensurepip, all else from the package index.
"""

from __future__ import annotations

import subprocess
import sys

# Options of get-pip.py that pip does not know: neither package is asked for here.
OWN_OPTIONS = ("--no-setuptools", "--no-wheel")

if __name__ == "__main__":
    # A process of its own: ensurepip turns off, for the rest of its process, what a person has set for pip.
    subprocess.check_call([sys.executable, "-m", "ensurepip"], stdout=subprocess.DEVNULL)
    arguments = [argument for argument in sys.argv[1:] if argument not in OWN_OPTIONS]
    sys.exit(subprocess.call([sys.executable, "-m", "pip", "install", *arguments]))
