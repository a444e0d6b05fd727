"""Where the tests find Chromium and the service with its stubs."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "report"))
sys.path.insert(0, str(Path(__file__).parents[1] / "unit" / "roles" / "whisper_api"))
from api_service import service, shared  # in the folder of the unit tests

__all__ = ["service", "shared"]
