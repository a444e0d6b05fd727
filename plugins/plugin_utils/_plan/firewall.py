# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The nftables rules of a host with servers: who reaches them, whatever the version of Docker Engine and the firewall.

Docker Engine leads a published port to the container before any rule of the hook ``input`` sees the packet, and before
28 it also forwards what a neighbor on the network sends to the container's own address. The rules are in a table of
their own, which neither Docker Engine nor ufw nor firewalld changes; a packet that it drops no other table accepts.
"""

from __future__ import annotations

import ipaddress
from typing import Any, Iterable, Mapping, Sequence, Union

from ansible_collections.whisperops.gpu.plugins.module_utils._host.firewall import BRIDGE, TABLE

from .policy import PlanInputError

_Network = Union[ipaddress.IPv4Network, ipaddress.IPv6Network]
_FAMILIES = {4: "ip", 6: "ip6"}


def planned_rules(plan: Mapping[str, Any], options: Mapping[str, Any]) -> str:
    """From the plan and the variables of role whisper_server."""
    return rules(
        [server["port"] for server in plan["servers"]],
        str(options["whisper_server_listen_address"]),
        options["whisper_server_sources"] or [],
    )


def rules(ports: Iterable[int], listen_address: str, sources: Sequence[str]) -> str:
    """The file that nft loads in one step.

    :param ports: those of the host that lead to the servers.
    :param listen_address: the address that they are published on.
    :param sources: addresses and networks that reach the servers from elsewhere; everybody if there are none.
    """
    allowed = _networks(sources)
    published = "jump sources" if allowed else "accept"
    chains = [
        _chain(
            "forward",
            "type filter hook forward priority -10; policy accept;",
            f'oifname "{BRIDGE}" iifname != "{BRIDGE}" jump servers',
        ),
        _chain(
            "servers",
            "# Answers to a server, and what the network says of a connection.",
            "ct direction reply accept",
            "ct state related accept",
            "# A port published on loopback is for the host alone.",
            "ct original ip daddr 127.0.0.0/8 drop",
            f"ct status dnat {published}",
            "# Sent to the address of a container, past its published port.",
            "drop",
        ),
    ]
    if allowed:
        found = ((name, [one for one in allowed if one.version == version]) for version, name in _FAMILIES.items())
        accepted = (f"{name} saddr {{ {', '.join(map(str, of_it))} }} accept" for name, of_it in found if of_it)
        to_servers = f"{_to(listen_address)}tcp dport {{ {', '.join(map(str, sorted(ports)))} }}"
        chains = [
            _chain("sources", *accepted, "drop"),
            *chains,
            _chain(
                "input",
                "# Connections that docker-proxy accepts on the host, such as those to an IPv6 address.",
                "type filter hook input priority -10; policy accept;",
                f'iifname != "lo" {to_servers} jump sources',
            ),
        ]
    return "\n".join(
        [
            "# Written by the role whisperops.gpu.whisper_server. Loaded by whisper-firewall.service.",
            f"table {TABLE}",
            f"delete table {TABLE}",
            f"table {TABLE} {{",
            "\n\n".join(chains),
            "}\n",
        ]
    )


def _chain(name: str, *lines: str) -> str:
    return "\n".join([f"\tchain {name} {{", *(f"\t\t{line}" for line in lines), "\t}"])


def _to(listen_address: str) -> str:
    """The match of packets to the address; nothing where servers listen on every address."""
    try:
        address = ipaddress.ip_address(listen_address.strip("[]"))
    except ValueError:
        # No address that Docker Engine would publish a port on.
        return ""
    return "" if address.is_unspecified else f"{_FAMILIES[address.version]} daddr {address} "


def _networks(sources: Iterable[str]) -> list[_Network]:
    """Without what is in another one, which nft would refuse."""
    found = [_network(str(source)) for source in sources]
    four = ipaddress.collapse_addresses([one for one in found if isinstance(one, ipaddress.IPv4Network)])
    six = ipaddress.collapse_addresses([one for one in found if isinstance(one, ipaddress.IPv6Network)])
    return [*four, *six]


def _network(source: str) -> _Network:
    try:
        return ipaddress.ip_network(source, strict=False)
    except ValueError:
        raise PlanInputError(
            f"server_source_invalid: whisper_server_sources has {source!r}, which is no address and no network. Write"
            " addresses and networks such as 192.0.2.10, 198.51.100.0/24 or 2001:db8::/64. Nothing was changed."
        ) from None
