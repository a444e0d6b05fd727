"""Transcribe a file with OpenAI's own client: openai_client.py BASE_URL FILE. A key, if any, is in OPENAI_API_KEY."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import openai

base_url, audio = sys.argv[1:]
client = openai.OpenAI(base_url=base_url, api_key=os.environ.get("OPENAI_API_KEY", "none"), max_retries=0)
print(client.audio.transcriptions.create(model="whisper-1", file=Path(audio)).text.strip())
