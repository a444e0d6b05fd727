"""A pull is a change where the tag means another image than before."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar, trust_as_template

PULL = Path(__file__).parents[4] / "roles" / "whisper_image" / "tasks" / "pull.yml"


def condition():
    block = next(task for task in yaml.safe_load(PULL.read_text(encoding="utf-8")) if "block" in task)["block"]
    return next(task for task in block if "community.docker.docker_image_pull" in task)["changed_when"]


# What docker_image_pull says before community.docker 5.0.6 on Docker 29.2, where the same image is noted as pulled from
# its two names in another order: a change.
@pytest.mark.parametrize(
    ("before", "after", "said", "check_mode", "changed"),
    [
        (["sha256:a"], "sha256:a", True, False, False),
        (["sha256:a"], "sha256:b", True, False, True),
        ([], "sha256:a", True, False, True),
        (["sha256:a"], "sha256:a", False, False, False),
        # Check mode cannot know: it says what the module says.
        (["sha256:a"], "sha256:a", True, True, True),
    ],
)
def test_a_pull_of_the_same_image_is_no_change(before, after, said, check_mode, changed):
    templar = Templar(
        DataLoader(),
        {
            "_whisper_image_before": {"images": [{"Id": image} for image in before]},
            "_whisper_image_pulled": {"changed": said, "image": {"Id": after}},
            "ansible_check_mode": check_mode,
        },
    )
    assert templar.evaluate_conditional(trust_as_template(condition())) is changed


def test_a_pull_that_failed_has_no_image_and_no_change():
    templar = Templar(DataLoader(), {"_whisper_image_pulled": {"changed": False, "failed": True}})
    assert templar.evaluate_conditional(trust_as_template(condition())) is False
