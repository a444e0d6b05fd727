"""A copy of a library whose device code says that it is for another architecture.

The driver chooses device code by the architecture in front of it, so the copy is to it what a build for another card
would be, without the minutes that one takes.
"""

from __future__ import annotations

import struct
from pathlib import Path

CONTAINER = struct.pack("<IHH", 0xBA55ED50, 1, 16)
PAYLOAD_SIZE, ENTRY_HEADER_SIZE, ENTRY_PAYLOAD_SIZE, ARCHITECTURE = 8, 4, 8, 0x1C


def relabel(library: Path, copy: Path, architecture: int) -> int:
    """How many pieces of device code were given the label."""
    content = bytearray(library.read_bytes())
    changed = 0
    at = content.find(CONTAINER)
    while at >= 0:
        entry = at + 16
        end = entry + struct.unpack_from("<Q", content, at + PAYLOAD_SIZE)[0]
        while entry < end:
            header = struct.unpack_from("<I", content, entry + ENTRY_HEADER_SIZE)[0]
            payload = struct.unpack_from("<Q", content, entry + ENTRY_PAYLOAD_SIZE)[0]
            struct.pack_into("<I", content, entry + ARCHITECTURE, architecture)
            changed += 1
            entry += header + payload
        at = content.find(CONTAINER, end)
    copy.write_bytes(content)
    copy.chmod(0o755)
    return changed
