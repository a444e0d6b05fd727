# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any, Callable, Iterable, Mapping, Sequence


def servers_in_the_way(
    running: Iterable[Mapping[str, Any]], container: str, port: int, planned: Sequence[str]
) -> list[str]:
    """The containers that keep a new server from starting.

    One that will be replaced later may have its port, and one that the plan no longer has its GPU's memory. ``running``
    comes from server_containers, ``planned`` are the names of all containers that the plan has.
    """
    others = [one for one in running if not one["previous"] and one["name"] != container]
    with_port = [one["name"] for one in others if int(port) in one["ports"]]
    left_over = [one["name"] for one in others if one["name"] not in planned]
    return list(dict.fromkeys([*with_port, *left_over]))


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"servers_in_the_way": servers_in_the_way}
