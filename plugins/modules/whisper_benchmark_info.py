#!/usr/bin/python
# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: whisper_benchmark_info
short_description: Measure the performance of whisper.cpp servers
version_added: 0.1.0
author: The whisperops.gpu founders (@whisperops)
description:
  - Posts audio of several lengths to running servers, from one client and from several, and returns what each
    request took.
  - Meanwhile samples the GPU by NVML, or by C(nvidia-smi) where NVML's library cannot be loaded.
  - Each server is warmed up before each measurement. The very first request is returned apart, as
    RV(first_answer_seconds).
  - Needs the servers to itself; other requests to them would be measured too.
options:
  urls:
    description:
      - Inference paths of the servers, for example C(http://127.0.0.1:8080/v1/audio/transcriptions).
      - Client number n keeps to server number n, beginning anew after the last.
    type: list
    elements: str
    required: true
  label:
    description: Where they run. Stands in each of RV(runs).
    type: str
    choices: [gpu, cpu]
    required: true
  gpu:
    description: UUID of the GPU to sample.
    type: str
  audio:
    description: Path of a WAV file on the host that runs the module. Longer audio is made by repeating it.
    type: path
    required: true
  clips:
    description:
      - Seconds of audio by name. V(0) leaves the file at its length.
      - V(medium) is measured at each of O(clients), the others from one client.
    type: dict
    default: {short: 0, medium: 30, long: 120}
  clients:
    description: Numbers of clients that send requests at the same time.
    type: list
    elements: int
    default: [1, 2, 4]
  requests:
    description: Requests of each client that are measured.
    type: int
    default: 5
  warmup:
    description: Requests to each server before each measurement.
    type: int
    default: 1
  timeout_seconds:
    description: Seconds to wait for one answer before the measurement counts as failed.
    type: int
    default: 600
  started_at:
    description: When the first server was started, as Docker tells it (RFC 3339). Needs O(ready_at).
    type: str
  ready_at:
    description: When it had loaded its model, as the last line of its log before any request tells it (RFC 3339).
    type: str
attributes:
  check_mode:
    support: full
    description: Changes nothing, so it does the same in check mode.
  diff_mode:
    support: none
    description: Changes nothing.
"""

EXAMPLES = r"""
- name: Measure a server on the GPU
  whisperops.gpu.whisper_benchmark_info:
    urls: [http://127.0.0.1:8080/v1/audio/transcriptions]
    label: gpu
    gpu: GPU-5bd31b3d-1b2c-4b8e-9d2c-0c3f3a0e1080
    audio: /var/lib/whisper/speech/jfk.wav
  register: benchmark

- name: Show the median response time and the throughput
  ansible.builtin.debug:
    msg: "{{ item.clip }}, {{ item.clients }} clients: {{ item.median }} s, {{ item.throughput }} times real time"
  loop: "{{ benchmark.runs }}"
"""

RETURN = r"""
machine:
  description: The host that was measured. The cores are those that a program may use there.
  returned: success
  type: dict
  sample: {cpu: Intel(R) Xeon(R), cores: 2, memory_mib: 48130, kernel: 6.12.48, driver: null, gpus: []}
runs:
  description: One entry for each measurement.
  returned: success
  type: list
  elements: dict
  contains:
    label:
      description: O(label).
      type: str
      sample: cpu
    clip:
      description: Name of the audio's length.
      type: str
      sample: medium
    audio_seconds:
      description: Seconds of audio in one request.
      type: float
      sample: 30.0
    clients:
      description: Clients at the same time.
      type: int
      sample: 1
    seconds:
      description: Seconds of each request, in the order of the answers.
      type: list
      elements: float
      sample: [2.143, 2.691]
    median:
      description: Median of RV(runs[].seconds).
      type: float
      sample: 2.417
    p50:
      description: 50th percentile, which is the median.
      type: float
      sample: 2.417
    p95:
      description: 95th percentile.
      type: float
      sample: 2.664
    minimum:
      description: The fastest request.
      type: float
      sample: 2.143
    maximum:
      description: The slowest request.
      type: float
      sample: 2.691
    wall_seconds:
      description: Seconds of the whole measurement.
      type: float
      sample: 4.834
    rtf:
      description: Real-time factor, the median divided by the audio's length. Less than 1 is faster than speech.
      type: float
      sample: 0.0806
    throughput:
      description: Seconds of audio transcribed in one second, all clients together.
      type: float
      sample: 12.4
    gpu_memory_peak_mib:
      description: The most memory in use on the whole GPU. V(null) where it cannot be known.
      type: int
      sample: null
    utilization_mean_percent:
      description: Mean of the GPU's utilization. V(null) where it cannot be known.
      type: float
      sample: null
    energy_j:
      description:
        - Energy that the whole GPU took, in joules, by its own counter, else its power over time.
        - V(null) where neither is told.
      type: float
      sample: null
load_seconds:
  description: Seconds from O(started_at) to O(ready_at). V(null) without them.
  returned: success
  type: float
  sample: 0.224
first_answer_seconds:
  description: Seconds of the first request, before any warm-up.
  returned: success
  type: float
  sample: 7.909
instances:
  description: The number of servers and the most throughput that they reached on medium audio.
  returned: success
  type: list
  elements: dict
  contains:
    servers:
      description: Number of O(urls).
      type: int
      sample: 1
    throughput:
      description: Seconds of audio transcribed in one second, all servers together.
      type: float
      sample: 13.73
samples:
  description: What was seen of the GPU over time. Empty without a GPU.
  returned: success
  type: list
  elements: dict
  contains:
    t:
      description: Seconds since the first.
      type: float
      sample: 0.1
    memory_mib:
      description: Memory in use.
      type: int
      sample: 1116
    utilization:
      description: Utilization in percent.
      type: int
      sample: 4
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.whisperops.gpu.plugins.module_utils._whisper import sweep
from ansible_collections.whisperops.gpu.plugins.module_utils._whisper.client import TranscriptionError
from ansible_collections.whisperops.gpu.plugins.module_utils._whisper.moments import UnreadableMomentError
from ansible_collections.whisperops.gpu.plugins.module_utils._whisper.repeated_audio import UnusableAudioError


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "urls": {"type": "list", "elements": "str", "required": True},
            "label": {"type": "str", "choices": ["gpu", "cpu"], "required": True},
            "gpu": {"type": "str"},
            "audio": {"type": "path", "required": True},
            "clips": {"type": "dict", "default": {"short": 0, "medium": 30, "long": 120}},
            "clients": {"type": "list", "elements": "int", "default": [1, 2, 4]},
            "requests": {"type": "int", "default": 5},
            "warmup": {"type": "int", "default": 1},
            "timeout_seconds": {"type": "int", "default": 600},
            "started_at": {"type": "str"},
            "ready_at": {"type": "str"},
        },
        required_together=[("started_at", "ready_at")],
        supports_check_mode=True,
    )
    try:
        result = sweep.benchmark_of(sweep.Settings.of(module.params))
    except (
        OSError,
        TranscriptionError,
        UnusableAudioError,
        UnreadableMomentError,
        sweep.WrongSettingsError,
    ) as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=False, **result)


if __name__ == "__main__":
    main()
