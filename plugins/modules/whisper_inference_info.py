#!/usr/bin/python
# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: whisper_inference_info
short_description: Transcribe reference audio and prove the use of the GPU
version_added: 0.1.0
author: The whisperops.gpu founders (@whisperops)
description:
  - Posts an audio file to a running server, as a client would, and returns what came back and how long it took. The
    request asks for a transcript without translation and without speakers, whatever the server is started with.
  - With O(gpu) it watches that GPU meanwhile, by NVML or nvidia-smi, reads the server's own log and asks the kernel
    what the server's process holds open. RV(gpu_used) is true only with a finished inference and at least two
    independent kinds of evidence that agree; C(docs/proof.md) in the collection explains the rule.
  - A server that gives no transcript is a failure. One that gives another text than expected is not; compare
    RV(expected_similarity). A server that did not use its GPU is not one either; look at RV(gpu_used).
  - Needs root to see what another user's process holds open.
options:
  url:
    description: The server's inference path, for example C(http://127.0.0.1:8080/v1/audio/transcriptions).
    type: str
    required: true
  audio:
    description: Path of the audio file on the host that runs the module. WAV, MP3, FLAC or OGG.
    type: path
    required: true
  expected_text:
    description: What is said in the file.
    type: str
  language:
    description: Language of the speech, as the server takes it (V(de)). Unset, the server's own.
    type: str
  timeout_seconds:
    description: Seconds to wait for the server before it counts as failed.
    type: int
    default: 600
  gpu:
    description: UUID of the GPU or MIG device that the server is to use. Unset for a server on the CPU.
    type: str
  container:
    description: Name of the server's container, for its log since its start and for its processes.
    type: str
  docker_host:
    description: The engine of O(container).
    type: str
    default: unix:///run/docker.sock
  pid:
    description: The server's process, if it runs outside of a container.
    type: int
  log_path:
    description: A file with what the server wrote to its standard error, if it runs outside of a container.
    type: path
  device_code:
    description:
      - The verdict of the plan on the image's device code for the GPU. V(none) if the image has none that it can run.
      - Without code for the GPU nothing can run there; code alone proves nothing.
    type: str
    choices: [native, same_major, jit, none]
  sample_interval_seconds:
    description: Seconds between two looks at the GPU.
    type: float
    default: 0.05
  watch_seconds:
    description:
      - How long the GPU is watched at work. If the inference is over sooner, the file is posted again until then. The
        driver's figures are averages over up to one second.
      - Where nobody can tell whose the work on the GPU is, this is done three times with pauses between.
    type: float
    default: 2.0
attributes:
  check_mode:
    support: full
    description: Changes nothing, so it does the same in check mode.
  diff_mode:
    support: none
    description: Changes nothing.
"""

EXAMPLES = r"""
- name: Transcribe a file
  whisperops.gpu.whisper_inference_info:
    url: http://127.0.0.1:8080/v1/audio/transcriptions
    audio: /var/lib/whisper/speech/jfk.wav
    expected_text: >-
      And so my fellow Americans, ask not what your country can do for you, ask what you can do for your country.
  register: inference

- name: Show the transcript and the real-time factor
  ansible.builtin.debug:
    msg: "{{ inference.text }} ({{ inference.real_time_factor }} of real time)"

- name: Verify that a server uses the GPU
  whisperops.gpu.whisper_inference_info:
    url: http://127.0.0.1:8080/v1/audio/transcriptions
    audio: /var/lib/whisper/speech/jfk.wav
    gpu: GPU-5bd31b3d-1b2c-4b8e-9d2c-0c3f3a0e1080
    container: whisper-server-0
    device_code: native
  become: true
  register: proof
  failed_when: proof.gpu_used is not true
"""

RETURN = r"""
text:
  description: The transcript, on one line. V(null) if the server gave none.
  returned: always, once the audio was read
  type: str
  sample: hello world check the speech model
expected_similarity:
  description:
    - Share of the words that the transcript and O(expected_text) have in the same order, from 0 to 1. Case and
      punctuation do not count. V(null) without O(expected_text).
  returned: always, once the audio was read
  type: float
  sample: 1.0
wrapped:
  description:
    - Whether the server breaks its answers into lines of at most 60 bytes, also in the middle of words, as that of
      whisper.cpp 1.8.4 to 1.9.3 does. V(null) for a transcript too short to tell, or none, and for a server that was
      told where lines end.
  returned: always, once the audio was read
  type: bool
  sample: false
seconds:
  description: Seconds from the request to the whole answer, of the first inference.
  returned: always, once the audio was read
  type: float
  sample: 0.412
audio_seconds:
  description: Length of the audio in seconds. V(null) for a file that is not WAV.
  returned: always, once the audio was read
  type: float
  sample: 2.35
real_time_factor:
  description: RV(seconds) divided by RV(audio_seconds). Less than 1 is faster than speech.
  returned: always, once the audio was read
  type: float
  sample: 0.175
proof_seconds:
  description: Seconds that all of it took.
  returned: always, once the audio was read
  type: float
  sample: 2.9
error:
  description: Why the server gave no transcript. V(null) if it gave one.
  returned: always, once the audio was read
  type: str
  sample: null
gpu_used:
  description:
    - Whether the inference ran on O(gpu). True with a finished inference and two kinds of evidence or more, none of
      which says otherwise; false where one does; V(null) where it cannot be known.
    - Without O(gpu), false if the server's log says that it has no GPU, else V(null).
  returned: always, once the audio was read
  type: bool
  sample: true
missing:
  description: The conditions and kinds of evidence that are absent or unknown. Empty without O(gpu).
  returned: always, once the audio was read
  type: list
  elements: str
  sample: [utilization]
cause:
  description:
    - Where RV(gpu_used) is not true although O(gpu) was given, or where the server ended instead of transcribing, the
      most likely cause. Otherwise V(null).
  returned: always, once the audio was read
  type: dict
  contains:
    code:
      description: A code to look up in the collection's C(docs/troubleshooting.md).
      type: str
      sample: container_without_gpu
    message:
      description: What was seen.
      type: str
      sample: "The container was created without a GPU: by the wrong runtime, or with no device."
    remedy:
      description: What to do about it.
      type: str
      sample: Run site.yml.
ending:
  description: How the server ended, where it gave no transcript because of that. Else V(null).
  returned: always, once the audio was read
  type: dict
  contains:
    exit_code:
      description: Exit code of its process. V(null) if the engine no longer knows it.
      type: int
      sample: 139
    signal:
      description: The signal that ended it, from its exit code. V(null) if none did.
      type: str
      sample: SIGSEGV
    restarts:
      description: How often the engine has started the container again.
      type: int
      sample: 1
    out_of_memory:
      description: Whether the engine says that the kernel ended it for want of memory.
      type: bool
      sample: false
    memory_limit_mib:
      description: Memory limit of its container. V(null) if it has none.
      type: int
      sample: 10042
    lines:
      description: The last lines it wrote before its end.
      type: list
      elements: str
      sample: ["CUDA error: out of memory"]
evidence:
  description: What was seen.
  returned: always, once the audio was read
  type: dict
  contains:
    kinds:
      description:
        - The kinds of evidence, each true (seen), false (the contrary seen) or V(null) (cannot be known). C(log) is
          where the server says that its weights lie, C(process_memory) what the driver's books say that its process
          holds on the GPU, C(utilization) work on the GPU while it transcribed that was its own.
      type: dict
      sample: {log: true, process_memory: true, utilization: true}
    log:
      description: What the server's log says up to the end of its start. V(null) if it cannot be read.
      type: dict
      sample: {placed_on_gpu: true, placement_mb: {CUDA0: 147.37}, backend: CUDA0, negative: [], complete: true}
    process_memory_mib:
      description: Memory of the server's process on the GPU.
      type: int
      sample: 628
    process_utilization_max_percent:
      description: Highest share of the GPU's processors that was the server's own. V(null) if not told.
      type: int
      sample: 21
    utilization_max_percent:
      description: Highest utilization of the GPU while the server transcribed.
      type: int
      sample: 23
    utilization_baseline_percent:
      description: Highest utilization of the GPU before, and between inferences.
      type: int
      sample: 0
    sm_clock_max_mhz:
      description: Highest clock of the GPU's processors while the server transcribed.
      type: int
      sample: 1980
    sm_clock_baseline_mhz:
      description: Highest clock before, and between inferences.
      type: int
      sample: 345
    memory_used_mib:
      description: Highest memory in use on the GPU, of all its users.
      type: int
      sample: 1252
    others_on_card:
      description: Number of other processes on the GPU. V(null) where the driver does not list them.
      type: int
      sample: 0
    device_open:
      description: Whether the kernel knows the GPU's device as held open by the server. A condition, not a proof.
      type: bool
      sample: true
    device_code:
      description: The O(device_code) that was given. A condition, not a proof.
      type: str
      sample: native
    source:
      description: By what the GPU was watched, V(nvml) or V(nvidia_smi). V(null) if it could not be.
      type: str
      sample: nvml
    samples:
      description: Number of looks at the GPU.
      type: int
      sample: 51
    server:
      description: Why the server's container or log could not be read. V(null) if it could.
      type: str
      sample: null
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.whisperops.gpu.plugins.module_utils._whisper.proof import Prover
from ansible_collections.whisperops.gpu.plugins.module_utils._whisper.server_process import Request


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "url": {"type": "str", "required": True},
            "audio": {"type": "path", "required": True},
            "expected_text": {"type": "str"},
            "language": {"type": "str"},
            "timeout_seconds": {"type": "int", "default": 600},
            "gpu": {"type": "str"},
            "container": {"type": "str"},
            "docker_host": {"type": "str", "default": "unix:///run/docker.sock"},
            "pid": {"type": "int"},
            "log_path": {"type": "path"},
            "device_code": {"type": "str", "choices": ["native", "same_major", "jit", "none"]},
            "sample_interval_seconds": {"type": "float", "default": 0.05},
            "watch_seconds": {"type": "float", "default": 2.0},
        },
        mutually_exclusive=[("container", "pid"), ("container", "log_path")],
        supports_check_mode=True,
    )
    given = module.params
    request = Request(
        url=given["url"],
        audio=given["audio"],
        expected_text=given["expected_text"],
        language=given["language"] or None,
        timeout_seconds=given["timeout_seconds"],
        gpu=given["gpu"] or None,
        container=given["container"] or None,
        docker_host=given["docker_host"],
        device_code=given["device_code"],
        pid=given["pid"],
        log=given["log_path"],
        interval_seconds=given["sample_interval_seconds"],
        watch_seconds=given["watch_seconds"],
    )
    try:
        result = Prover().prove(request)
    except OSError as error:
        module.fail_json(msg=str(error))
    if result["error"] is not None:
        module.fail_json(msg=result["error"], **result)
    module.exit_json(changed=False, **result)


if __name__ == "__main__":
    main()
