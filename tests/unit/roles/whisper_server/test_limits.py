"""Each server's container has limits, also the temporary ones of a benchmark."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

ROLES = Path(__file__).parents[4] / "roles"


def containers(path, name):
    tasks = yaml.safe_load((ROLES / path).read_text(encoding="utf-8"))

    def flat(some):
        for task in some:
            yield task
            for part in ("block", "rescue", "always"):
                yield from flat(task.get(part, []))

    found = [task for task in flat(tasks) if task["name"] == name]
    return [task["community.docker.docker_container"] for task in found if "community.docker.docker_container" in task]


@pytest.mark.parametrize(
    ("path", "name", "variable"),
    [
        (
            "whisper_server/tasks/server.yml",
            "Replace the server if the container differs from the plan",
            "_whisper_server_limits.",
        ),
        ("whisper_server/tasks/server.yml", "Start the new server", "_whisper_server_limits."),
        ("whisper_benchmark/tasks/start.yml", "Start temporary servers", "_whisper_benchmark_twin."),
    ],
)
def test_the_container_is_limited(path, name, variable):
    (options,) = containers(path, name)
    for limit in ("memory", "memory_swap", "pids_limit"):
        assert f"{variable}{limit} | default(omit, true)" in options[limit]


def test_the_container_says_its_limits():
    (options,) = containers("whisper_server/tasks/server.yml", "Start the new server")
    assert options["labels"] == "{{ _whisper_server_labels }}"
    variables = yaml.safe_load((ROLES / "whisper_server/vars/main.yml").read_text(encoding="utf-8"))
    assert "'whisperops.limits': _whisper_server_limits.label" in variables["_whisper_server_labels"]
