# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PCI addresses: the kernel writes 0000:0f:00.0, NVML and nvidia-smi 00000000:0F:00.0."""

from __future__ import annotations

import re

_BUS_ID = re.compile(r"(?:([0-9a-f]{1,8}):)?([0-9a-f]{2}):([0-9a-f]{2})\.([0-7])", re.ASCII | re.IGNORECASE)


def canonical_bus_id(text: str) -> str | None:
    """As nvidia-smi writes it, None for what is no PCI address."""
    found = _BUS_ID.fullmatch(text.strip())
    if not found:
        return None
    domain, bus, device, function = found.groups()
    return "{:08X}:{}:{}.{}".format(int(domain or "0", 16), bus.upper(), device.upper(), function)


def kernel_bus_id(canonical: str) -> str:
    """As the kernel writes it: /proc and /sys are keyed by it."""
    domain, rest = canonical.split(":", 1)
    return f"{int(domain, 16):04x}:{rest.lower()}"
