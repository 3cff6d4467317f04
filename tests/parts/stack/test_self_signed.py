"""A webhook's certificate is one that a client which trusts it accepts, for its host and no other."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest

from sandbox.kind.stack.self_signed import self_signed

HOST = "kserve-webhook-server-service.kserve.svc"


def shake_hands(folder: Path, host: str) -> None:
    """A TLS handshake in memory: a server with the pair, a client that trusts its certificate and nothing else."""
    pair = self_signed(HOST)
    (folder / "tls.crt").write_bytes(pair.certificate)
    (folder / "tls.key").write_bytes(pair.key)
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(folder / "tls.crt", folder / "tls.key")
    trusting = ssl.create_default_context(cafile=str(folder / "tls.crt"))
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = trusting.wrap_bio(back, there, server_hostname=host)
    server = serving.wrap_bio(there, back, server_side=True)
    for _ in range(4):
        for side in (client, server):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
    client.do_handshake()


def test_its_host_is_accepted(tmp_path: Path) -> None:
    shake_hands(tmp_path, HOST)


def test_another_host_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"):
        shake_hands(tmp_path, "another.kserve.svc")
