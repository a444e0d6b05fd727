# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where in an ELF file the CUDA device code lies, from the fewest possible reads."""

from __future__ import annotations

import struct
from typing import Iterator, NamedTuple

from .budget import Budget
from .problems import DamagedFileError
from .reader import Reader

LINKED = b".nv_fatbin"
RELOCATABLE = b"__nv_relfatbin"

HEADER_SIZE = 64
_ET_REL, _ET_EXEC, _ET_DYN = 1, 2, 3
_SHT_PROGBITS = 1
_SHF_EXECINSTR = 4
_SHN_XINDEX = 0xFFFF

_HEADER = struct.Struct("<16sHHIQQQIHHHHHH")
_SECTION = struct.Struct("<IIQQQQIIQQ")

# Far above anything a linker makes; a larger count in a header is damage, and must not cost time or memory.
_MOST_SECTIONS = 1_000_000
_MOST_SECTION_NAMES = 64 * 1024 * 1024
# However large a header says its tables are, no more than this is in memory.
_BYTES_PER_READ = 64 * 1024


class Header(NamedTuple):
    kind: int
    machine: int
    section_table: int
    section_size: int
    section_count: int
    names_index: int

    @property
    def loadable(self) -> bool:
        """A program or a shared library; not an object file, which no process loads."""
        return self.kind in (_ET_EXEC, _ET_DYN)


class Section(NamedTuple):
    name_offset: int
    kind: int
    flags: int
    offset: int
    size: int
    link: int


def parse_header(first_bytes: bytes) -> Header | None:
    """None for anything but a 64-bit little-endian ELF file, the only kind CUDA exists for today."""
    if len(first_bytes) < HEADER_SIZE or not first_bytes.startswith(b"\x7fELF\x02\x01"):
        return None
    fields = _HEADER.unpack_from(first_bytes)
    return Header(fields[1], fields[2], fields[6], fields[11], fields[12], fields[13])


def _section(reader: Reader, header: Header, index: int) -> Section:
    raw = reader.read(header.section_table + index * header.section_size, _SECTION.size)
    name, kind, flags, _address, offset, size, link, _info, _align, _entry = _SECTION.unpack(raw)
    return Section(name, kind, flags, offset, size, link)


def _complete_header(reader: Reader, header: Header) -> Header:
    """The header with the counts that do not fit its 16-bit fields, and its table known to lie inside the file."""
    if header.section_size < _SECTION.size:
        raise DamagedFileError("corrupt_elf", f"section headers of {header.section_size} bytes")
    count, names_index = header.section_count, header.names_index
    if count == 0 or names_index == _SHN_XINDEX:
        first = _section(reader, header, 0)
        count = count or first.size
        names_index = first.link if names_index == _SHN_XINDEX else names_index
    if count > _MOST_SECTIONS:
        raise DamagedFileError("corrupt_elf", f"{count} section headers")
    table_end = header.section_table + count * header.section_size
    if table_end > reader.size:
        raise DamagedFileError(
            "truncated", f"the section table ends at byte {table_end}, but the file ends at {reader.size}"
        )
    return header._replace(section_count=count, names_index=names_index)


def sections(reader: Reader, header: Header) -> Iterator[Section]:
    """Every section header; ``header`` must come from ``_complete_header``."""
    step = header.section_size
    at_once = max(1, _BYTES_PER_READ // step)
    for first in range(0, header.section_count, at_once):
        here = min(at_once, header.section_count - first)
        table = reader.read(header.section_table + first * step, here * step)
        for index in range(here):
            name, kind, flags, _address, offset, size, link, _i, _a, _e = _SECTION.unpack_from(table, index * step)
            yield Section(name, kind, flags, offset, size, link)


class DeviceCodeSections(NamedTuple):
    linked: list[Section]
    relocatable: list[Section]


def _name_offsets(reader: Reader, strings: Section, budget: Budget) -> dict[int, bytes]:
    """Where in the table of section names ours begin."""
    if strings.size > _MOST_SECTION_NAMES:
        raise DamagedFileError("corrupt_elf", f"{strings.size} bytes of section names")
    if strings.offset + strings.size > reader.size:
        end = strings.offset + strings.size
        raise DamagedFileError("truncated", f"the section names end at byte {end}, but the file ends at {reader.size}")
    found: dict[int, bytes] = {}
    # A name may lie across two reads.
    more = max(len(LINKED), len(RELOCATABLE))
    for at in range(0, strings.size, _BYTES_PER_READ):
        names = reader.read(strings.offset + at, min(_BYTES_PER_READ + more, strings.size - at))
        for name in (LINKED, RELOCATABLE):
            place = names.find(name + b"\0")
            while place >= 0:
                budget.spend()
                found[at + place] = name
                place = names.find(name + b"\0", place + 1)
    return found


def _collected(reader: Reader, header: Header, names: dict[int, bytes], budget: Budget) -> DeviceCodeSections:
    found = DeviceCodeSections([], [])
    for section in sections(reader, header):
        name = names.get(section.name_offset)
        # Other kinds of the same name hold nothing: a file of debug information keeps the header alone.
        if name is None or section.kind != _SHT_PROGBITS or section.size == 0:
            continue
        budget.spend()
        if section.offset + section.size > reader.size:
            end = section.offset + section.size
            seen = f"section {name.decode('ascii')} ends at byte {end}, but the file ends at {reader.size}"
            raise DamagedFileError("truncated", seen)
        (found.linked if name == LINKED else found.relocatable).append(section)
    return found


def _refuse_shared_bytes(found: DeviceCodeSections) -> None:
    """Sections that share bytes make a small file hold any amount of device code."""
    ordered = sorted((*found.linked, *found.relocatable), key=lambda section: section.offset)
    for before, section in zip(ordered, ordered[1:]):
        if section.offset < before.offset + before.size:
            raise DamagedFileError("corrupt_elf", f"two sections of device code share the byte {section.offset}")


def device_code_sections(reader: Reader, budget: Budget) -> DeviceCodeSections:
    """The sections that hold fat binaries. DamagedFileError when the file contradicts itself."""
    nothing = DeviceCodeSections([], [])
    if reader.size < HEADER_SIZE:
        if reader.size and b"\x7fELF".startswith(reader.read(0, min(4, reader.size))):
            raise DamagedFileError("truncated", f"the file ends at byte {reader.size}, inside the ELF header")
        return nothing
    header = parse_header(reader.read(0, HEADER_SIZE))
    if header is None or header.section_table == 0:
        return nothing
    header = _complete_header(reader, header)
    if not 0 < header.names_index < header.section_count:
        return nothing
    names = _name_offsets(reader, _section(reader, header, header.names_index), budget)
    # Most ELF files end here: three reads and a search.
    if not names:
        return nothing
    found = _collected(reader, header, names, budget)
    _refuse_shared_bytes(found)
    return found


def has_instructions(reader: Reader) -> bool:
    """Whether a cubin (an ELF file for the GPU) holds any machine code; DamagedFileError when it cannot be read."""
    header = parse_header(reader.read(0, HEADER_SIZE))
    if header is None or header.section_table == 0:
        raise DamagedFileError("corrupt_elf", "not a cubin")
    header = _complete_header(reader, header)
    return any(
        section.kind == _SHT_PROGBITS and section.flags & _SHF_EXECINSTR and section.size
        for section in sections(reader, header)
    )
