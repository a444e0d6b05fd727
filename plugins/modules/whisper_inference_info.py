#!/usr/bin/python
# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: whisper_inference_info
short_description: Have a whisper.cpp server transcribe known speech
version_added: 0.1.0
author: The whisperops.gpu founders (@whisperops)
description:
  - Posts an audio file to a running server, as a client would, and returns what came back and how long it took.
  - A server that gives no transcript is a failure. One that gives another text than expected is not; compare
    RV(expected_similarity).
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
  timeout_seconds:
    description: Seconds to wait for the server before it counts as failed.
    type: int
    default: 600
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

- name: Show how fast it was
  ansible.builtin.debug:
    msg: "{{ inference.text }} ({{ inference.real_time_factor }} of real time)"
"""

RETURN = r"""
text:
  description: The transcript, on one line.
  returned: success
  type: str
  sample: hello world check the speech model
expected_similarity:
  description:
    - Share of the words that the transcript and O(expected_text) have in the same order, from 0 to 1. Case and
      punctuation do not count. V(null) without O(expected_text).
  returned: success
  type: float
  sample: 1.0
seconds:
  description: Seconds from the request to the whole answer.
  returned: success
  type: float
  sample: 0.412
audio_seconds:
  description: Length of the audio in seconds. V(null) for a file that is not WAV.
  returned: success
  type: float
  sample: 2.35
real_time_factor:
  description: RV(seconds) divided by RV(audio_seconds). Less than 1 is faster than speech.
  returned: success
  type: float
  sample: 0.175
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.whisperops.gpu.plugins.module_utils._whisper.client import (
    TranscriptionError,
    audio_seconds,
    transcribe,
)
from ansible_collections.whisperops.gpu.plugins.module_utils._whisper.similarity import (
    similarity,
)


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "url": {"type": "str", "required": True},
            "audio": {"type": "path", "required": True},
            "expected_text": {"type": "str"},
            "timeout_seconds": {"type": "int", "default": 600},
        },
        supports_check_mode=True,
    )
    audio, expected = module.params["audio"], module.params["expected_text"]
    try:
        with open(audio, "rb") as file:
            content = file.read()
        length = audio_seconds(audio)
        transcription = transcribe(module.params["url"], content, module.params["timeout_seconds"])
    except (OSError, TranscriptionError) as error:
        module.fail_json(msg=str(error))
    module.exit_json(
        changed=False,
        text=transcription.text,
        expected_similarity=None if expected is None else similarity(transcription.text, expected),
        seconds=round(transcription.seconds, 3),
        audio_seconds=None if length is None else round(length, 3),
        real_time_factor=None if not length else round(transcription.seconds / length, 3),
    )


if __name__ == "__main__":
    main()
