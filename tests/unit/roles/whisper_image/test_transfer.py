"""An image of another host is verified where it arrives, and comes from the host that is to give it."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar

TASKS = Path(__file__).parents[4] / "roles" / "whisper_image" / "tasks"


def tasks(name):
    return DataLoader().load_from_file(str(TASKS / f"{name}.yml"), trusted_as_template=True)


def place(found, name):
    return next(index for index, task in enumerate(found) if task["name"] == name)


def message(found, **variables):
    (task,) = [task for task in found if "ansible.builtin.fail" in task and "vars" in task]
    given = {"inventory_hostname": "gpu2", "_whisper_image_tag": "w:1", **task["vars"], **variables}
    return Templar(loader=DataLoader(), variables=given).template(task["ansible.builtin.fail"]["msg"])


def test_the_device_code_is_read_before_the_image_counts_as_one_of_this_host():
    found = tasks("receive")
    verified = place(found, "Verify the device code of the transferred image")
    assert found[verified]["ansible.builtin.include_tasks"] == "device_code.yml"
    assert found[verified]["when"] == "whisper_image_plan.runtime == 'cuda' and not ansible_check_mode"
    assert place(found, "Compare the image with the image on the build host") < verified
    assert verified < place(found, "Set the fact of the image layers")


def test_an_image_with_the_wrong_device_code_is_removed_before_the_run_fails():
    found = tasks("device_code")
    assert place(found, "Remove an image with the wrong device code") < place(
        found, "Fail if the image has the wrong device code"
    )
    assert {task["when"] for task in found[1:]} == {"not _whisper_image_carried.matches"}


CODE = {"sass": ["61"], "complete": ["61"], "ptx": []}
CARRIED = {"planned": ["90"], "matches": False}


def test_a_mismatch_names_the_host_that_the_image_came_from():
    taken = message(
        tasks("device_code"), _whisper_image_code=CODE, _whisper_image_carried=CARRIED, _whisper_image_from="gpu1"
    )
    assert "gpu2 took it from gpu1: remove it there too" in taken
    built = message(tasks("device_code"), _whisper_image_code=CODE, _whisper_image_carried=CARRIED)
    assert "Look into whisper_image_cmake_options" in built
    assert "took it from" not in built


@pytest.mark.parametrize(("named", "advice"), [("", "(--limit '!gpu1')"), ("gpu1", "it must be in this run")])
def test_who_waits_for_a_build_host_in_vain_is_told_what_to_do(named, advice):
    text = message(tasks("receive"), _whisper_image_giver="gpu1", whisper_image_build_host=named)
    assert text.startswith("image_not_built: gpu1, which was to build w:1 for gpu2 too, has none")
    assert advice in text


def test_no_image_comes_from_another_host_than_the_one_that_is_to_give_it():
    for name in ("receive", "receive_from_host", "receive_from_registry"):
        text = (TASKS / f"{name}.yml").read_text(encoding="utf-8")
        assert "with_image | first" not in text, name
        delegated = {task.get("delegate_to") for task in flat(yaml.safe_load(text))} - {None, "localhost"}
        assert delegated <= {"{{ _whisper_image_peers.source }}"}, name


def flat(found):
    for task in found:
        yield task
        for part in ("block", "rescue", "always"):
            yield from flat(task.get(part, []))
