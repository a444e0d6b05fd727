"""Transcribe a file with OpenAI's own client: openai_client.py BASE_URL FILE."""

from __future__ import annotations

import sys
from pathlib import Path

import openai

base_url, audio = sys.argv[1:]
client = openai.OpenAI(base_url=base_url, api_key="none", max_retries=0)
print(client.audio.transcriptions.create(model="whisper-1", file=Path(audio)).text.strip())
