"""OpenAI's client for JavaScript against the service, with the stub of whisper-server that the unit tests use."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tests" / "unit" / "roles" / "whisper_api"))
from api_host import CLIP, StubServer, running_service  # noqa: E402 - its directory is named above


def main() -> int:
    (modules,) = sys.argv[1:]
    script = Path(modules) / "client.mjs"
    # Node looks for packages next to the program.
    script.write_bytes((Path(__file__).parent / "client.mjs").read_bytes())
    text = CLIP.with_suffix(".txt").read_text(encoding="utf-8").strip()
    server = StubServer()
    with tempfile.TemporaryDirectory() as directory, running_service(Path(directory), [server]) as service:
        ended = subprocess.run(["node", script, service.url, CLIP, text], check=False)
    server.close()
    return ended.returncode


if __name__ == "__main__":
    sys.exit(main())
