"""The sheets of a workbook: which there are, and which are read."""

from pathlib import Path

from app.domain.errors import ImportFailed
from app.formats.child import runner
from app.formats.validate.columns import excerpt
from app.formats.xlsx.archive import Sheet, list_sheets, open_zip

ALL = "*"  # no sheet is called that: spreadsheet programs refuse it
_ODS = "app.formats.xlsx.ods"
ODS_PART = "content.xml"
_MAX_SHOWN = 10
_LIMITS = runner.Limits(512 * 1024**2, seconds=60, cpu_seconds=30)


def find_sheets(path: Path, format: str) -> list[Sheet]:
    """The sheets with cells, in their order, hidden ones too.

    Raises ImportFailed (not_xlsx, encrypted_xlsx, xlsx_too_large, damaged_xlsx, unknown_sheet).
    """
    with open_zip(path, format) as archive:
        found = list_sheets(archive) if format == "xlsx" else _list_ods(path)
    if not found:
        raise ImportFailed("unknown_sheet", "the workbook has no sheet with cells")
    return found


def _list_ods(path: Path) -> list[Sheet]:
    try:
        with runner.run(_ODS, [str(path), "", ""], _LIMITS) as messages:
            found = [Sheet(name, ODS_PART, is_visible) for name, is_visible in next(messages)]
    except runner.ChildFailed as error:
        reason = f"the workbook can't be read: {excerpt(str(error))}; open it and save it again"
        raise ImportFailed("damaged_xlsx", reason) from error
    if len({sheet.name for sheet in found}) < len(found):
        raise ImportFailed("damaged_xlsx", "the workbook has two sheets of one name; rename one of them")
    return found


def choose_sheets(found: list[Sheet], wanted: str | None) -> list[Sheet]:
    """The sheets that are read: the wanted one, all that are visible, or the first of these. A hidden sheet is read
    only if its name is given. Raises ImportFailed (unknown_sheet)."""
    visible = [sheet for sheet in found if sheet.is_visible]
    if wanted is not None and wanted != ALL:
        named = [sheet for sheet in found if sheet.name == wanted]
        if not named:
            reason = f"the workbook has no sheet {excerpt(wanted)!r}; set {show_options(found)}"
            raise ImportFailed("unknown_sheet", reason, value=excerpt(wanted))
        return named
    if not visible:
        reason = f"all sheets of the workbook are hidden; set {show_options(found)}"
        raise ImportFailed("unknown_sheet", reason)
    return visible if wanted == ALL else visible[:1]


def show_options(sheets: list[Sheet]) -> str:
    """The options that name the sheets, for a message, and which sheets are hidden."""
    options = [f"`sheet={excerpt(sheet.name)}`" + " (hidden)" * (not sheet.is_visible) for sheet in sheets[:_MAX_SHOWN]]
    return " or ".join(options) + " or …" * (len(sheets) > _MAX_SHOWN)
