"""Truncated, corrupted and hostile files: an answer in bounded time, never an exception."""

from __future__ import annotations

import random
import struct
import sys
from pathlib import Path

import pytest
from ansible_collections.whisperops.gpu.plugins.module_utils._image import device_code, elf, fatbin
from ansible_collections.whisperops.gpu.plugins.module_utils._image.budget import Budget
from ansible_collections.whisperops.gpu.plugins.module_utils._image.problems import DamagedFileError
from ansible_collections.whisperops.gpu.plugins.module_utils._image.reader import BytesReader
from hypothesis import given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parent))
from fatbin_fixtures import DIRECTORY, label, libraries  # beside this file

CONTAINER = struct.Struct("<IHHQ")
ENTRY = struct.Struct("<HHIQI4xHHI8xQ16x")


def entry(kind: int, architecture: int, payload: bytes = b"", isa: tuple = (8, 4), flags: int = 0x2011) -> bytes:
    return ENTRY.pack(kind, 0x0101, ENTRY.size, len(payload), 1, isa[1], isa[0], architecture, flags) + payload


def container(*entries: bytes) -> bytes:
    content = b"".join(entries)
    return CONTAINER.pack(0xBA55ED50, 1, CONTAINER.size, len(content)) + content


def containers(section: bytes) -> tuple[list[fatbin.Container], str | None]:
    found = []
    try:
        for each in fatbin.containers(BytesReader(section), 0, len(section), Budget()):
            found.append(each)
    except DamagedFileError as damage:
        return found, f"{damage.code}: {damage.seen}"
    return found, None


def reads_without_exception(content: bytes) -> device_code.DeviceCode | None:
    code = device_code.read_device_code(BytesReader(content))
    if code is not None:
        device_code.library_problems("l", code)
        device_code.library_as_dict("l", len(content), code)
    return code


@pytest.mark.parametrize("path", libraries(), ids=label)
def test_every_truncation_is_told(path: Path) -> None:
    content = path.read_bytes()
    for length in [*range(1, 130), *range(130, len(content), 97), len(content) - 1]:
        code = reads_without_exception(content[:length])
        assert code is not None, length
        assert code.damage is not None, length
        assert code.damage.code == "truncated", length
        assert code.complete_sass == set()
        assert code.complete_ptx == set()


@pytest.mark.parametrize("path", libraries(), ids=label)
def test_flipped_bits_anywhere_are_survived(path: Path) -> None:
    content = path.read_bytes()
    chance = random.Random(path.name)
    for _flip in range(400):
        damaged = bytearray(content)
        for _bit in range(chance.choice((1, 1, 1, 2, 8))):
            damaged[chance.randrange(len(damaged))] ^= 1 << chance.randrange(8)
        reads_without_exception(bytes(damaged))


@pytest.mark.parametrize("path", [path for path in libraries() if path.stem in ("several", "uneven")], ids=label)
def test_each_single_bit_of_every_fat_binary_header(path: Path) -> None:
    """No flip makes a header claim more entries than the file holds without being called damage."""
    content = path.read_bytes()
    whole = device_code.read_device_code(BytesReader(content))
    assert whole is not None
    section = elf.device_code_sections(BytesReader(content), Budget()).linked[0]
    at = content.index(CONTAINER.pack(0xBA55ED50, 1, 16, 0)[:8], section.offset)
    noticed = 0
    for position in range(at, at + CONTAINER.size + 64):
        for bit in range(8):
            damaged = bytearray(content)
            damaged[position] ^= 1 << bit
            code = reads_without_exception(bytes(damaged))
            assert code is None or len(code.entries()) <= len(whole.entries())
            noticed += code is not None and code.damage is not None
    # Each bit of the magic (4 bytes), the versions (2 and 2) and the upper halves of the payload sizes (4 and 4).
    assert noticed >= (4 + 2 + 2 + 4 + 4) * 8


def test_what_came_before_the_damage_is_kept_but_nothing_is_complete() -> None:
    path = DIRECTORY / "cuda-13.5" / "uneven.so"
    content = bytearray(path.read_bytes())
    second = content.rindex(CONTAINER.pack(0xBA55ED50, 1, 16, 0)[:8])
    content[second] ^= 0xFF
    code = reads_without_exception(bytes(content))
    assert code is not None
    assert code.damage is not None
    assert code.damage.code == "corrupt_fatbin"
    assert str(second) in code.damage.seen
    assert code.sass == {"80", "86"}
    assert code.complete_sass == set()


def test_containers_may_be_apart_as_the_linker_aligns_them() -> None:
    found, damage = containers(
        bytes(24) + container(entry(fatbin.PTX, 80)) + bytes(4096) + container(entry(fatbin.PTX, 90)) + bytes(7)
    )
    assert damage is None
    assert [each.entries[0].architecture for each in found] == ["80", "90"]


@pytest.mark.parametrize(
    ("section", "said"),
    [
        (b"\x01" + bytes(40), "0x00000001 at byte 0"),
        (container()[:9], "runs past its section's end"),
        (CONTAINER.pack(0xBA55ED50, 2, 16, 0), "container version 2"),
        (CONTAINER.pack(0xBA55ED50, 1, 0, 0), "container header of 0 bytes"),
        (CONTAINER.pack(0xBA55ED50, 1, 16, 2**64 - 16), "runs past its section's end"),
        (container(entry(1, 80)[:40]), "runs past its container's end"),
        (container(ENTRY.pack(1, 0x0101, 0, 0, 0, 4, 8, 80, 0)), "entry header of 0 bytes"),
        (container(ENTRY.pack(1, 0x0101, 2**32 - 1, 0, 0, 4, 8, 80, 0)), "entry header of 4294967295 bytes"),
        (container(ENTRY.pack(1, 0x0101, 64, 2**64 - 64, 0, 4, 8, 80, 0)), "runs past its container's end"),
        (container(ENTRY.pack(1, 0x0202, 64, 0, 0, 4, 8, 80, 0)), "entry version 0x0202"),
        (container(entry(2, 0)), "architecture 0"),
        (container(entry(2, 2**32 - 1)), "architecture 4294967295"),
        (container(entry(1, 80, isa=(0, 0))), "PTX version 0.0"),
        (bytes(3 * 1024 * 1024), "zero bytes"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_damage_says_what_was_seen(section: bytes, said: str) -> None:
    _found, damage = containers(section)
    assert damage is not None
    assert damage.startswith("corrupt_fatbin: ")
    assert said in damage


@pytest.mark.parametrize("unit", [container(), container(entry(1, 80)), entry(2, 80)], ids=["empty", "one", "entries"])
def test_more_than_any_library_holds_ends(unit: bytes) -> None:
    section = unit * (64 * 1024 * 1024 // len(unit))
    if unit.startswith(struct.pack("<H", 2)):
        section = CONTAINER.pack(0xBA55ED50, 1, CONTAINER.size, len(section)) + section
    _found, damage = containers(section)
    assert damage is not None
    assert "more than" in damage


def test_a_section_table_with_a_million_entries_is_not_read() -> None:
    content = bytearray((DIRECTORY / "cuda-13.5" / "several.so").read_bytes())
    table, size = struct.unpack_from("<Q", content, 0x28)[0], struct.calcsize("<IIQQQQIIQQ")
    struct.pack_into("<H", content, 0x3C, 0)
    struct.pack_into("<Q", content, table + 32, 2**60)
    assert len(content) >= table + size
    code = reads_without_exception(bytes(content))
    assert code is not None
    assert code.damage is not None
    assert code.damage.code == "corrupt_elf"


def test_more_sections_than_the_header_can_count_are_found() -> None:
    """ELF's own way out: a count of 0 (and a names index of 0xffff) mean that section 0 has the numbers."""
    content = bytearray((DIRECTORY / "cuda-13.5" / "several.so").read_bytes())
    (table,) = struct.unpack_from("<Q", content, 0x28)
    count, names = struct.unpack_from("<HH", content, 0x3C)
    struct.pack_into("<HH", content, 0x3C, 0, 0xFFFF)
    struct.pack_into("<Q", content, table + 32, count)
    struct.pack_into("<I", content, table + 40, names)
    code = reads_without_exception(bytes(content))
    assert code is not None
    assert code.damage is None
    assert code.sass == {"75", "86", "90"}


ARCHITECTURES = st.integers(10, 999)
ENTRIES = st.one_of(
    st.tuples(st.just(fatbin.SASS), ARCHITECTURES, st.sampled_from(["", "a", "f"])),
    st.tuples(st.just(fatbin.PTX), ARCHITECTURES, st.sampled_from(["", "a", "f"])),
)
FLAGS = {"": 0, "a": 1 << 20, "f": 1 << 21}


@given(
    st.lists(st.tuples(st.lists(ENTRIES, max_size=5), st.integers(0, 9)), max_size=6),
    st.binary(max_size=40),
)
def test_whatever_was_packed_is_read_back(packed: list, payload: bytes) -> None:
    section = b""
    for entries, padding in packed:
        section += container(
            *(entry(kind, number, payload, flags=0x2011 | FLAGS[letter]) for kind, number, letter in entries)
        ) + bytes(8 * padding)
    found, damage = containers(section)
    assert damage is None
    assert [[(each.kind, each.architecture) for each in one.entries] for one in found] == [
        [(kind, f"{number}{letter}") for kind, number, letter in entries] for entries, _padding in packed
    ]


@given(st.binary(max_size=400))
def test_any_bytes_are_survived(content: bytes) -> None:
    containers(content)
    containers(container(content))
    reads_without_exception(content)
    reads_without_exception(b"\x7fELF\x02\x01\x01" + content)


@settings(max_examples=200)
@given(st.sampled_from(libraries()), st.data())
def test_any_bytes_anywhere_in_a_real_library_are_survived(path: Path, data: st.DataObject) -> None:
    content = bytearray(path.read_bytes())
    at = data.draw(st.integers(0, len(content) - 1))
    patch = data.draw(st.binary(min_size=1, max_size=64))
    content[at : at + len(patch)] = patch
    reads_without_exception(bytes(content))
