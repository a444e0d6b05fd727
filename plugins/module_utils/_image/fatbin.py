# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The containers of a fat binary section and what each of their entries was compiled for.

Headers are never compressed, so hopping from one to the next tells every architecture and PTX version without reading
the code itself.
"""

from __future__ import annotations

import struct
from functools import lru_cache
from typing import Iterator, NamedTuple

from . import elf
from .budget import Budget
from .problems import DamagedFileError
from .reader import BytesReader, Reader

PTX, SASS, LTO_IR = 1, 2, 8

_CONTAINER = struct.Struct("<IHHQ")
_CONTAINER_MAGIC = 0xBA55ED50
_CONTAINER_VERSION = 1

# kind, version, header size, payload size, compressed size, minor, major, architecture, flags
_ENTRY = struct.Struct("<HHIQI4xHHI8xQ")
_ENTRY_VERSION = 0x0101

_FLAG_ARCHITECTURE_SPECIFIC = 1 << 20
_FLAG_FAMILY_SPECIFIC = 1 << 21
_FLAG_COMPRESSED = 0x2000 | 0x8000

# Limits that no compiler comes near; above them it is damage, and must not cost time or memory.
_LARGEST_HEADER = 4096
_MOST_PADDING = 1024 * 1024
_PADDING_PER_READ = 4096
_ARCHITECTURES = range(10, 1000)
_LARGEST_ISA_MAJOR = 99

# A cubin without kernels, as the link step makes it, has about 1 to 2 KB. A large one is not worth looking into.
_LARGEST_STUB = 16 * 1024


class Entry(NamedTuple):
    kind: int
    architecture: str
    """As nvcc writes it after sm_ or compute_: "61", "90a", "100f"."""
    isa: str | None
    """PTX ISA version, for PTX alone."""
    has_instructions: bool | None
    """For SASS; None where it is compressed and therefore not looked into."""


class Container(NamedTuple):
    entries: tuple[Entry, ...]

    @property
    def is_stub(self) -> bool:
        """No kernel in any of its SASS: what the link step adds, or a source file that has none."""
        if not self.entries:
            return True
        sass = [entry for entry in self.entries if entry.kind == SASS]
        return bool(sass) and all(entry.has_instructions is False for entry in sass)


# Thousands of entries are of a few kinds: each kind is kept once.
@lru_cache(maxsize=1024)
def _shared_entry(entry: Entry) -> Entry:
    return entry


@lru_cache(maxsize=1024)
def _shared_container(container: Container) -> Container:
    return container


def _architecture(number: int, flags: int, at: int) -> str:
    if number not in _ARCHITECTURES:
        raise DamagedFileError("corrupt_fatbin", f"architecture {number} in the entry at byte {at}")
    if flags & _FLAG_ARCHITECTURE_SPECIFIC:
        return f"{number}a"
    if flags & _FLAG_FAMILY_SPECIFIC:
        return f"{number}f"
    return str(number)


def _has_instructions(reader: Reader, offset: int, size: int) -> bool | None:
    if size > _LARGEST_STUB:
        return True
    try:
        return elf.has_instructions(BytesReader(reader.read(offset, size)))
    except DamagedFileError:
        # Only headers decide what an entry is; a cubin that cannot be understood is not called empty.
        return None


def _entry(reader: Reader, at: int, end: int) -> tuple[Entry, int]:
    """The entry at ``at`` and where the next one begins."""
    if at + _ENTRY.size > end:
        raise DamagedFileError("corrupt_fatbin", f"the entry at byte {at} runs past its container's end at {end}")
    (kind, version, header_size, payload, compressed, minor, major, number, flags) = _ENTRY.unpack(
        reader.read(at, _ENTRY.size)
    )
    if version != _ENTRY_VERSION:
        raise DamagedFileError("corrupt_fatbin", f"entry version 0x{version:04x} at byte {at}")
    if not _ENTRY.size <= header_size <= _LARGEST_HEADER:
        raise DamagedFileError("corrupt_fatbin", f"an entry header of {header_size} bytes at byte {at}")
    following = at + header_size + payload
    if following > end:
        raise DamagedFileError("corrupt_fatbin", f"the entry at byte {at} runs past its container's end at {end}")
    architecture = _architecture(number, flags, at)
    isa = None
    has_instructions = None
    if kind == PTX:
        if not 0 < major <= _LARGEST_ISA_MAJOR:
            raise DamagedFileError("corrupt_fatbin", f"PTX version {major}.{minor} in the entry at byte {at}")
        isa = f"{major}.{minor}"
    elif kind == SASS and not compressed and not flags & _FLAG_COMPRESSED:
        has_instructions = _has_instructions(reader, at + header_size, payload)
    return _shared_entry(Entry(kind, architecture, isa, has_instructions)), following


def _skip_padding(reader: Reader, at: int, end: int) -> int:
    """The first byte that is not zero: the linker aligns each object's containers."""
    limit = min(end, at + _MOST_PADDING)
    while at < limit:
        chunk = reader.read(at, min(_PADDING_PER_READ, limit - at))
        rest = chunk.lstrip(b"\0")
        if rest:
            return at + len(chunk) - len(rest)
        at += len(chunk)
    if at < end:
        raise DamagedFileError("corrupt_fatbin", f"{_MOST_PADDING} zero bytes up to byte {at}")
    return end


def containers(reader: Reader, offset: int, size: int, budget: Budget) -> Iterator[Container]:
    """Each container of one section; DamagedFileError where it stops making sense. What came before that holds."""
    end = offset + size
    at = _skip_padding(reader, offset, end)
    while at < end:
        budget.spend()
        if at + _CONTAINER.size > end:
            raise DamagedFileError("corrupt_fatbin", f"the container at byte {at} runs past its section's end at {end}")
        magic, version, header_size, payload = _CONTAINER.unpack(reader.read(at, _CONTAINER.size))
        if magic != _CONTAINER_MAGIC:
            raise DamagedFileError("corrupt_fatbin", f"0x{magic:08x} at byte {at}, where a container should begin")
        if version != _CONTAINER_VERSION:
            raise DamagedFileError("corrupt_fatbin", f"container version {version} at byte {at}")
        if not _CONTAINER.size <= header_size <= _LARGEST_HEADER:
            raise DamagedFileError("corrupt_fatbin", f"a container header of {header_size} bytes at byte {at}")
        container_end = at + header_size + payload
        if container_end > end:
            raise DamagedFileError("corrupt_fatbin", f"the container at byte {at} runs past its section's end at {end}")
        at += header_size
        entries = []
        while at < container_end:
            budget.spend()
            entry, at = _entry(reader, at, container_end)
            entries.append(entry)
        yield _shared_container(Container(tuple(entries)))
        at = _skip_padding(reader, at, end)
