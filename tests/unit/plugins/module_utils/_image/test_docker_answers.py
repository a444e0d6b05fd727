"""What real engines answered, read; and answers that no engine should give."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.whisperops.gpu.plugins.module_utils._docker_api import client
from ansible_collections.whisperops.gpu.plugins.module_utils._image import docker_images, inspection
from ansible_collections.whisperops.gpu.plugins.module_utils._problem import InspectionError

sys.path.insert(0, str(Path(__file__).parent))
from recorded_engine import CALLS, DIRECTORY, VERSIONS, RecordedConnection, recorded  # beside this file


@pytest.fixture(params=VERSIONS)
def version(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def inspect(monkeypatch: pytest.MonkeyPatch, *answers: bytes) -> dict[str, Any]:
    monkeypatch.setattr(client, "UnixConnection", RecordedConnection)
    monkeypatch.setattr(RecordedConnection, "answers", iter(answers))
    return inspection.inspect_image(docker_images.Images("/var/run/docker.sock", 1), "an-image")


def problem(monkeypatch: pytest.MonkeyPatch, *answers: bytes) -> str:
    with pytest.raises(InspectionError) as caught:
        inspect(monkeypatch, *answers)
    return caught.value.problem.code


def image_document(version: str, **changes: Any) -> bytes:
    head, _blank, body = recorded(version)[0].partition(b"\r\n\r\n")
    changed = json.dumps({**json.loads(body), **changes}).encode()
    lines = [line for line in head.split(b"\r\n") if not line.startswith(b"Content-Length")]
    return b"\r\n".join([*lines, b"Content-Length: %d" % len(changed), b"", changed])


def test_the_image_is_read_out_of_the_answers_of_a_real_engine(version: str, monkeypatch: pytest.MonkeyPatch) -> None:
    result = inspect(monkeypatch, *recorded(version))
    assert [library["path"] for library in result["libraries"]] == ["/app/libggml-cuda.so"]
    assert (result["cuda_version"], result["require_cuda"], result["user"]) == ("12.4.1", "cuda>=12.4", "1000")
    assert (result["entrypoint"], result["labels"]) == (["bash", "-c"], {"made-by": "capture"})
    assert result["platform"] == "linux/amd64"
    assert [each["code"] for each in result["problems"]] == ["compat_library_shadows_driver"]


def test_an_image_that_the_engine_lacks_is_named(version: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert problem(monkeypatch, (DIRECTORY / version / "not_found.http").read_bytes()) == "image_not_found"


@pytest.mark.parametrize("call", [CALLS.index("image"), CALLS.index("export")], ids=["image", "export"])
def test_an_answer_that_breaks_off_anywhere_is_an_error_with_a_code(
    version: str, call: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = recorded(version)
    head = whole[call].index(b"\r\n\r\n") + 4
    cuts = {0, 10, head // 2, head + 1, (head + len(whole[call])) // 2}
    for cut in sorted(cut for cut in cuts if cut < len(whole[call])):
        answers = [*whole]
        answers[call] = whole[call][:cut]
        assert problem(monkeypatch, *answers) == ("docker_error" if cut else "docker_unreachable")


@pytest.mark.parametrize(
    "changes",
    [
        {"Config": ["a list"]},
        {"Config": {"Env": "not a list"}},
        {"Config": {"Env": [1, None]}},
        {"Config": {"Entrypoint": "bash"}},
        {"Config": {"Cmd": [1]}},
        {"Config": {"User": 1000}},
        {"Config": {"Labels": ["made-by"]}},
        {"Id": ["sha256:0"]},
        {"RepoDigests": "a@sha256:0"},
        {"RepoDigests": [1, "a"]},
        {"Os": 1},
    ],
    ids=str,
)
def test_a_document_of_another_form_is_an_error_with_a_code(changes: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    version = VERSIONS[-1]
    assert problem(monkeypatch, image_document(version, **changes), *recorded(version)[1:]) == "docker_error"


def test_json_nested_beyond_reason_is_an_error_with_a_code(monkeypatch: pytest.MonkeyPatch) -> None:
    nested = b"[" * 200_000
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(nested), nested)
    assert problem(monkeypatch, answer) == "docker_error"


def test_an_image_may_have_no_configuration_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """Engines from 28 on leave out what is empty."""
    version = VERSIONS[-1]
    result = inspect(monkeypatch, image_document(version, Config=None, RepoDigests=None), *recorded(version)[1:])
    assert (result["entrypoint"], result["cmd"], result["user"], result["labels"]) == (None, None, None, {})
