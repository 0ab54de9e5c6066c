"""Packing slips: one PDF an order, with its number as a barcode, and all of a handling's merged in its order.

A slip follows from the order and its tracking number alone, to the byte: one that is missing is drawn again.
"""

import io
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from pypdf import PdfWriter
from reportlab.graphics.barcode.code128 import Code128
from reportlab.lib.pagesizes import A6
from reportlab.lib.units import mm
from reportlab.lib.utils import simpleSplit
from reportlab.pdfgen.canvas import Canvas

from app.domain.handling import OrderId
from app.handling.slip_files import name_of
from app.spool import Spool

WIDTH, HEIGHT = A6
MARGIN = 8 * mm
FONT = "Helvetica"  # one of PDF's own; characters that it lacks are shown as ?


def keep(spool: Spool, id: OrderId, order: Mapping[str, Any], tracking: str) -> bytes:
    """Write an order's slip, whole or not at all; returns it. Raises `SpoolFull`."""
    slip = draw(id, order, tracking)
    spool.write_whole(name_of(id), slip, 0o600)
    return slip


def find(spool: Spool, id: OrderId, order: Mapping[str, Any], tracking: str) -> bytes:
    """An order's slip; drawn again if it is gone. Raises `SpoolFull`."""
    with suppress(FileNotFoundError):
        return spool.read(name_of(id))
    return keep(spool, id, order, tracking)


def merge(slips: list[bytes]) -> bytes:
    """One PDF of these, in this order."""
    merged = io.BytesIO()
    with PdfWriter() as writer:
        for slip in slips:
            writer.append(io.BytesIO(slip))
        writer.write(merged)
    return merged.getvalue()


def draw(id: OrderId, order: Mapping[str, Any], tracking: str) -> bytes:
    """The slip as a PDF."""
    drawn = io.BytesIO()
    canvas = Canvas(drawn, pagesize=A6, invariant=1)
    canvas.setTitle(f"Packing slip {id}")
    top = HEIGHT - MARGIN
    canvas.setFont(f"{FONT}-Bold", 13)
    canvas.drawString(MARGIN, top - 10, "Packing slip")
    canvas.setFont(FONT, 9)
    canvas.drawRightString(WIDTH - MARGIN, top - 10, str(id))
    number = str(order["order_number"])
    top -= 34 * mm
    if number.isascii() and number.isprintable():
        bars = Code128(number, barHeight=18 * mm, barWidth=0.3 * mm, quiet=False)
        bars.barWidth *= min(1.0, (WIDTH - 2 * MARGIN) / bars.width)
        Code128(number, barHeight=18 * mm, barWidth=bars.barWidth, quiet=False).drawOn(canvas, MARGIN, top)
    top -= 5 * mm
    for words in (
        f"Order {number} at {order['marketplace']}",
        f"Tracking number {tracking}",
        "",
        str(order["customer"]),
        str(order["ship_to"]),
        "",
        f"{order['quantity']} x {order['sku']}",
    ):
        for line in simpleSplit(_known(words), FONT, 9, WIDTH - 2 * MARGIN) or [""]:
            canvas.drawString(MARGIN, top, line)
            top -= 4.5 * mm
    canvas.showPage()
    canvas.save()
    return drawn.getvalue()


def _known(words: str) -> str:
    return words.encode("cp1252", errors="replace").decode("cp1252")
