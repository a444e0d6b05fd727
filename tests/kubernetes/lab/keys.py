"""The keys, certificates and kubeconfigs of a cluster, in one directory."""

from __future__ import annotations

import datetime
import ipaddress
import json
from base64 import b64encode
from pathlib import Path
from typing import Iterable

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

Key = ec.EllipticCurvePrivateKey
_DAYS = 30


class Authority:
    def __init__(self, directory: Path, name: str) -> None:
        self._directory = directory
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _subject(name)
        usage = x509.KeyUsage(True, False, False, False, False, True, True, False, False)
        builder = _builder(self._name, self._name, self._key).add_extension(x509.BasicConstraints(True, None), True)
        # Python 3.13 accepts no authority without it.
        builder = builder.add_extension(usage, True)
        (directory / f"{name}.crt").write_bytes(_pem(builder.sign(self._key, hashes.SHA256())))
        self.certificate = directory / f"{name}.crt"

    def sign(self, file: str, name: str, groups: Iterable[str] = (), places: Iterable[str] = ()) -> None:
        """FILE.crt and FILE.key, for a user of these groups or for a server at these addresses and names."""
        key = ec.generate_private_key(ec.SECP256R1())
        builder = _builder(_subject(name, groups), self._name, key)
        builder = builder.add_extension(x509.BasicConstraints(False, None), True)
        uses = [ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH]
        builder = builder.add_extension(x509.ExtendedKeyUsage(uses), False)
        identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        builder = builder.add_extension(identifier, False)
        names = [_place(place) for place in places]
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), False)
        (self._directory / f"{file}.crt").write_bytes(_pem(builder.sign(self._key, hashes.SHA256())))
        (self._directory / f"{file}.key").write_bytes(_private(key))


def account_keys(directory: Path) -> None:
    """Of the tokens of service accounts."""
    (directory / "accounts.key").write_bytes(_private(rsa.generate_private_key(65537, 2048)))


def kubeconfig(directory: Path, user: str, server: str, authority: Authority) -> Path:
    def inside(path: Path) -> str:
        return b64encode(path.read_bytes()).decode()

    cluster = {"server": server, "certificate-authority-data": inside(authority.certificate)}
    given = {
        "client-certificate-data": inside(directory / f"{user}.crt"),
        "client-key-data": inside(directory / f"{user}.key"),
    }
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "lab",
        "clusters": [{"name": "lab", "cluster": cluster}],
        "users": [{"name": user, "user": given}],
        "contexts": [{"name": "lab", "context": {"cluster": "lab", "user": user}}],
    }
    path = directory / f"{user}.conf"
    path.write_text(json.dumps(content), "utf-8")
    return path


def _subject(name: str, groups: Iterable[str] = ()) -> x509.Name:
    parts = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, group) for group in groups]
    return x509.Name([*parts, x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _builder(subject: x509.Name, issuer: x509.Name, key: Key) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.timezone.utc)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(minutes=5))
        .not_valid_after(now + datetime.timedelta(days=_DAYS))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
    )


def _place(text: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        return x509.DNSName(text)


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _private(key: Key | rsa.RSAPrivateKey) -> bytes:
    form = serialization.PrivateFormat.TraditionalOpenSSL
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
