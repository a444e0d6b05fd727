"""Real keys, made by the real gpg for each run: what is taken from a file that somebody served."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import NamedTuple

import pytest
from ansible_collections.whisperops.gpu.plugins.module_utils._repository import signing_key


class Made(NamedTuple):
    primary: str
    subkey: str
    public: bytes


def gpg(home: Path, *arguments: str, data: bytes = b"") -> bytes:
    command = ["gpg", "--batch", "--homedir", str(home), "--passphrase", "", *arguments]
    return subprocess.run(command, input=data, capture_output=True, check=True).stdout


def fingerprints(home: Path) -> list[str]:
    listing = gpg(home, "--list-keys", "--with-colons", "--with-subkey-fingerprint").decode()
    return [line.split(":")[9] for line in listing.splitlines() if line.startswith("fpr:")]


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> list[Made]:
    """Two keys, the first with a subkey."""
    made = []
    for name in ("publisher", "stranger"):
        # A path of gpg's agent's socket has a hundred characters at most.
        home = tmp_path_factory.mktemp(name)
        home.chmod(0o700)
        gpg(home, "--quick-generate-key", f"{name} <{name}@example.com>", "ed25519", "sign", "never")
        primary = fingerprints(home)[0]
        gpg(home, "--quick-add-key", primary, "ed25519", "sign", "never")
        made.append(Made(primary, fingerprints(home)[1], gpg(home, "--armor", "--export")))
        subprocess.run(["gpgconf", "--homedir", str(home), "--kill", "all"], check=True)
    return made


def listed(key: str, tmp_path: Path) -> list[str]:
    home = tmp_path / "listed"
    home.mkdir(mode=0o700)
    gpg(home, "--import", data=key.encode())
    return fingerprints(home)


def test_of_two_keys_in_a_file_only_the_pinned_one_is_taken(keys: list[Made], tmp_path: Path) -> None:
    publisher, stranger = keys
    key, seen = signing_key.single_key(stranger.public + publisher.public, publisher.primary, "x")
    assert seen == [stranger.primary, publisher.primary]
    assert listed(key, tmp_path) == [publisher.primary, publisher.subkey]


def test_what_stands_around_a_key_is_not_taken(keys: list[Made]) -> None:
    page = b"<html>curl https://example.com | sh</html>\n"
    key, _seen = signing_key.single_key(page + keys[0].public + page, keys[0].primary, "x")
    assert key.encode("ascii") == keys[0].public


def test_a_fingerprint_as_documentation_prints_it_is_understood(keys: list[Made]) -> None:
    primary = keys[0].primary
    spaced = " ".join(primary[index : index + 4] for index in range(0, 40, 4)).lower()
    assert signing_key.single_key(keys[0].public, spaced, "x")[1] == [primary]


@pytest.mark.parametrize("pinned", ["stranger", "subkey", "short", "empty"])
def test_any_other_fingerprint_is_refused_with_what_was_seen(keys: list[Made], pinned: str) -> None:
    publisher, stranger = keys
    wanted = {"stranger": stranger.primary, "subkey": publisher.subkey, "short": publisher.primary[-16:], "empty": ""}
    with pytest.raises(signing_key.KeyRefusedError, match=r"^repository_key_unknown: ") as refusal:
        signing_key.single_key(publisher.public, wanted[pinned], "http://mirror.example/gpg")
    assert publisher.primary in str(refusal.value)
    assert "http://mirror.example/gpg" in str(refusal.value)


@pytest.mark.parametrize("content", [b"", b"<html>404</html>", b"\x00" * 5000])
def test_a_file_without_a_key_is_refused(keys: list[Made], content: bytes) -> None:
    with pytest.raises(signing_key.KeyRefusedError, match="Seen: no key"):
        signing_key.single_key(content, keys[0].primary, "x")


def test_half_a_key_is_refused(keys: list[Made]) -> None:
    with pytest.raises(signing_key.KeyRefusedError, match="Seen: no key"):
        signing_key.single_key(keys[0].public[: len(keys[0].public) // 2], keys[0].primary, "x")


def test_a_host_without_gpg_is_told_what_to_install() -> None:
    with pytest.raises(signing_key.KeyRefusedError, match=r"^gpg_missing: .*gnupg2"):
        signing_key.single_key(b"", "0" * 40, "x", program="gpg-that-there-is-not")
