"""Where the tests find the service with its stubs, and Chromium."""

from __future__ import annotations

import sys
from pathlib import Path

TESTS = Path(__file__).parents[1]
sys.path[:0] = [str(TESTS / "report"), str(TESTS / "unit" / "roles" / "whisper_api")]
