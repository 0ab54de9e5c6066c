"""Rows of a sheet as its child process sends them: the texts of their cells, and errors of cells."""

from collections.abc import Mapping, Sequence
from typing import Any

from app.domain.errors import ImportFailed
from app.formats.validate.columns import excerpt
from app.formats.xlsx.rewriter import ERROR, REFUSED, SHOWN, UNCALCULATED

Row = tuple[int, list[str], dict[str, list[str]]]  # number, cells, and what is special about some of them


def cell_name(number: int, column: int) -> str:
    """The name of a cell in spreadsheet programs, such as B3. `number` is the row from 1, `column` counts from 0."""
    letters = ""
    column += 1
    while column:
        column, letter = divmod(column - 1, 26)
        letters = chr(ord("A") + letter) + letters
    return f"{letters}{number}"


def cell_failure(number: int, position: int, what: list[str]) -> ImportFailed | None:
    """The error of a special cell without a value; None if it has one."""
    kind, value = what
    name = cell_name(number, position)
    if kind == ERROR:
        reason = f"cell {name} contains the error {excerpt(value)}; correct the formula, or replace it by its value"
        return ImportFailed("cell_error", reason, number, value=excerpt(value))
    if kind == UNCALCULATED:
        reason = f"the file has no result of the formula in cell {name}; open and save it in a spreadsheet program"
        return ImportFailed("cell_error", reason, number)
    return ImportFailed("unsupported_cell", f"cell {name}: {value}", number) if kind == REFUSED else None


def header_texts(number: int, cells: list[str], special: dict[str, list[str]]) -> list[str]:
    """The cells of a header as a program shows them. Raises ImportFailed (cell_error, unsupported_cell)."""
    texts = cells.copy()
    for at, what in special.items():
        if what[0] == SHOWN:
            texts[int(at)] = what[1]
        elif what[0] != ERROR and (failure := cell_failure(number, int(at), what)) is not None:
            raise failure  # an error text is a name like any other
    return texts


def is_blank(cells: Sequence[str], special: Mapping[str, Any]) -> bool:
    """Whether no cell of a row has content."""
    return not special and not any(cells)
