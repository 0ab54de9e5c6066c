"""Mail: over SMTP, which knows no idempotency key. A mail is sent at least once, under a Message-ID that stays the
same, by which a mailbox that gets it twice can tell."""

import smtplib
from email.message import EmailMessage
from urllib.parse import unquote, urlsplit

from app.handling.service_calls import Service, ServiceCall, ServiceClient, ServiceFailed, ServiceRefused

SERVICE = Service("mail", calls_per_second=50)
SENDER = "orders@backout.invalid"
FOR_GOOD = range(500, 600)  # SMTP: 4xx may be tried again, 5xx not


def send(call: ServiceCall, to: str, subject: str, text: str) -> str:
    """Send a mail; returns its Message-ID."""
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = SENDER, to, subject
    message["Message-ID"] = message_id = f"<{call.key}@backout.invalid>"
    message.set_content(text)

    def act(client: ServiceClient) -> None:
        address = urlsplit(client.address)
        try:
            with smtplib.SMTP(address.hostname or "", address.port or 25, timeout=client.timeout) as session:
                if address.username:
                    session.starttls()
                    session.login(unquote(address.username), unquote(address.password or ""))
                session.send_message(message)
        except smtplib.SMTPRecipientsRefused as error:
            code, words = next(iter(error.recipients.values()))
            raise _judge(code, words) from error
        except smtplib.SMTPResponseException as error:
            raise _judge(error.smtp_code, error.smtp_error) from error
        except (OSError, smtplib.SMTPException) as error:
            raise ServiceFailed(f"mail was not taken: {error or type(error).__name__}") from error

    call.make(SERVICE, act)
    return message_id


def _judge(code: int, words: bytes | str) -> ServiceFailed | ServiceRefused:
    text = words.decode(errors="replace") if isinstance(words, bytes) else words
    kind = ServiceRefused if code in FOR_GOOD else ServiceFailed
    return kind(f"the mail server answered {code}: {text}")
