"""OpenDocument spreadsheets for tests, written by hand: what a program might write and no library here does."""

import io
import zipfile
from collections.abc import Sequence
from xml.sax.saxutils import escape, quoteattr

_NAMES = " ".join(
    f'xmlns:{prefix}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"'
    for prefix, name in (("office", "office"), ("table", "table"), ("text", "text"), ("style", "style"))
)
_CALC = 'xmlns:calcext="urn:org:documentfoundation:names:experimental:calc:xmlns:calcext:1.0"'
_STYLES = (
    '<style:style style:name="ta1" style:family="table"><style:table-properties table:display="true"/></style:style>'
    '<style:style style:name="ta2" style:family="table"><style:table-properties table:display="false"/></style:style>'
)


def cell(text: str | None, times: int = 1) -> str:
    """A cell with a text; None for an empty one."""
    repeated = f' table:number-columns-repeated="{times}"' if times > 1 else ""
    if text is None:
        return f"<table:table-cell{repeated}/>"
    return f'<table:table-cell office:value-type="string"{repeated}><text:p>{escape(text)}</text:p></table:table-cell>'


def typed(kind: str, shown: str, *, formula: str = "", calc: str = "", **values: str) -> str:
    """A cell with a value of a kind, as `typed("float", "1.50", value="1.5")`."""
    told = "".join(f" office:{name.replace('_', '-')}={quoteattr(value)}" for name, value in values.items())
    told += f" table:formula={quoteattr(formula)}" * bool(formula) + f' calcext:value-type="{calc}"' * bool(calc)
    kind = f' office:value-type="{kind}"' if kind else ""
    return f"<table:table-cell{kind}{told}><text:p>{escape(shown)}</text:p></table:table-cell>"


def row(cells: Sequence[str | None], times: int = 1) -> str:
    """A row of texts, and of cells that are XML already."""
    inside = "".join(each if each and each.startswith("<table:") else cell(each) for each in cells)
    repeated = f' table:number-rows-repeated="{times}"' if times > 1 else ""
    return f"<table:table-row{repeated}>{inside}</table:table-row>"


def sheet(name: str, *rows: str, hidden: bool = False) -> str:
    """A sheet, with the empty rows below that programs write."""
    below = '<table:table-row table:number-rows-repeated="1048000"><table:table-cell/></table:table-row>'
    style = "ta2" if hidden else "ta1"
    return f'<table:table table:name={quoteattr(name)} table:style-name="{style}">{"".join(rows)}{below}</table:table>'


def spreadsheet(*sheets: str, before: str = "", manifest: str = "") -> bytes:
    """The file; `before` stands above the XML's first element."""
    content = (
        f'<?xml version="1.0" encoding="UTF-8"?>{before}<office:document-content {_NAMES} {_CALC} office:version="1.3">'
        f"<office:automatic-styles>{_STYLES}</office:automatic-styles><office:body><office:spreadsheet>"
        f"{''.join(sheets)}</office:spreadsheet></office:body></office:document-content>"
    )
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet", zipfile.ZIP_STORED)
        archive.writestr("content.xml", content, zipfile.ZIP_DEFLATED)
        archive.writestr("META-INF/manifest.xml", f"<manifest>{manifest}</manifest>")
    return out.getvalue()
