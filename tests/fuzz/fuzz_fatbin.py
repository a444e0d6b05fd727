"""Coverage-guided fuzzing of the ELF and fat binary readers: any bytes get an answer, in bounded time.

Run it with `make fuzz`. It starts from the real libraries under tests/fixtures/fatbin.
"""

from __future__ import annotations

from typing import Iterator

import atheris
from campaign import FIXTURES, MODULE_UTILS, fuzz

with atheris.instrument_imports(include=[f"{MODULE_UTILS}._image"]):
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


def seeds() -> Iterator[bytes]:
    for path in sorted((FIXTURES / "fatbin").glob("cuda-*/*")):
        if path.suffix in (".so", ".o"):
            content = path.read_bytes()
            yield content
            yield content[content.find((0xBA55ED50).to_bytes(4, "little")) :]


if __name__ == "__main__":
    fuzz("fatbin", one_input, seeds(), max_length=32768)
