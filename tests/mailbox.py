"""A real SMTP server on loopback, and what it was given: a mailbox to look into."""

from __future__ import annotations

import re
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

FROM = "datakluis@vault.example"
_LINK = re.compile(r"https?://\S+\?link=\S+")


@dataclass
class Mailbox:
    """Takes everything, except what `refuse` says something about: an address → the answer it gets."""

    port: int
    received: list[EmailMessage] = field(default_factory=list)
    refuse: dict[str, str] = field(default_factory=dict)
    encrypted: list[bool] = field(default_factory=list)
    on_data: Any = None  # called before a message is taken

    async def handle_RCPT(
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        if address in self.refuse:
            return self.refuse[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, _session: Session, envelope: Envelope) -> str:
        if self.on_data is not None:
            await self.on_data()
        assert isinstance(envelope.content, bytes)
        message = message_from_bytes(envelope.content, policy=default)
        assert isinstance(message, EmailMessage)
        assert [str(message["To"])] == envelope.rcpt_tos
        self.encrypted.append(
            server.transport is not None and server.transport.get_extra_info("sslcontext") is not None
        )
        self.received.append(message)
        return "250 OK"

    def to(self, address: str) -> list[EmailMessage]:
        """What came for this address, in the order it came."""
        return [message for message in self.received if message["To"] == address]


def text_of(message: EmailMessage) -> str:
    """The words of a letter."""
    assert message.get_content_type() == "text/plain"
    return str(message.get_content())


def link_in(message: EmailMessage) -> str:
    """The one link that a letter carries."""
    (found,) = _LINK.findall(text_of(message))
    return str(found)


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


@contextmanager
def mail_server(
    *, mailbox: Mailbox | None = None, context: ssl.SSLContext | None = None, at_once: bool = False, **more: Any
) -> Iterator[Mailbox]:
    """An SMTP server for as long as the block lasts; with a TLS context it takes nothing without STARTTLS, or speaks
    TLS `at_once`, from the first byte."""
    box = mailbox or Mailbox(free_port())
    tls: dict[str, Any] = {}
    if context is not None:
        tls = {"ssl_context": context} if at_once else {"tls_context": context, "require_starttls": True}
    controller = Controller(box, hostname="127.0.0.1", port=box.port, **tls, **more)
    controller.start()
    try:
        yield box
    finally:
        controller.stop()


def mail_settings(box: Mailbox, **more: Any) -> dict[str, Any]:
    """The section `mail` of a server that sends there."""
    plain = {"smtp_host": "127.0.0.1", "smtp_port": box.port, "smtp_security": "none", "mail_from": FROM}
    return {**plain, **more}


def takes(user: str, password: str) -> Any:
    """An authenticator of aiosmtpd that knows one name and password."""

    def judge(_server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, given: Any) -> AuthResult:
        good = isinstance(given, LoginPassword) and (given.login, given.password) == (user.encode(), password.encode())
        return AuthResult(success=good, handled=good)

    return judge


def certificate(folder: Path) -> tuple[Path, ssl.SSLContext]:
    """A self-made certificate for localhost: the file to trust, and a server's context with it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    names = x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(ip_address("127.0.0.1"))])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(names, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    trusted, private = folder / "mail-cert.pem", folder / "mail-key.pem"
    trusted.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(trusted, private)
    return trusted, context
