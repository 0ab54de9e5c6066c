"""`python -m app.cli audit`: whether the audit is as it was written.

Needs the database and the spool folder (BACKOUT_SPOOL_DIR), as the sweeper has them.
"""

import click

from app.cli.recovery import YES, Document, confirm, operator_command
from app.domain.errors import Refused
from app.lifecycle.recovery import audit as auditing
from app.lifecycle.recovery.audit import Report
from app.lifecycle.services import Services


class AuditDiffers(Refused):
    """The audit is not as it was written."""


@click.group()
def audit() -> None:
    """Verify the audit: who changed what, and who was denied what."""


@audit.command()
@operator_command
def verify(services: Services) -> tuple[Document, list[str]]:
    """Compare each line with its link in the chain, and the chain with its mark. Exit code 1 where they differ."""
    try:
        report = auditing.verify(services)
    except OSError as error:
        raise AuditDiffers(f"the mark in the spool folder can't be read: {error.strerror}") from None
    if report.findings:
        raise AuditDiffers("; ".join(report.findings))
    return {"links": report.links, "waiting": report.waiting, "findings": []}, [_describe(report)]


@audit.command()
@YES
@operator_command
def accept(services: Services, yes: bool) -> tuple[Document, list[str]]:
    """Go on from the audit as it is now, after you have examined it: after a restore, for example. This is recorded."""
    confirm("Go on from the audit as it is now?", yes)
    report = auditing.accept(services)
    return {"accepted": report.findings}, [f"accepted: {finding}" for finding in report.findings]


def _describe(report: Report) -> str:
    waiting = f"; {report.waiting:,} wait for the sweeper" if report.waiting else ""
    return f"The audit is as it was written: {report.links:,} lines in the chain{waiting}."
