"""Who reaches a server: the rules as text, as nft reads them, and as a kernel holds a neighbor to them."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import time

import pytest

pytest.importorskip("ansible", reason="the control node has Ansible")

from ansible.errors import AnsibleFilterError
from ansible_collections.whisperops.gpu.plugins.filter.server_firewall import server_firewall
from ansible_collections.whisperops.gpu.plugins.plugin_utils._plan.firewall import rules
from ansible_collections.whisperops.gpu.plugins.plugin_utils._plan.policy import PlanInputError

NFT = shutil.which("nft") or shutil.which("nft", path="/usr/sbin:/sbin")
TOOLS = [
    shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin") for name in ("ip", "nsenter", "unshare")
]
HOST, NEIGHBOR, CONTAINER = "203.0.113.1", "203.0.113.2", "172.30.99.2"

# A server that says yes to whoever reaches it, and a client that says what it has heard.
SERVER = """
import socket
family = socket.AF_INET6 if ":" in "{address}" else socket.AF_INET
with socket.create_server(("{address}", {port}), family=family) as server:
    while True:
        with server.accept()[0] as connection:
            connection.sendall(b"yes")
"""
CLIENT = """
import socket
try:
    with socket.create_connection(("{address}", {port}), timeout=0.4) as connection:
        print(connection.recv(3).decode())
except OSError:
    print("no")
"""


def test_without_sources_everybody_reaches_a_published_port_and_nobody_a_container():
    text = rules([8080], "0.0.0.0", [])
    assert "ct status dnat accept\n" in text
    assert text.count("\t\tdrop\n") == 1
    assert "hook input" not in text


@pytest.mark.parametrize("sources", [[], ["192.0.2.10"]])
def test_a_port_published_on_loopback_is_for_the_host_alone(sources):
    lines = [line.strip() for line in rules([8080], "127.0.0.1", sources).splitlines()]
    (published,) = [line for line in lines if line.startswith("ct status dnat ")]
    assert lines.index("ct original ip daddr 127.0.0.0/8 drop") < lines.index(published)


def test_sources_limit_what_docker_forwards_and_what_docker_proxy_accepts():
    text = rules([8081, 8080], "192.0.2.11", ["192.0.2.10", "2001:db8::/64"])
    assert "ct status dnat jump sources\n" in text
    assert 'iifname != "lo" ip daddr 192.0.2.11 tcp dport { 8080, 8081 } jump sources\n' in text
    assert "ip saddr { 192.0.2.10/32 } accept\n" in text
    assert "ip6 saddr { 2001:db8::/64 } accept\n" in text


@pytest.mark.parametrize(
    ("address", "match"),
    [("0.0.0.0", '"lo" tcp'), ("::", '"lo" tcp'), ("2001:db8::1", '"lo" ip6 daddr 2001:db8::1 tcp')],
)
def test_the_address_that_servers_listen_on_is_matched(address, match):
    assert match in rules([8080], address, ["192.0.2.10"])


def test_a_source_within_another_one_is_not_repeated():
    assert "ip saddr { 198.51.100.0/24 } accept" in rules([8080], "::", ["198.51.100.7", "198.51.100.9/24"])


@pytest.mark.parametrize("source", ["gateway", "192.0.2.0/33", "", "192.0.2.1; drop"])
def test_a_source_that_is_no_address_is_refused(source):
    with pytest.raises(PlanInputError, match="server_source_invalid: "):
        rules([8080], "0.0.0.0", [source])
    with pytest.raises(AnsibleFilterError, match="server_source_invalid: "):
        server_firewall({"servers": []}, "0.0.0.0", [source])


def test_the_rules_are_the_same_in_whatever_order_they_are_given():
    assert rules([1, 2], "::", ["192.0.2.1", "192.0.2.9"]) == rules([2, 1], "::", ["192.0.2.9", "192.0.2.1"])


needs_nft = pytest.mark.skipif(
    NFT is None or os.geteuid() != 0 or not all(TOOLS), reason="needs root, and the programs nft, ip and nsenter"
)


@needs_nft
@pytest.mark.parametrize("sources", [[], ["192.0.2.10"], ["2001:db8::/64"], ["192.0.2.10", "2001:db8::1"]])
@pytest.mark.parametrize("address", ["127.0.0.1", "0.0.0.0", "192.0.2.11", "::", "2001:db8::11"])
def test_nft_takes_the_rules_again_and_again(address, sources, tmp_path):
    command = [
        TOOLS[2],
        "--net",
        "sh",
        "-c",
        f"cat >rules; {NFT} --file rules && {NFT} --file rules && {NFT} list tables",
    ]
    text = rules([8080], address, sources)
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "table inet whisperops\n", "")


class Network(contextlib.ExitStack):
    """A host with a container whose port 8080 is published as Docker Engine before 28 does it, and a neighbor."""

    def __enter__(self):
        super().__enter__()
        self.spaces = {name: self.space() for name in ("host", "neighbor", "container")}
        _host, neighbor, container = self.spaces.values()
        for one in ("host", "container"):
            self.run(one, "ip link set lo up")
        self.run("host", f"ip link add up0 type veth peer name up0 netns {neighbor}")
        self.run("host", "ip link add whisper0 type bridge")
        self.run("host", f"ip link add veth0 type veth peer name eth0 netns {container}")
        self.run("host", "ip link set veth0 master whisper0")
        for link, address in (("up0", f"{HOST}/24"), ("whisper0", "172.30.99.1/24"), ("veth0", "")):
            self.up("host", link, address)
        self.run("host", "ip address add fd00:77::1/64 dev up0 nodad")
        self.up("container", "eth0", f"{CONTAINER}/24")
        self.run("container", "ip route add default via 172.30.99.1")
        self.up("neighbor", "up0", f"{NEIGHBOR}/24")
        self.run("neighbor", "ip address add fd00:77::2/64 dev up0 nodad")
        self.run("neighbor", f"ip route add 172.30.99.0/24 via {HOST}")
        self.run("neighbor", f"ip route add 127.0.0.0/8 via {HOST}")
        self.run("neighbor", "echo 1 >/proc/sys/net/ipv4/conf/all/route_localnet")
        self.run("host", "echo 1 >/proc/sys/net/ipv4/ip_forward")
        self.load(
            "table ip docker { chain published { type nat hook prerouting priority dstnat;"
            f" ip daddr {{ {HOST}, 127.0.0.1 }} tcp dport 8080 dnat to {CONTAINER}:8080; }}; }}"
        )
        self.serve("container", "0.0.0.0", 8080)
        # As docker-proxy does.
        self.serve("host", "::", 8080)
        assert self.asks("host", CONTAINER)
        assert self.asks("host", "fd00:77::1")
        return self

    def space(self):
        process = self.process([TOOLS[2], "--net", "sleep", "300"])
        own = os.readlink("/proc/self/ns/net")
        while os.readlink(f"/proc/{process.pid}/ns/net") == own:
            time.sleep(0.01)
        return process.pid

    def process(self, command):
        process = subprocess.Popen(command)
        self.callback(process.wait)
        self.callback(process.kill)
        return process

    def inside(self, name):
        return [TOOLS[1], "--net", "--target", str(self.spaces[name])]

    def run(self, name, command):
        subprocess.run([*self.inside(name), "sh", "-c", command], check=True)

    def up(self, name, link, address):
        self.run(name, f"ip link set {link} up")
        if address:
            self.run(name, f"ip address add {address} dev {link}")

    def load(self, text):
        subprocess.run([*self.inside("host"), NFT, "--file", "-"], input=text, text=True, check=True)

    def serve(self, name, address, port):
        self.process([*self.inside(name), sys.executable, "-c", SERVER.format(address=address, port=port)])

    def asks(self, name, address, port=8080):
        """Whether the server answers; a server that has just been started is given its time."""
        for _attempt in range(50 if name == "host" else 1):
            command = [*self.inside(name), sys.executable, "-c", CLIENT.format(address=address, port=port)]
            if subprocess.run(command, capture_output=True, text=True, check=True).stdout == "yes\n":
                return True
            time.sleep(0.1)
        return False


@needs_nft
def test_a_neighbor_reaches_a_published_port_and_nothing_else():
    with Network() as network:
        ways = (HOST, CONTAINER, "127.0.0.1", "fd00:77::1")

        def reached() -> list[str]:
            return [address for address in ways if network.asks("neighbor", address)]

        # What the rules are for.
        assert reached() == [*ways]
        network.load(rules([8080], "0.0.0.0", []))
        assert reached() == [HOST, "fd00:77::1"]
        network.load(rules([8080], "0.0.0.0", ["203.0.113.77"]))
        assert reached() == []
        network.load(rules([8080], "0.0.0.0", [f"{NEIGHBOR}/32"]))
        assert reached() == [HOST]
        network.load(rules([8080], "0.0.0.0", ["203.0.113.77", "fd00:77::/64"]))
        assert reached() == ["fd00:77::1"]
        # The firewall of a distribution accepts what it likes: a drop is final.
        network.load(
            "table inet firewalld { chain f { type filter hook forward priority 10; policy accept; accept; }; }"
        )
        assert reached() == ["fd00:77::1"]
        # The host itself, which proves, and its gateway.
        assert network.asks("host", CONTAINER)
        assert network.asks("host", "fd00:77::1")
