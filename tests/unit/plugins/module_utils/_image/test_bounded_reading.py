"""Files and trees that were made to cost: each is answered soon, in little memory, and told."""

from __future__ import annotations

import json
import os
import struct
import sys
import tracemalloc
from pathlib import Path
from typing import Any, Callable, Iterator

import pytest
from ansible_collections.whisperops.gpu.plugins.module_utils._image import budget, device_code, inspection
from ansible_collections.whisperops.gpu.plugins.module_utils._image.problems import DamagedFileError
from ansible_collections.whisperops.gpu.plugins.module_utils._image.reader import BytesReader

sys.path.insert(0, str(Path(__file__).parent))
from fatbin_fixtures import DIRECTORY  # beside this file

SEVERAL = (DIRECTORY / "cuda-12.4" / "several.so").read_bytes()
CONTAINER, ENTRY = struct.Struct("<IHHQ"), struct.Struct("<HHIQI4xHHI8xQ")
HEADER, SECTION = struct.Struct("<16sHHIQQQIHHHHHH"), struct.Struct("<IIQQQQIIQQ")
NAMES = b"\0.nv_fatbin\0.shstrtab\0"
MIB = 1024 * 1024


def fatbin(entries: int) -> bytes:
    body = ENTRY.pack(2, 0x0101, ENTRY.size, 0, 0, 0, 0, 80, 0x2000) * entries
    return CONTAINER.pack(0xBA55ED50, 1, CONTAINER.size, len(body)) + body


def library(contents: list[bytes], places: list[int] | None = None, names: bytes = NAMES, wide: int = 64) -> bytes:
    """An ELF file with one section of device code for each place, which is an index into the contents."""
    data, spans = bytearray(HEADER.size), []
    for content in contents:
        spans.append((len(data), len(content)))
        data += content
    names_at = len(data)
    data += names + bytes(-len(names) % 8)
    places = list(range(len(contents))) if places is None else places
    table = [SECTION.pack(0, 0, 0, 0, 0, len(places) + 2, 1, 0, 0, 0)]
    table.append(SECTION.pack(12, 3, 0, 0, names_at, len(names), 0, 0, 1, 0))
    table += [SECTION.pack(1, 1, 0, 0, *spans[place], 0, 0, 1, 0) for place in places]
    identity = b"\x7fELF\x02\x01\x01".ljust(16, b"\0")
    # A count of 0 and a names index of 0xffff: section 0 has the numbers.
    data[: HEADER.size] = HEADER.pack(identity, 3, 62, 1, 0, 0, len(data), 0, 64, 0, 0, wide, 0, 0xFFFF)
    return bytes(data) + b"".join(section.ljust(wide, b"\0") for section in table)


def cost(work: Callable[[], Any]) -> tuple[Any, float]:
    """(what it gave, MiB at the peak)"""
    tracemalloc.start()
    try:
        answer = work()
        return answer, tracemalloc.get_traced_memory()[1] / MIB
    finally:
        tracemalloc.stop()


def read(content: bytes, steps: int = 200_000) -> tuple[device_code.DeviceCode, float]:
    return cost(lambda: device_code.read_device_code(BytesReader(content), budget.Budget(steps)))


def test_what_these_files_are_made_of_is_read_where_it_is_sound() -> None:
    code, _mib = read(library([fatbin(3), fatbin(2)]))
    assert code.damage is None
    assert [len(container.entries) for container in code.containers] == [3, 2]


def test_sections_that_share_their_bytes_are_damage_and_not_multiplied() -> None:
    """1.4 MB that would be 40 million entries."""
    code, mib = read(library([fatbin(2000)], [0] * 20_000))
    assert code.damage is not None
    assert (code.damage.code, code.containers) == ("corrupt_elf", ())
    assert "share the byte" in code.damage.seen
    assert mib < 16


def test_the_entries_of_all_sections_count_together() -> None:
    code, _mib = read(library([fatbin(900)] * 3), steps=2000)
    assert code.damage is not None
    assert code.damage.code == "inspection_limit"
    assert "more than 2000" in code.damage.seen
    assert [len(container.entries) for container in code.containers] == [900, 900]
    assert code.complete_sass == set(), "what was not read may lack it"


def test_many_entries_of_one_kind_take_little_memory() -> None:
    code, mib = read(library([fatbin(40_000)]))
    assert code.damage is None
    assert mib < 4, "each entry is kept on its own"


def test_names_without_end_are_not_collected() -> None:
    content = library([fatbin(1)], names=NAMES + b".nv_fatbin\0" * 300_000)
    code, mib = read(content, steps=2000)
    assert code.damage is not None
    assert code.damage.code == "inspection_limit"
    assert mib < 2


def test_a_name_across_two_reads_is_found() -> None:
    for shift in range(40):
        names = NAMES[:1] + bytes(64 * 1024 - 20 + shift) + NAMES[1:]
        content = bytearray(library([fatbin(1)], names=names))
        (table,) = struct.unpack_from("<Q", content, 0x28)
        struct.pack_into("<I", content, table + 2 * 64, names.index(b".nv_fatbin"))
        code = device_code.read_device_code(BytesReader(bytes(content)))
        assert code is not None, shift
        assert len(code.containers) == 1


def test_wide_section_headers_are_read_in_pieces() -> None:
    content = library([fatbin(1)] * 1500, wide=0xFFFF)
    reader = BytesReader(content)
    largest = 0

    class Watched:
        size = reader.size

        def read(self, offset: int, length: int) -> bytes:
            nonlocal largest
            largest = max(largest, length)
            return reader.read(offset, length)

    code = device_code.read_device_code(Watched())
    assert code is not None
    assert len(code.containers) == 1500
    assert largest <= MIB


def test_time_ends_it() -> None:
    now = [0.0]
    spent = budget.Budget(steps=100, seconds=3, clock=lambda: now[0])
    spent.spend()
    now[0] = 3.1
    with pytest.raises(DamagedFileError, match="after 3 seconds") as stopped:
        spent.spend()
    assert stopped.value.code == "inspection_limit"


def test_all_files_of_a_tree_count_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inspection, "TreeBudget", lambda: budget.TreeBudget(steps=40))
    for name in "abc":
        (tmp_path / name).write_bytes(library([fatbin(20)]))
    told = inspection.inspect_path(str(tmp_path))
    limits = [one["message"] for one in told["problems"] if one["code"] == "inspection_limit"]
    assert [message.partition(":")[0] for message in limits] == ["/b", "/c"]
    assert "in all files together" in limits[0]


def test_files_with_device_code_are_told_up_to_a_number(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inspection, "_MOST_LIBRARIES", 2)
    for name in "abcd":
        (tmp_path / name).write_bytes(SEVERAL)
    told = inspection.inspect_path(str(tmp_path))
    assert [one["path"] for one in told["libraries"]] == ["/a", "/b"]
    assert [one["code"] for one in told["problems"]] == ["inspection_limit"] * 2


@pytest.fixture
def deep(tmp_path: Path) -> Iterator[str]:
    """A directory deeper than Python's stack. It is removed from its end, as pytest could not remove it whole."""
    levels = [str(tmp_path)]
    while len(levels[-1]) < 3900:
        levels.append(levels[-1] + "/a")
        os.mkdir(levels[-1])
    yield levels[-1]
    for level in reversed(levels[1:]):
        for name in os.listdir(level):
            os.unlink(os.path.join(level, name))
        os.rmdir(level)


def test_a_tree_deeper_than_pythons_stack_is_gone_through(deep: str, tmp_path: Path) -> None:
    Path(deep, "lib.so").write_bytes(SEVERAL)
    assert deep.count("/a") > sys.getrecursionlimit()
    told = inspection.inspect_path(str(tmp_path))
    assert len(told["libraries"]) == 1


def test_names_that_are_no_utf8_are_told_by_their_bytes(tmp_path: Path) -> None:
    strange = os.path.join(os.fsencode(tmp_path), b"caf\xe9\xff.so")
    with open(strange, "wb") as file:
        file.write(SEVERAL)
    with open(os.path.join(os.fsencode(tmp_path), b"cut\xfe.so"), "wb") as file:
        file.write(SEVERAL[:200])
    told = inspection.inspect_path(str(tmp_path))
    # As a module hands its result on: what is no text ends it.
    assert json.loads(json.dumps(told, ensure_ascii=False).encode("utf-8")) == told
    assert told["libraries"][0]["path"] == "/caf\\xe9\\xff.so"
    assert told["problems"][0]["message"].startswith("/cut\\xfe.so: ")


def test_a_loader_configuration_may_name_directories_that_are_no_utf8(tmp_path: Path) -> None:
    root = os.fsencode(tmp_path)
    os.makedirs(os.path.join(root, b"opt/\xff"))
    os.makedirs(os.path.join(root, b"etc"))
    for name, content in ((b"opt/\xff/libcuda.so.1", b"its own"), (b"etc/ld.so.conf", b"/opt/\0\n/opt/\xff\n")):
        with open(os.path.join(root, name), "wb") as file:
            file.write(content)
    told = inspection.inspect_path(str(tmp_path))
    messages = {one["code"]: one["message"] for one in told["problems"]}
    assert "/opt/\\xff first" in messages["compat_library_shadows_driver"]
    assert told["compat_libraries"] == ["/opt/\\xff/libcuda.so.1"]
    json.dumps(told, ensure_ascii=False).encode("utf-8")


def test_a_configuration_of_the_loader_larger_than_any_is_told(tmp_path: Path) -> None:
    folder = tmp_path / "etc" / "ld.so.conf.d"
    folder.mkdir(parents=True)
    (folder.parent / "ld.so.conf").write_text("include ld.so.conf.d/*.conf\n", encoding="utf-8")
    for number in range(12):
        (folder / f"{number:02}.conf").write_text("/opt/lib\n" * 4000, encoding="utf-8")
    told, mib = cost(lambda: inspection.inspect_path(str(tmp_path)))
    assert "inspection_limit" in [one["code"] for one in told["problems"]]
    assert mib < 16
