"""`instances_per_gpu: auto` takes what the host's own newest benchmark found."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from ansible.errors import AnsibleError
from ansible.parsing.dataloader import DataLoader
from ansible.plugins.loader import lookup_loader
from ansible.template import Templar

KEEP = Path(__file__).parents[4] / "roles" / "whisper_benchmark" / "tasks" / "keep.yml"
EARLIER = next(
    task["ansible.builtin.find"]
    for task in DataLoader().load_from_file(str(KEEP), trusted_as_template=True)
    if task["name"] == "Find earlier results"
)


@pytest.fixture
def look(tmp_path):
    def look(host, model="base.en"):
        lookup = lookup_loader.get("whisperops.gpu.measured_instances")
        return lookup.run([host], directory=str(tmp_path), model=model)[0]

    return look


@pytest.fixture
def measured(tmp_path):
    def measured(name, instances, model="ggml-base.en.bin@sha256:0b"):
        (tmp_path / f"{name}.json").write_text(json.dumps({"model": model, "instances_per_gpu": instances}))

    return measured


def test_the_newest_result_counts(look, measured):
    measured("speech_2026-11-02T091500Z", 2)
    measured("speech_2026-11-20T091500Z", 6)
    assert look("speech") == 6


def test_a_host_that_was_not_measured_gets_one(look, measured):
    measured("speech_2_2026-11-20T091500Z", 6)
    assert look("speech") == 1


@pytest.mark.parametrize("other", ["gpu_2", "gpu_2026-01-01", "gpu_2026-01-01T000000Z", "agpu", "GPU"])
def test_a_host_whose_name_begins_alike_is_another_for_lookup_and_benchmark(look, measured, tmp_path, other):
    measured(f"{other}_2026-11-20T091500Z", 6)
    assert look("gpu") == 1
    assert look(other) == 6
    found = Templar(loader=DataLoader(), variables={"inventory_hostname": "gpu"}).template(EARLIER["patterns"])
    assert EARLIER["use_regex"]
    assert [path.name for path in tmp_path.iterdir() if re.search(found, path.name)] == []
    measured("gpu_2026-11-20T091500Z", 2)
    assert [path.name for path in tmp_path.iterdir() if re.search(found, path.name)] == ["gpu_2026-11-20T091500Z.json"]


@pytest.mark.parametrize(
    ("model", "found"), [("base.en", 6), ("auto", 6), ("base", 1), ("base.en.bin", 1), ("ggml-base.en.bin", 6)]
)
def test_another_model_does_not_count(look, measured, model, found):
    measured("speech_2026-11-20T091500Z", 6)
    assert look("speech", model) == found


def test_a_result_without_gpus_gives_one(look, measured):
    measured("speech_2026-11-20T091500Z", None)
    assert look("speech") == 1


NO_RESULTS = [
    "", "[]", '{"instances_per_gpu": "many", "model": "base.en"}', '{"instances_per_gpu": 1000000, "model": "base.en"}',
    '{"instances_per_gpu": -1, "model": "base.en"}', '{"instances_per_gpu": 1e400, "model": "base.en"}', "[" * 100_000,
]  # fmt: skip


@pytest.mark.parametrize("text", NO_RESULTS, ids=range(len(NO_RESULTS)))
def test_a_damaged_result_is_named(look, tmp_path, text):
    (tmp_path / "speech_2026-11-20T091500Z.json").write_text(text)
    with pytest.raises(AnsibleError, match=r"speech_2026-11-20T091500Z\.json is no result"):
        look("speech")
