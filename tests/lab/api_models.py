"""Each name of a model, on a host of the lab whose API has two models: api_models.py URL SPEECH TEXT.

Three requests are for the first model, two for the second, so that the logs of the servers say which of them answered.
"""

from __future__ import annotations

import json
import os
import sys
import urllib.error
import urllib.request
from pathlib import Path

KEY = {"Authorization": f"Bearer {os.environ['LAB_API_KEY']}"}
FIRST, SECOND = "ggml-smoke.en.bin", "ggml-second.en.bin"
ALIASES = {"whisper-1": FIRST, "second": SECOND}


def post(url: str, speech: bytes, model: str | None) -> dict[str, object]:
    named = f'--limit\r\nContent-Disposition: form-data; name="model"\r\n\r\n{model}\r\n' if model else ""
    head = f'{named}--limit\r\nContent-Disposition: form-data; name="file"; filename="speech.wav"\r\n\r\n'
    request = urllib.request.Request(
        f"{url}/v1/audio/transcriptions",
        head.encode() + speech + b"\r\n--limit--\r\n",
        {"Content-Type": "multipart/form-data; boundary=limit", **KEY},
    )
    try:
        with urllib.request.urlopen(request, timeout=300) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        return {"status": error.code, **json.load(error)["error"]}


def main() -> None:
    url, path, text = sys.argv[1:]
    speech = Path(path).read_bytes()
    with urllib.request.urlopen(urllib.request.Request(f"{url}/v1/models", headers=KEY), timeout=60) as answer:
        listed = [model["id"] for model in json.load(answer)["data"]]
    assert listed == [FIRST, SECOND, *ALIASES], listed
    for model in (None, FIRST, "whisper-1", SECOND, "second"):
        found = post(url, speech, model)
        assert found.get("text") == text, (model, found)
    refused = post(url, speech, "large-v3")
    assert (refused["status"], refused["code"]) == (404, "model_not_found"), refused
    assert all(model in str(refused["message"]) for model in listed), refused


if __name__ == "__main__":
    main()
