"""A certificate that signs itself, for a webhook of a cluster that lives for a day.

Comes in: the host name that the API server calls; goes out: certificate and key, PEM. Needs the package cryptography
(extra `kind`), imported when a certificate is made and not before.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sandbox.errors import EnvironmentNotReady

_VALID = timedelta(days=3650)


@dataclass(frozen=True, slots=True)
class KeyPair:
    """PEM, both."""

    certificate: bytes
    key: bytes


def self_signed(host: str) -> KeyPair:
    try:
        from cryptography import x509
        from cryptography.hazmat.primitives import hashes, serialization
        from cryptography.hazmat.primitives.asymmetric import ec
    except ImportError:
        raise EnvironmentNotReady(
            "the package cryptography is not installed",
            rule="a cluster's webhooks need a certificate",
            next_step="pip install 'serving-sandbox[kind]'",
        ) from None
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, host)])
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))  # this machine's clock and the cluster's may differ
        .not_valid_after(now + _VALID)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    )
    return KeyPair(
        certificate=builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM),
        key=key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ),
    )
