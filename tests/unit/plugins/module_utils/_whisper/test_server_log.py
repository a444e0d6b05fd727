from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.whisperops.gpu.plugins.module_utils._whisper.log import last_words, read_log
from hypothesis import given
from hypothesis import strategies as st

FIXTURES = Path(__file__).parents[4] / "fixtures" / "whisper_server"


def recorded(name):
    return (FIXTURES / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["h100/gpu.log", "h100/jit.log", "h100/jit2.log", "h100/wrong.log"])
def test_weights_on_the_card_are_told(name):
    log = read_log(recorded(name))
    assert log.placed_on_gpu is True
    assert log.placement_mb == {"CUDA0": 7.67}
    assert log.backend == "CUDA0"
    assert log.devices == [(0, "NVIDIA H100 80GB HBM3", "9.0")]
    assert log.negative == []


@pytest.mark.parametrize(
    ("name", "said", "wish", "placement"),
    [
        ("h100/nogpu.log", ["no GPU found"], False, {"CPU": 7.67}),
        ("h100/hidden.log", ["no CUDA-capable device is detected", "no GPU found"], True, {"CPU": 7.67}),
        ("cpu_image.log", ["no GPU found"], True, {"CPU": 7.67}),
        ("cpu_amx.log", ["no GPU found"], False, {"AMX": 0.46, "CPU": 7.21}),
        ("forged_file_name.log", ["no GPU found"], True, {"CPU": 7.67}),
    ],
)
def test_weights_with_the_cpu_are_told_whatever_was_wished(name, said, wish, placement):
    log = read_log(recorded(name))
    assert log.placed_on_gpu is False
    assert log.placement_mb == placement
    assert log.negative == said
    assert log.wished_for_gpu is wish


def test_the_wish_proves_nothing():
    log = "\n".join(line for line in recorded("h100/gpu.log").splitlines() if "total size" not in line)
    assert read_log(log).wished_for_gpu is True
    assert read_log(log).placed_on_gpu is False


def test_the_driver_finding_a_card_proves_nothing():
    # -ng: CUDA lists its devices all the same.
    log = read_log(recorded("h100/nogpu.log"))
    assert log.devices
    assert log.placed_on_gpu is False


def test_what_a_client_has_the_server_print_does_not_count():
    forged = recorded("forged_file_name.log")
    assert "CUDA0 total size" in forged
    assert read_log(forged).placement_mb == {"CPU": 7.67}
    begun_later = forged[forged.index("system_info:") :]
    assert read_log(begun_later).placed_on_gpu is None


def test_a_log_without_its_start_tells_nothing():
    lines = recorded("h100/gpu.log").splitlines()
    start = next(number for number, line in enumerate(lines) if line == "whisper_model_load: loading model")
    assert read_log("\n".join(lines[start + 1 :])).placed_on_gpu is None


def test_a_start_that_is_not_over_tells_nothing():
    log = recorded("h100/gpu.log").split("whisper_init_state: compute buffer (decode)", maxsplit=1)[0]
    assert "CUDA0 total size" in log
    assert read_log(log).placed_on_gpu is None


def test_a_start_without_a_gpu_tells_that_before_it_is_over():
    log = recorded("h100/hidden.log").split("whisper_model_load: loading model", maxsplit=1)[0]
    assert read_log(log).placed_on_gpu is False


def test_a_few_weights_on_the_card_are_not_the_model():
    log = recorded("h100/gpu.log").replace(
        "whisper_model_load: model size ",
        "whisper_model_load:          CPU total size =   100.00 MB\nwhisper_model_load: model size ",
    )
    assert read_log(log).placed_on_gpu is False


def test_the_voice_activity_detector_has_no_gpu_and_does_not_count():
    # It is loaded with the first request, always for the CPU.
    log = recorded("h100/gpu.log") + "\nwhisper_backend_init_gpu: no GPU found\n"
    assert read_log(log).placed_on_gpu is True


def test_the_last_words_of_a_server_without_code_for_the_card():
    assert last_words(recorded("h100/wrong.log")) == ["no kernel image is available for execution on the device"]
    assert last_words(recorded("h100/gpu.log")) == []


@given(st.text())
def test_any_text_can_be_read(text):
    assert read_log(text).placed_on_gpu in (None, False)


LINES = recorded("h100/gpu.log").splitlines() + recorded("h100/hidden.log").splitlines()


@given(st.lists(st.sampled_from(LINES), max_size=60))
def test_no_selection_of_lines_proves_without_a_placement(lines):
    log = read_log("\n".join(lines))
    if log.placed_on_gpu:
        assert "whisper_model_load:        CUDA0 total size =     7.67 MB" in lines
        assert "whisper_backend_init_gpu: no GPU found" not in lines[: lines.index("whisper_model_load: loading model")]


@given(st.lists(st.text(alphabet=st.characters(exclude_categories=["Cs"])), max_size=5))
def test_what_comes_after_the_start_changes_nothing(later):
    start = recorded("h100/nogpu.log")
    assert read_log(start + "\n" + "\n".join(later)) == read_log(start)
