from __future__ import annotations

import json
import math
import os

import pytest
from ansible_collections.whisperops.gpu.plugins.module_utils._whisper.record import entry, keep, merged, metrics
from hypothesis import given
from hypothesis import strategies as st

GPU = "GPU-5bd31b3d"
SERVER = {"container": "whisper-server-0", "url": "http://127.0.0.1:8080/v1/audio/transcriptions", "gpu": GPU}
PROVEN = {
    "text": "hello",
    "expected_similarity": 1.0,
    "gpu_used": True,
    "real_time_factor": 0.1,
    "missing": [],
    "cause": None,
}


@pytest.mark.parametrize(
    ("server", "result", "success"),
    [
        (SERVER, PROVEN, True),
        (SERVER, {**PROVEN, "gpu_used": False}, False),
        (SERVER, {**PROVEN, "gpu_used": None}, False),
        (SERVER, {**PROVEN, "expected_similarity": 0.79}, False),
        (SERVER, {**PROVEN, "text": None, "expected_similarity": None}, False),
        (SERVER, {"msg": "the module itself failed"}, False),
        ({**SERVER, "gpu": None}, {**PROVEN, "gpu_used": False}, True),
        ({**SERVER, "gpu": None}, {**PROVEN, "expected_similarity": None}, True),
    ],
)
def test_success_is_the_right_transcript_on_what_was_planned(server, result, success):
    made = entry(server, result, 0.8, 1795376591)
    assert made["success"] is success
    assert (made["container"], made["port"], made["checked_at"]) == ("whisper-server-0", 8080, 1795376591)


def test_others_stay_while_the_plan_has_them():
    earlier = {
        "servers": [{"port": 8080, "container": "a"}, {"port": 8081, "container": "b"}, {"port": 9, "container": "c"}]
    }
    new = [{"port": 8080, "container": "new"}]
    assert [one["container"] for one in merged(earlier, new, [8080, 8081])] == ["new", "b"]
    assert [one["container"] for one in merged(earlier, new, None)] == ["c", "new", "b"]


@pytest.mark.parametrize("kept", [None, [], {}, {"servers": None}, {"servers": ["x"]}])
def test_a_record_of_another_form_is_written_anew(kept):
    assert merged(kept, [{"port": 1}], None) == [{"port": 1}]


def test_metrics_leave_out_what_is_not_known():
    text = metrics([entry(SERVER, {**PROVEN, "gpu_used": None, "real_time_factor": None}, 0.8, 1795376591)])
    assert 'whisper_proof_success{server="whisper-server-0",gpu="GPU-5bd31b3d"} 0\n' in text
    assert 'whisper_proof_timestamp_seconds{server="whisper-server-0",gpu="GPU-5bd31b3d"} 1795376591\n' in text
    assert "whisper_proof_gpu_used{" not in text
    assert "whisper_proof_real_time_factor{" not in text


@given(st.text())
def test_no_name_breaks_a_line_of_metrics(name):
    text = metrics([entry({**SERVER, "container": name}, PROVEN, 0.8, 1)])
    lines = [line for line in text.split("\n") if line and not line.startswith("#")]
    assert len(lines) == 5
    assert all(line.startswith("whisper_proof_") for line in lines)


def test_both_files_are_replaced_and_readable_by_all(tmp_path):
    record, prom = tmp_path / "proof.json", tmp_path / "metrics" / "whisper_proof.prom"
    keep([entry(SERVER, PROVEN, 0.8, 1)], [8080], str(record), str(prom))
    first = record.stat().st_ino
    keep([entry(SERVER, PROVEN, 0.8, 2)], [8080], str(record), str(prom))
    assert json.loads(record.read_text(encoding="utf-8"))["servers"][0]["checked_at"] == 2
    assert record.stat().st_ino != first
    assert record.stat().st_mode & 0o777 == prom.stat().st_mode & 0o777 == 0o644
    assert sorted(os.listdir(tmp_path)) == ["metrics", "proof.json"]


ODD = [None, True, -1, 1.5, 1e400, float("nan"), 10**400, "", "x", [], [[]], {}, {"a": []}]


@pytest.mark.parametrize("odd", ODD, ids=range(len(ODD)))
@pytest.mark.parametrize("key", ["port", "container", "gpu", "success", "checked_at", "similarity"])
def test_an_odd_entry_of_the_earlier_record_loses_none_of_the_others(tmp_path, key, odd):
    record, prom = tmp_path / "proof.json", tmp_path / "whisper_proof.prom"
    earlier = {"port": 9, "container": "old", "gpu": GPU, "success": True, key: odd}
    sound = {"port": 8081, "container": "b", "gpu": None, "success": True}
    record.write_text(json.dumps({"servers": [earlier, odd, sound]}), encoding="utf-8")
    keep([entry(SERVER, PROVEN, 0.8, 1)], None, str(record), str(prom))
    # As strict readers of JSON take it: no NaN.
    kept = json.loads(record.read_text(encoding="utf-8"), parse_constant=pytest.fail)["servers"]
    assert {8080, 8081} <= {one["port"] for one in kept}
    lines = [line for line in prom.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    assert all(math.isfinite(float(line.rpartition(" ")[2])) for line in lines)


@pytest.mark.parametrize("odd", ODD, ids=range(len(ODD)))
@pytest.mark.parametrize("key", [*PROVEN, "wrapped", "error"])
def test_an_odd_result_of_a_host_is_recorded_and_no_traceback(tmp_path, key, odd):
    made = entry(SERVER, {**PROVEN, key: odd}, 0.8, 1)
    keep([made], None, str(tmp_path / "proof.json"), str(tmp_path / "whisper_proof.prom"))
    # As strict readers of JSON take it: no NaN.
    json.loads((tmp_path / "proof.json").read_text(encoding="utf-8"), parse_constant=pytest.fail)


@pytest.mark.parametrize("text", ["[" * 100_000, '{"servers": ' + "[" * 100_000, "1" * 10_000, "\xff"], ids=range(4))
def test_a_record_that_cannot_be_read_is_written_anew(tmp_path, text):
    record = tmp_path / "proof.json"
    record.write_bytes(text.encode("latin-1"))
    keep([entry(SERVER, PROVEN, 0.8, 1)], None, str(record), str(tmp_path / "whisper_proof.prom"))
    assert len(json.loads(record.read_text(encoding="utf-8"))["servers"]) == 1


def test_a_deeply_nested_entry_does_not_lose_the_record(tmp_path):
    record = tmp_path / "proof.json"
    deep = '{"port": 9, "missing": ' + "[" * 500 + "]" * 500 + "}"
    record.write_text('{"servers": [' + deep + "]}", encoding="utf-8")
    keep([entry(SERVER, PROVEN, 0.8, 1)], None, str(record), str(tmp_path / "whisper_proof.prom"))
    assert [one["port"] for one in json.loads(record.read_text(encoding="utf-8"))["servers"]] == [9, 8080]


def test_a_text_without_end_does_not_fill_the_record():
    assert len(entry(SERVER, {"error": "x" * 10**6}, 0.8, 1)["error"]) == 2000
