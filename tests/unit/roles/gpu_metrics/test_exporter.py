"""The GPU's exporter counts as installed by its program's name, which it gets when all of it is there."""

from __future__ import annotations

from pathlib import Path

import yaml

ROLE = Path(__file__).parents[4] / "roles" / "gpu_metrics"
RECORDED = next(
    task["whisperops.gpu.installation_record"]["files"]
    for task in yaml.safe_load((ROLE / "tasks" / "install.yml").read_text(encoding="utf-8"))
    if "whisperops.gpu.installation_record" in task
)
CHECK, INSTALL = yaml.safe_load((ROLE / "tasks" / "exporter.yml").read_text(encoding="utf-8"))
TASKS = INSTALL["block"]
PROGRAM = "{{ _gpu_metrics_exporter_dir }}/nvidia_gpu_exporter"


def position(module):
    return next(number for number, task in enumerate(TASKS) if module in task)


def test_the_archive_is_extracted_aside_and_its_program_is_renamed_last():
    assert CHECK["ansible.builtin.stat"]["path"] == PROGRAM
    aside = TASKS[position("ansible.builtin.unarchive")]["ansible.builtin.unarchive"]["dest"]
    assert aside != "{{ _gpu_metrics_exporter_dir }}"
    created = TASKS[position("ansible.builtin.file")]
    assert aside in created["loop"]
    renamed = TASKS[position("ansible.builtin.command")]["ansible.builtin.command"]
    old, new = (f"{renamed['chdir']}/{name}" for name in renamed["argv"][-2:])
    assert renamed["argv"][0] == "mv"
    assert (old, new) == (f"{aside}/nvidia_gpu_exporter", PROGRAM)
    assert position("ansible.builtin.command") > position("ansible.builtin.unarchive")
    assert {old, new} <= set(RECORDED), "a removal would leave it and its directory"
