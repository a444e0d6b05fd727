"""Coverage-guided fuzzing of the ELF and fat binary readers: any bytes get an answer, in bounded time.

    pip install atheris
    python tests/fuzz/fuzz_fatbin.py [--seconds 120]

It starts from the real libraries under tests/fixtures/fatbin. An exception, or an input that takes more than 10
seconds, ends it with a non-zero status and the input in crash-* or timeout-*. The number of executions comes last; what
was found to be interesting stays in .cache/fuzz_fatbin for the next run.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import atheris

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / ".collections"))

with atheris.instrument_imports(include=["ansible_collections.whisperops.gpu.plugins.module_utils._image"]):
    from ansible_collections.whisperops.gpu.plugins.module_utils._image import device_code, fatbin
    from ansible_collections.whisperops.gpu.plugins.module_utils._image.problems import DamagedFileError
    from ansible_collections.whisperops.gpu.plugins.module_utils._image.reader import BytesReader


def one_input(content: bytes) -> None:
    code = device_code.read_device_code(BytesReader(content))
    if code is not None:
        device_code.library_problems("library", code)
        library = device_code.library_as_dict("library", len(content), code)
        assert set(library["complete"]) <= set(library["sass"])
        assert 0 <= library["stub_containers"] <= library["containers"]
    # The same bytes as a section, so that the fuzzer need not invent an ELF file around every container.
    try:
        for _container in fatbin.containers(BytesReader(content), 0, len(content)):
            pass
    except DamagedFileError:
        pass


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=120)
    arguments = parser.parse_args()
    corpus = ROOT / ".cache" / "fuzz_fatbin"
    corpus.mkdir(parents=True, exist_ok=True)
    for path in sorted((ROOT / "tests" / "fixtures" / "fatbin").glob("cuda-*/*")):
        if path.suffix in (".so", ".o"):
            content = path.read_bytes()
            at = content.find((0xBA55ED50).to_bytes(4, "little"))
            name = f"{path.parent.name}-{path.name}"
            (corpus / name).write_bytes(content)
            (corpus / f"{name}-section").write_bytes(content[at:])
    options = [f"-max_total_time={arguments.seconds}", "-timeout=10", "-max_len=32768", "-print_final_stats=1"]
    atheris.Setup([sys.argv[0], *options, str(corpus)], one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
