"""A server that speaks TLS well until a request is there, then breaks the encryption; with a key for tests alone."""

import os
import ssl
from pathlib import Path

from tests.hostile import Connection, Hostile

# Of nobody and for nothing but loopback; valid from 2020 to 2120.
_KEY_AND_CERTIFICATE = """\
-----BEGIN EC PRIVATE KEY-----
MHcCAQEEIE70VmwMzOeaxWMRBE0pb1+s+PyWACEj110ncfelC/AyoAoGCCqGSM49
AwEHoUQDQgAEUtS3zBCZib6OJMQdpwzc8MLjPuIbYkaMuOq/F0S1Z00O3o/sGXQ/
Sz5OtXZLR6a8baQOLMPLS1WhWJgr5s4giw==
-----END EC PRIVATE KEY-----
-----BEGIN CERTIFICATE-----
MIIBZzCCAQ2gAwIBAgIBATAKBggqhkjOPQQDAjAUMRIwEAYDVQQDDAlsb2NhbGhv
c3QwIBcNMjAwMTAxMDAwMDAwWhgPMjEyMDAxMDEwMDAwMDBaMBQxEjAQBgNVBAMM
CWxvY2FsaG9zdDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABFLUt8wQmYm+jiTE
HacM3PDC4z7iG2JGjLjqvxdEtWdNDt6P7Bl0P0s+TrV2S0emvG2kDizDy0tVoViY
K+bOIIujTjBMMBoGA1UdEQQTMBGCCWxvY2FsaG9zdIcEfwAAATAPBgNVHRMBAf8E
BTADAQH/MB0GA1UdDgQWBBR+FVoNXDTt/twSzEVIRPTKBOiB/zAKBggqhkjOPQQD
AgNIADBFAiAfmGHuSvf/1hmgkf6tMkzdN//cPRayVPu/5IBesEVPewIhAORH6003
V197ja1V6EC9eHKidOqUkLyGmDNtxJKD9v2h
-----END CERTIFICATE-----
"""


def trust_file(folder: Path) -> Path:
    """Write the certificate to a file that SSL_CERT_FILE may name, and return it."""
    path = folder / "localhost.pem"
    path.write_text(_KEY_AND_CERTIFICATE, encoding="ascii")
    return path


async def break_the_encryption(connection: Connection) -> None:
    """Read the request, then send what cannot be decrypted, beneath TLS, and keep the connection open."""
    await connection.read_request()
    os.write(connection.writer.get_extra_info("socket").fileno(), b"\x17\x03\x03\x00\x30" + bytes(48))
    await connection.server.closing.wait()


def broken_server(trusted: Path) -> Hostile:
    """Return a server for https that breaks each connection after its request."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(trusted)
    return Hostile(break_the_encryption, context=context)
