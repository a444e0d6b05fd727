"""The real libraries under tests/fixtures/fatbin, and the module that built them."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

DIRECTORY = Path(__file__).parents[4] / "fixtures" / "fatbin"


def load_build_matrix() -> ModuleType:
    name = "fatbin_build_matrix"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, DIRECTORY / "build_matrix.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
    return sys.modules[name]


def libraries() -> list[Path]:
    found = sorted(path for path in DIRECTORY.glob("cuda-*/*") if path.suffix in (".so", ".o"))
    assert found, f"no fixtures in {DIRECTORY}"
    return found


def label(path: Path) -> str:
    return f"{path.parent.name}/{path.name}"
