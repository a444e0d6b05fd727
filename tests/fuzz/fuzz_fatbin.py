"""Coverage-guided fuzzing of the ELF and fat binary readers: any bytes get an answer, in bounded time.

No more entries are read than the bytes can hold. Run it with `make fuzz`. It starts from the real libraries under
tests/fixtures/fatbin, and from one whose section of device code stands in its table many times.
"""

from __future__ import annotations

import struct
from typing import Iterator

import atheris
from campaign import FIXTURES, MODULE_UTILS, fuzz

with atheris.instrument_imports(include=[f"{MODULE_UTILS}._image"]):
    from ansible_collections.whisperops.gpu.plugins.module_utils._image import device_code, fatbin
    from ansible_collections.whisperops.gpu.plugins.module_utils._image.budget import Budget
    from ansible_collections.whisperops.gpu.plugins.module_utils._image.problems import DamagedFileError
    from ansible_collections.whisperops.gpu.plugins.module_utils._image.reader import BytesReader


SECTION = struct.Struct("<IIQQQQIIQQ")
ENTRY_SIZE = 64


def one_input(content: bytes) -> None:
    code = device_code.read_device_code(BytesReader(content))
    if code is not None:
        device_code.library_problems("library", code)
        assert len(code.entries()) * ENTRY_SIZE <= len(content), "bytes were read more than once"
        library = device_code.library_as_dict("library", len(content), code)
        assert set(library["complete"]) <= set(library["sass"])
        assert 0 <= library["stub_containers"] <= library["containers"]
    # The same bytes as a section, so that the fuzzer need not invent an ELF file around every container.
    try:
        for _container in fatbin.containers(BytesReader(content), 0, len(content), Budget()):
            pass
    except DamagedFileError:
        pass


def repeated(content: bytes, times: int) -> bytes:
    """The library with its section of device code that many times in the table, which moves to its end."""
    (table,) = struct.unpack_from("<Q", content, 0x28)
    count, names = struct.unpack_from("<HH", content, 0x3C)
    headers = [content[table + place * SECTION.size :][: SECTION.size] for place in range(count)]
    offset, size = SECTION.unpack(headers[names])[4:6]
    name = content[offset : offset + size].index(b".nv_fatbin\0")
    wanted = [header for header in headers if SECTION.unpack(header)[0] == name]
    changed = bytearray(content)
    struct.pack_into("<Q", changed, 0x28, len(content))
    struct.pack_into("<H", changed, 0x3C, count + times)
    return bytes(changed) + b"".join(headers + wanted[:1] * times)


def seeds() -> Iterator[bytes]:
    for path in sorted((FIXTURES / "fatbin").glob("cuda-*/*")):
        if path.suffix in (".so", ".o"):
            content = path.read_bytes()
            yield content
            if path.suffix == ".so":
                # So often that the entries would need more bytes than there are.
                yield repeated(content, 300)
            yield content[content.find((0xBA55ED50).to_bytes(4, "little")) :]


if __name__ == "__main__":
    fuzz("fatbin", one_input, seeds(), max_length=65536)
