"""Mail, by SMTP (RFC 5321): one message for each letter, to one person; over TLS, but to a relay on this machine."""

from __future__ import annotations

from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import Final
from urllib.parse import urlsplit

import aiosmtplib

from vault.config import Settings
from vault.identity.letters import Letter, LetterText, NotDeliveredError

_SECONDS: Final = 20.0  # for each answer of the server


class SmtpCarrier:
    """Carries letters to the server that the settings name."""

    def __init__(self, settings: Settings) -> None:
        self._mail = settings.mail
        self._from_name = settings.operator.operator_name
        self._host = urlsplit(settings.server.base_url).hostname or "localhost"

    async def carry(self, letter: Letter, text: LetterText) -> None:
        """Returns when the server took it. Raises NotDeliveredError; `final` when it refused this very letter for good
        (RFC 5321 §4.2.1: 5yz). Without the TLS that the settings ask for nothing is sent."""
        mail = self._mail
        message = self._message(letter, text)
        try:
            await aiosmtplib.send(
                message,
                sender=mail.mail_from,
                recipients=[letter.to],
                hostname=mail.smtp_host,
                port=mail.smtp_port,
                username=mail.smtp_user or None,
                password=mail.smtp_password.reveal() or None,
                use_tls=mail.smtp_security == "tls",
                start_tls=mail.smtp_security == "starttls",
                local_hostname=self._host,
                timeout=_SECONDS,
            )
        except aiosmtplib.SMTPRecipientsRefused as refused:
            code = min((one.code for one in refused.recipients), default=450)
            raise NotDeliveredError(f"smtp-{code}", final=code >= 500) from refused
        except aiosmtplib.SMTPDataError as refused:
            raise NotDeliveredError(f"smtp-{refused.code}", final=refused.code >= 500) from refused
        except aiosmtplib.SMTPResponseException as refused:
            # The server will not have us: our name, our password or our address, not this letter.
            raise NotDeliveredError(f"smtp-{refused.code}", everybody=True) from refused
        except (aiosmtplib.SMTPException, OSError) as failed:
            raise NotDeliveredError(type(failed).__name__, everybody=True) from failed

    def _message(self, letter: Letter, text: LetterText) -> EmailMessage:
        message = EmailMessage(policy=SMTP)
        try:
            message["From"] = Address(self._from_name, addr_spec=self._mail.mail_from)
            message["To"] = Address(addr_spec=letter.to)
            message["Subject"] = text.subject
        except Exception as refused:  # the parser of addresses raises many kinds
            raise NotDeliveredError("address", final=True) from refused
        message["Date"] = format_datetime(letter.written)
        message["Message-ID"] = f"<{letter.id}@{self._host}>"  # the same at every try
        message["Auto-Submitted"] = "auto-generated"  # RFC 3834 §5: nobody's holiday reply comes back
        message.set_content(text.body)
        message["Content-Language"] = letter.language
        return message
