"""The model table: what a download needs to know, and how much GPU memory a server takes."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

import pytest
import yaml
from ansible_collections.whisperops.gpu.plugins.plugin_utils._plan import model_memory, models

ROOT = Path(__file__).resolve().parents[5]
HUB = json.loads((ROOT / "tests/fixtures/model_hub/ggerganov_whisper.cpp.json").read_text(encoding="utf-8"))
ALL = {**models.MODELS, **models.VAD_MODELS}
# whisper.cpp's models/download-ggml-model.sh of 2026-08-22.
SCRIPT = {
    "tiny",
    "tiny.en",
    "tiny-q5_1",
    "tiny.en-q5_1",
    "tiny-q8_0",
    "base",
    "base.en",
    "base-q5_1",
    "base.en-q5_1",
    "base-q8_0",
    "small",
    "small.en",
    "small.en-tdrz",
    "small-q5_1",
    "small.en-q5_1",
    "small-q8_0",
    "medium",
    "medium.en",
    "medium-q5_0",
    "medium.en-q5_0",
    "medium-q8_0",
    "large-v1",
    "large-v2",
    "large-v2-q5_0",
    "large-v2-q8_0",
    "large-v3",
    "large-v3-q5_0",
    "large-v3-turbo",
    "large-v3-turbo-q5_0",
    "large-v3-turbo-q8_0",
}


def measurements() -> dict:
    (file,) = (ROOT / "docs/tested-configurations").glob("*h100*580.159.04.json")
    return json.loads(file.read_text(encoding="utf-8"))


def lfs_pointer_blob(model: models.Model) -> str:
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{model.sha256}\nsize {model.bytes}\n".encode()
    return hashlib.sha1(b"blob %d\0" % len(pointer) + pointer).hexdigest()


def test_every_model_of_the_projects_scripts_is_there() -> None:
    assert set(models.MODELS) >= SCRIPT
    assert set(models.MODELS) - SCRIPT == {f"{size}.en-q8_0" for size in ("tiny", "base", "small", "medium")}
    assert set(models.VAD_MODELS) == {"silero-v5.1.2", "silero-v6.2.0"}


@pytest.mark.parametrize("model", [m for m in models.MODELS.values() if m.hub == models.HUB], ids=lambda m: m.name)
def test_sum_and_size_make_the_lfs_pointer_that_the_hub_lists(model) -> None:
    assert lfs_pointer_blob(model) == HUB["blobs"][model.file]


def test_every_model_that_the_hub_lists_is_there() -> None:
    listed = {file for file in HUB["blobs"] if file.endswith(".bin")}
    assert listed == {model.file for model in models.MODELS.values() if model.hub == models.HUB}


def control_sum(rows: list[str]) -> str:
    return hashlib.sha256("".join(f"{row}\n" for row in sorted(rows)).encode()).hexdigest()


def test_the_sums_of_the_readme_are_those_that_were_checked_against_its_blob() -> None:
    """The README's rows (name and SHA-1), summed when it was rebuilt from them with the blob that the hub lists."""
    rows = [f"{model.name} {model.sha1}" for model in models.MODELS.values()]
    assert control_sum(rows) == "875b7f5b3c4510611504572de262b268dd1d23ff4c1bf0a07ccba017648bacc6"


def test_the_models_of_other_repositories_are_those_that_were_looked_up() -> None:
    """Their pointers' blobs were not found anywhere: the rows as several public files had them, summed."""
    rows = [f"{model.name} {model.bytes} {model.sha256}" for model in ALL.values() if model.hub != models.HUB]
    assert control_sum(rows) == "f0742244a97c267fe075a79822e61f85601ed73e8c8f4fcdc89ab61a4cd03651"


def test_every_model_comes_from_a_pinned_revision() -> None:
    assert HUB["sha"] in models.HUB
    for model in ALL.values():
        assert re.fullmatch(r"https://huggingface\.co/[\w.-]+/[\w.-]+/resolve/[0-9a-f]{40}", model.hub)
        assert model.url() == f"{model.hub}/ggml-{model.name}.bin"


def test_no_two_models_are_one() -> None:
    assert len({model.sha256 for model in ALL.values()}) == len(ALL)
    assert all(re.fullmatch(r"[0-9a-f]{64}", model.sha256) for model in ALL.values())
    assert all(re.fullmatch(r"[0-9a-f]{40}", model.sha1) for model in models.MODELS.values())


def test_a_mirror_has_all_models_in_one_directory() -> None:
    mirror = "https://mirror.example.net/whisper/"
    assert models.MODELS["small.en-tdrz"].url(mirror) == "https://mirror.example.net/whisper/ggml-small.en-tdrz.bin"
    assert models.VAD_MODELS["silero-v6.2.0"].url(mirror).startswith(mirror)


def test_the_default_of_the_role_is_the_pinned_revision() -> None:
    defaults = yaml.safe_load((ROOT / "roles/whisper_server/defaults/main.yml").read_text(encoding="utf-8"))
    assert defaults["whisper_server_model_hub"] == models.HUB
    assert models.MODELS["small.en-tdrz"].url(defaults["whisper_server_model_hub"]).startswith(models.TDRZ_HUB)


def test_a_disk_needs_the_whole_file() -> None:
    for model in ALL.values():
        assert model.bytes <= model.size_mib * 2**20 < model.bytes + 2**20


def test_the_memory_of_a_model_is_what_was_measured() -> None:
    benchmark = measurements()["benchmark"]
    measured = {name: found["gpu_memory_peak_mib"] for name, found in benchmark.items()}
    assert measured == model_memory.MEASURED_MIB


def test_the_drivers_share_is_what_the_first_server_took_more_than_the_second() -> None:
    for model, runs in measurements()["servers_per_gpu"].items():
        first, second = (run["gpu_memory_peak_mib"] for run in runs[:2])
        assert first - (second - first) == model_memory.DRIVER_SHARE_MIB, model


def test_the_drivers_share_is_in_use_without_a_server_on_the_gpu() -> None:
    """And beside a server it is what no process holds."""
    seen = [case["evidence"] for case in measurements()["proof"] if case["evidence"]["others_on_card"] == 0]
    idle = [found["memory_used_mib"] for found in seen if found["process_memory_mib"] is None]
    beside = [found["memory_used_mib"] - found["process_memory_mib"] for found in seen if found["process_memory_mib"]]
    assert len(idle) == 3
    assert len(beside) == 4
    assert all(abs(unclaimed - model_memory.DRIVER_SHARE_MIB) <= 6 for unclaimed in idle + beside)


def test_so_many_servers_fit_as_were_measured_together() -> None:
    for model, runs in measurements()["servers_per_gpu"].items():
        for run in runs:
            foreseen = model_memory.memory_of(model).of(run["servers"])
            assert run["gpu_memory_peak_mib"] <= foreseen <= run["gpu_memory_peak_mib"] * 1.03, (model, run["servers"])


def test_a_model_takes_more_memory_than_its_weights_and_less_than_the_next_larger_form() -> None:
    for name, model in models.MODELS.items():
        assert model_memory.memory_of(name).mib * 2**20 > model.bytes
    for quantized in [name for name in models.MODELS if "-q" in name]:
        whole = quantized.rpartition("-q")[0]
        assert model_memory.memory_of(quantized).mib < model_memory.memory_of(whole).mib
        assert model_memory.memory_of(quantized).basis.startswith("derived: ")


def test_english_models_and_large_v1_and_v2_take_what_was_measured_of_their_shape() -> None:
    for name, shape in {"base.en": "base", "small.en-tdrz": "small", "large-v1": "large-v3"}.items():
        assert model_memory.memory_of(name).mib == model_memory.memory_of(shape).mib
        assert model_memory.memory_of(name).basis == f"as measured on an H100 with {shape}, whose shape it has"


def test_of_a_file_of_ones_own_no_memory_is_known() -> None:
    assert model_memory.memory_of("ggml-mine.bin") is None


def test_auto_offers_multilingual_models_that_were_measured_largest_first() -> None:
    needs = [model_memory.memory_of(name).mib for name in models.AUTO_MODELS]
    assert needs == sorted(needs, reverse=True)
    assert set(models.AUTO_MODELS) <= set(model_memory.MEASURED_MIB)


def test_what_auto_leaves_out_would_never_be_chosen_after_turbo() -> None:
    turbo = model_memory.memory_of("large-v3-turbo").mib
    for name in set(model_memory.MEASURED_MIB) - set(models.AUTO_MODELS):
        assert model_memory.memory_of(name).mib > turbo


def test_turbo_is_three_times_as_fast_as_what_it_stands_before() -> None:
    seconds = {
        name: min(run["median"] for run in found["gpu"] if run["clip"] == "medium" and run["clients"] == 1)
        for name, found in measurements()["benchmark"].items()
    }
    assert seconds["large-v3"] / seconds["large-v3-turbo"] > 3
    assert seconds["medium"] / seconds["large-v3-turbo"] > 2


def test_a_file_of_ones_own_is_told_by_its_ending() -> None:
    assert models.is_own_file("ggml-smoke.en.bin")
    assert not any(models.is_own_file(name) for name in models.MODELS)


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://example.net/models/ggml-mine.bin", "ggml-mine.bin"),
        ("https://example.net/ggml-mine.bin?sig=a/b%2Fc&se=2026", "ggml-mine.bin"),
        ("https://user:p@example.net/ggml-mine.bin#part", "ggml-mine.bin"),
        ("https://example.net/my%20model%2B.bin", "my model+.bin"),
        ("https://example.net/models/ggml-mine.bin/", "ggml-mine.bin"),
        ("file:///srv/ggml-mine.bin", "ggml-mine.bin"),
    ],
)
def test_a_models_file_is_named_by_the_path_of_its_url(url, name):
    assert models.file_name(url) == name


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/",
        "/?sig=secret/a.bin",
        "/a/..",
        "/a/%2E%2e",
        "/..%2Fa.bin",
        "/..%5Ca.bin",
        "/a%0Ab",
        "/a%00",
        "/" + 255 * "a",
        "/.",
    ],
)
def test_a_name_that_would_leave_the_directory_or_is_none_is_refused_without_credentials(path):
    with pytest.raises(ValueError, match=r"^model_url_invalid: ") as error:
        models.file_name(f"https://user:secret@example.net{path}")
    assert "secret" not in str(error.value)
