"""How a server ended, and what that is called."""

from __future__ import annotations

import contextlib
import io
import json
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from ansible_collections.whisperops.gpu.plugins.module_utils._docker_api import ending
from ansible_collections.whisperops.gpu.plugins.module_utils._docker_api.container import (
    Containers,
    described,
    seconds_of,
)
from ansible_collections.whisperops.gpu.plugins.module_utils._docker_api.ending import Ending
from ansible_collections.whisperops.gpu.plugins.module_utils._gpu.model import Gpu, Process
from ansible_collections.whisperops.gpu.plugins.module_utils._whisper import server_process, wait
from ansible_collections.whisperops.gpu.plugins.module_utils._whisper.diagnosis import cause, cause_of_end
from ansible_collections.whisperops.gpu.plugins.module_utils._whisper.facts import Facts
from ansible_collections.whisperops.gpu.plugins.module_utils._whisper.log import read_log

FIXTURES = Path(__file__).parents[4] / "fixtures"
ENGINE = FIXTURES / "docker_engine"
H100 = FIXTURES / "whisper_server" / "h100"
# A real server up to the end of its first request.
SERVED = (H100 / "gpu.log").read_text(encoding="utf-8").splitlines()
LOADING = SERVED[: next(number for number, line in enumerate(SERVED) if "total size" in line)]
WRONG = (H100 / "wrong.log").read_text(encoding="utf-8").splitlines()
GIVEN = Facts(has_gpu=True, nodes_in_container=True, gpu="GPU-7", transcribes=False)


def inspected(**state):
    seen = json.loads((ENGINE / "loop_inspect.json").read_text(encoding="utf-8"))
    return {"Id": "5817" * 16, "Name": "/whisper-server-0", **seen, "State": {**seen["State"], **state}}


class Recorded(Containers):
    """The engine's recorded answers in place of its socket; logs end where `until` says, as the engine does it."""

    def __init__(self):
        super().__init__("/none", 1)

    @contextlib.contextmanager
    def request(self, method, target, body=None):
        query = parse_qs(urlsplit(target).query)
        if target.startswith("/events"):
            assert json.loads(query["filters"][0])["event"] == ["die", "oom"]
            content = (ENGINE / "loop_events.jsonl").read_bytes()
        else:
            until = float(query.get("until", ["inf"])[0])
            stamped = [line.split(" ", 1) for line in (ENGINE / "loop.log").read_text().splitlines()]
            lines = [text for stamp, text in stamped if float(seconds_of(stamp)) <= until]
            content = b"".join(
                b"\2\0\0\0" + len(line + "\n").to_bytes(4, "big") + f"{line}\n".encode() for line in lines
            )
        answer = io.BytesIO(content)
        answer.status = 200
        yield answer


def test_a_container_that_runs_again_still_tells_how_it_ended():
    seen = Recorded().ending(described(inspected()))
    assert (seen.exit_code, seen.restarts, seen.running, seen.out_of_memory) == (134, 3, True, False)
    assert seen.lines[-1] == "last words", "a line of the next start is among those of the end"


def test_a_container_that_never_ended_tells_nothing():
    assert Recorded().ending(described(inspected(FinishedAt="0001-01-01T00:00:00Z"))) is None


def test_an_end_counts_for_a_request_that_came_before_it():
    server = server_process.Server(container=described(inspected()), ending=Ending(134))
    ended = 1795597631.565658865
    assert server.ended_since(ended - 1) == Ending(134)
    assert server.ended_since(ended + 1) is None
    waiting = server._replace(container=described(inspected(Pid=0, Restarting=True)))
    assert waiting.ended_since(ended + 1) == Ending(134)


@pytest.mark.parametrize(
    ("code", "name"),
    [(132, "SIGILL"), (134, "SIGABRT"), (137, "SIGKILL"), (139, "SIGSEGV"), (1, None), (0, None), (None, None)],
)
def test_exit_codes_are_signals(code, name):
    assert ending.signal_name(code) == name


def test_of_several_starts_the_newest_counts():
    assert ending.in_inference(SERVED)
    assert not ending.in_inference([*SERVED, *LOADING])
    assert ending.last_run([*SERVED, *LOADING]) == ending.last_run(LOADING)


def test_the_line_by_which_a_real_server_gave_up():
    assert ending.fatal_line(SERVED) is None
    assert ending.fatal_line(WRONG).startswith("CUDA error: no kernel image is available")


@pytest.mark.parametrize(
    "line",
    [
        "whisper_init_from_file_with_params_no_state: failed to open '/models/none.bin'",
        "couldn't bind to server socket: hostname=0.0.0.0 port=8080",
        "whisper-server: /lib/x86_64-linux-gnu/libc.so.6: version `GLIBC_2.38' not found (required by whisper-server)",
        "whisper-server: symbol lookup error: whisper-server: undefined symbol: ggml_backend_load_all",
        "Segmentation fault (core dumped)",
        "bash: line 1: whisper-server: command not found",
        "exec /opt/whisper/whisper-server: exec format error",
    ],
)
def test_what_else_ends_a_server(line):
    assert ending.fatal_line([*LOADING, line]) == line


# In the words of CUDA (cudaGetErrorString), ggml and the C++ library.
@pytest.mark.parametrize(
    ("code", "exit_code", "lines"),
    [
        ("no_kernel_image", 139, WRONG),
        ("no_kernel_image", 139,
         [*SERVED, "/src/ggml-cuda/x.cuh:7: ERROR: CUDA kernel k has no device code compatible with CUDA arch 610."
          " ggml-cuda.cu was compiled for: 750", "CUDA error: unspecified launch failure"]),
        ("illegal_instruction", 132, LOADING),
        ("illegal_instruction", 132, SERVED),
        ("gpu_out_of_memory", 1,
         [*LOADING, "ggml_backend_cuda_buffer_type_alloc_buffer: allocating 7.81 MiB on device 0: cudaMalloc failed:"
          " out of memory"]),
        ("gpu_out_of_memory", 139, [*SERVED, "CUDA error: out of memory"]),
        ("gpu_out_of_memory", 139, [*SERVED, "CUDA error: the resource allocation failed"]),
        ("gpu_busy", 139, [*LOADING, "CUDA error: CUDA-capable device(s) is/are busy or unavailable"]),
        ("gpu_hardware_error", 139, [*SERVED, "CUDA error: uncorrectable ECC error encountered"]),
        ("cuda_not_supported", 139, [*LOADING, "CUDA error: operation not supported"]),
        ("out_of_memory", 139, [*SERVED, "terminate called after throwing an instance of 'std::bad_alloc'"]),
        ("server_died_in_inference", 139, [*SERVED, "CUDA error: an illegal memory access was encountered"]),
        ("server_died_in_inference", 139, [*SERVED, "/src/ggml-cuda/fattn.cu:7: fatal error"]),
        ("server_died_in_inference", 139, SERVED),
        ("server_killed", 137, SERVED),
        ("server_killed", 137, LOADING),
        ("gpu_lost_in_container", 139, [*SERVED, "CUDA error: unknown error"]),
        ("fabric_manager_not_ready", 139, [*LOADING, "CUDA error: system not yet initialized"]),
        ("driver_library_not_in_container", 127,
         ["whisper-server: error while loading shared libraries: libcuda.so.1: cannot open shared object file: No such"
          " file or directory"]),
        ("cuda_failed", 139, [*LOADING, "CUDA error: initialization error"]),
        ("server_failed", 0, ["error: unknown argument: --none"]),
        ("server_failed", 127, ["bash: line 1: whisper-server: command not found"]),
    ],
)  # fmt: skip
def test_each_end_has_its_code(code, exit_code, lines):
    found = cause(GIVEN._replace(log=read_log(""), ending=Ending(exit_code, 1, True, lines=lines)))
    assert found.code == code
    assert "transcribes" not in found.message
    if "server died" in found.message:
        assert f"exit code {exit_code}" in found.message


def test_an_end_is_told_with_its_signal_and_restarts():
    found = cause(GIVEN._replace(ending=Ending(139, 2, True, lines=[*SERVED, "GGML_ASSERT(buffer) failed"])))
    assert found.message == (
        "The server died in its inference (exit code 139, SIGSEGV, restarted 2 times): GGML_ASSERT(buffer) failed."
    )


def test_who_holds_the_memory_of_the_gpu_is_told():
    gpu = Gpu(uuid="GPU-7", memory_total_mib=8192, memory_used_mib=8000)
    gpu.processes = [Process(7, "small", 100, None), Process(42, "python3", 7900, "c0ffee" * 8)]
    facts = GIVEN._replace(gpus=[gpu], ending=Ending(139, lines=[*SERVED, "CUDA error: out of memory"]))
    assert cause(facts).message.endswith(
        "Of 8192 MiB of GPU-7 8000 are in use now: python3 (42, container c0ffeec0ffee, 7900 MiB), small (7, 100 MiB)."
    )


def test_the_kernels_killer_is_believed_whatever_the_code():
    assert cause(GIVEN._replace(ending=Ending(1, out_of_memory=True, lines=SERVED))).code == "server_killed"


def test_a_container_that_reached_its_memory_limit_tells_the_limit():
    limited = described(inspected(OOMKilled=True))._replace(memory_limit_mib=4096)
    assert Recorded().ending(limited).as_dict()["memory_limit_mib"] == 4096
    problem = cause(GIVEN._replace(ending=Ending(137, out_of_memory=True, lines=SERVED, memory_limit_mib=4096)))
    assert problem.code == "server_killed"
    assert "limited to 4096 MiB" in problem.message
    assert "whisper_server_memory_limit_mib" in problem.remedy


@pytest.mark.parametrize(("out_of_memory", "limit"), [(False, 4096), (True, None)])
def test_a_limit_is_not_named_where_it_was_none_or_memory_was_not_the_reason(out_of_memory, limit):
    problem = cause(GIVEN._replace(ending=Ending(137, 0, False, out_of_memory, SERVED, limit)))
    assert problem.code == "server_killed"
    assert "limited" not in problem.message
    assert "whisper_server_memory_limit_mib" not in problem.remedy


@pytest.mark.parametrize(("memory", "limit"), [(4 << 30, 4096), (0, None), (None, None)])
def test_the_memory_limit_of_a_container_is_read(memory, limit):
    container = inspected()
    container["HostConfig"] = {**(container.get("HostConfig") or {}), "Memory": memory}
    assert described(container).memory_limit_mib == limit


def test_a_server_on_the_cpu_has_no_cause_but_its_end():
    assert cause_of_end(Facts(gpu=None)) is None
    assert cause_of_end(Facts(gpu=None, ending=Ending(132, lines=LOADING))).code == "illegal_instruction"


def test_what_an_earlier_start_met_does_not_explain_a_server_that_runs():
    facts = GIVEN._replace(log=read_log("\n".join(SERVED)), last_words=["out of memory"], transcribes=True)
    assert cause(facts).code != "gpu_out_of_memory"


# --- waiting for a server -------------------------------------------------------------------------------------------


def looks(*states):
    """Each look at the server, the last one again and again."""
    servers = [
        server_process.Server(
            container=described({**inspected(**state), "RestartCount": restarts}), ending=Ending(1, restarts)
        )
        for restarts, state in states
    ]
    iterator = iter(servers)

    def look():
        nonlocal servers
        servers = [next(iterator, servers[-1])]
        return servers[0]

    return look


def test_a_server_that_answers_is_ready():
    answers = iter([False, False, True])
    assert wait.until_ready(looks((0, {})), lambda: next(answers), 5, 0) is None


def test_a_server_that_ends_twice_is_not_waited_for():
    server = wait.until_ready(looks((0, {}), (1, {}), (2, {})), lambda: False, 3600, 0)
    assert server.ending.restarts == 2


def test_earlier_ends_of_a_server_that_runs_are_its_past():
    server = wait.until_ready(looks((7, {})), lambda: False, 0.05, 0.01)
    assert server.ending is None
    assert wait.why_not(server, Facts(), 0.05).code == "server_failed"


def test_a_server_that_has_ended_for_good_is_not_waited_for():
    server = wait.until_ready(looks((0, {"Running": False, "Pid": 0})), lambda: False, 3600, 0)
    facts = Facts(gpu=None, ending=Ending(132, lines=LOADING))
    assert wait.why_not(server, facts, 3600).code == "illegal_instruction"


def test_nobody_answers_where_nobody_listens():
    assert wait.healthy("http://127.0.0.1:1/health") is False
