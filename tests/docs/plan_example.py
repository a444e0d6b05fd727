# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes the plan of a GTX 1080 next to an H100 into README.md: ``plan_example.py``.

From what nvidia-smi printed (tests/fixtures/nvidia_smi) on, all of it is the collection's own code: detection,
decision, and the callback that prints the table at the end of `plan.yml`.
"""

from __future__ import annotations

import re
import sys
import textwrap
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Sequence

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / ".collections"))

# The path comes first.
from ansible_collections.whisperops.gpu.plugins.callback.summary import CallbackModule  # noqa: E402
from ansible_collections.whisperops.gpu.plugins.filter.deployment_plan import deployment_plan  # noqa: E402
from ansible_collections.whisperops.gpu.plugins.filter.plan_rows import plan_rows  # noqa: E402
from ansible_collections.whisperops.gpu.plugins.filter.plan_summary import plan_summary  # noqa: E402
from ansible_collections.whisperops.gpu.plugins.module_utils._gpu.detect import Detector  # noqa: E402
from ansible_collections.whisperops.gpu.plugins.module_utils._gpu.nvml_binding import Binding  # noqa: E402
from ansible_collections.whisperops.gpu.plugins.module_utils._system.run_command import Result  # noqa: E402

FIXTURES = ROOT / "tests" / "fixtures" / "nvidia_smi"
FILES = {"-q": "q-x.xml", "-L": "list.txt", "": "table.txt"}
# Host in the example, and the folder of what its nvidia-smi printed.
HOSTS = {"speech-1": "gtx1080-550", "speech-2": "h100-580"}
WIDTH = 100
BLOCK = re.compile(r"(<!-- plan: made by `make readmes` -->\n\n```text\n)(.*?)(```\n)", re.DOTALL)


def gpu_info(folder: str) -> dict[str, Any]:
    """What nvidia_gpu_info returns on an x86-64 host whose nvidia-smi printed this."""

    def run(command: Sequence[str]) -> Result:
        option = command[1] if len(command) > 1 else ""
        file = FIXTURES / folder / ("query.csv" if option.startswith("--query-gpu") else FILES[option])
        status = int(Path(f"{file}.rc").read_text(encoding="utf-8"))
        return Result(status, file.read_text(encoding="utf-8"), "")

    def which(name: str) -> str | None:
        return "/usr/bin/nvidia-smi" if name == "nvidia-smi" else None

    report = Detector("/nonexistent", "6.12.0", run, which, lambda: Binding(None, "none here")).report().to_dict()
    return {**report, "machine": "x86_64"}


def plan_output() -> str:
    """Table and reasons as `plan.yml` ends with them, each line of prose wrapped as a terminal would."""
    rows, reasons = [], {}
    for host, folder in HOSTS.items():
        seen = gpu_info(folder)
        plan = deployment_plan(seen)
        rows += plan_rows(seen, plan, host)
        reasons[host] = plan_summary(plan)["why"]
    lines: list[str] = []
    callback = CallbackModule()
    callback._display = SimpleNamespace(display=lambda line, **_: lines.append(line))
    run = {"whisperops_summary": rows, "whisperops_reasons": reasons}
    callback.v2_playbook_on_stats(SimpleNamespace(failures={}, dark={}, custom={"_run": run}))
    printed = "\n".join(lines).splitlines()
    prose = len(rows) + 1
    wrapped = [textwrap.fill(line, WIDTH, break_long_words=False, break_on_hyphens=False) for line in printed[prose:]]
    return "\n".join([*printed[:prose], *wrapped]) + "\n"


def main() -> None:
    readme = ROOT / "README.md"
    text, found = BLOCK.subn(lambda match: match[1] + plan_output() + match[3], readme.read_text(encoding="utf-8"))
    if found != 1:
        sys.exit(f"README.md has {found} places for the plan, where one is wanted")
    readme.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
