"""The output of whisper-bench, as the real one printed it (tests/fixtures/whisper_bench)."""

from __future__ import annotations

from pathlib import Path

from ansible_collections.whisperops.gpu.plugins.plugin_utils._report.engine_bench import timings

OUTPUT = (Path(__file__).parents[4] / "fixtures" / "whisper_bench" / "h100-smoke.txt").read_text()


def test_the_timings_of_each_stage():
    assert timings(OUTPUT) == {
        "load_ms": 114.28,
        "encode_ms": 0.82,
        # 94.69 ms in 256 runs, 27.03 in 320, 17.18 in 4096.
        "decode_ms_per_token": 0.3699,
        "batch_of_5_ms_per_token": 0.0845,
        "prompt_ms_per_token": 0.0042,
    }


def test_a_benchmark_that_was_cut_off_has_none():
    assert timings(OUTPUT[: OUTPUT.index("whisper_print_timings:   batchd")]) is None
    assert timings("") is None
