"""Applies the options for columns to a dataset: what the readers and the validation of one import see of it."""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal

from app.domain.column_options import NO_OPTIONS, ColumnOptions
from app.domain.dataset import Column, ColumnType, Dataset
from app.domain.file_format import FileFormat
from app.formats.column_names import NameIndex
from app.formats.columns_option import refused
from app.formats.errors import BadValue, excerpt
from app.formats.validate.columns import validator_for, value_validator_for
from app.formats.value_options import apply_value_options, check_own_options, check_wide_options


def apply_options(dataset: Dataset, file_format: FileFormat) -> Dataset:
    """The dataset as this import reads it: with the constants, defaults and formats that the client gave.

    Raises `InvalidContent`, which names the option, for one that does not fit: an unknown column, a member that is not
    for its type, or a constant, default or format that the column does not accept. A dataset without columns stands for
    one that is yet to be proposed, and stays as it is; then an option is refused that no column could have.
    """
    if not dataset.columns:
        check_wide_options(file_format.all_columns)
        for name, own in file_format.column_options.items():
            check_own_options(name, own, file_format.all_columns)
        return dataset
    by_column = _by_column(dataset, file_format.column_options)
    _check_constants(by_column, file_format)
    for_all = file_format.all_columns
    check_wide_options(for_all)
    columns = tuple(
        _apply(column, by_column[column.name], for_all) if column.name in by_column else _apply_wide(column, for_all)
        for column in dataset.columns
    )
    return dataset if columns == dataset.columns else replace(dataset, columns=columns)


def _by_column(dataset: Dataset, options: Mapping[str, ColumnOptions]) -> dict[str, ColumnOptions]:
    ours = NameIndex(dataset.column_names)
    found: dict[str, ColumnOptions] = {}
    for name, each in options.items():
        columns = ours.find(name)
        if len(columns) != 1:
            reason = (
                f"columns has options for {excerpt(name)!r}, which is not a column of {dataset.name}: add the member"
                f" name, one of {', '.join(dataset.column_names)}"
            )
            raise refused("columns", reason)
        [column] = columns
        if column in found:
            raise refused("columns", f"columns has options for {column} twice: put them into one object")
        found[column] = each
    return found


def _check_constants(options: Mapping[str, ColumnOptions], file_format: FileFormat) -> None:
    columns = file_format.columns
    used = set(columns if isinstance(columns, list) else (columns or {}).values())
    for name, each in options.items():
        if each.value is not None and name in used:
            reason = f"columns gives {name} a constant and a column of the file: leave out one of them"
            raise refused("columns", reason)


def _apply_wide(column: Column, for_all: ColumnOptions) -> Column:
    """The column with the options for all columns that fit its type."""
    changed = apply_value_options(column, NO_OPTIONS, for_all)
    return _keep_default(changed, column) if changed != column else column


def _apply(column: Column, options: ColumnOptions, for_all: ColumnOptions) -> Column:
    changed = apply_value_options(column, options, for_all)
    if options.values is not None:
        changed = replace(changed, values=tuple(options.values.items()))
    try:
        check = value_validator_for(changed)
    except ValueError as error:
        raise refused("columns", str(error)) from None
    for value, to in changed.values:
        try:
            if to is not None:
                check(to)
        except BadValue as bad:
            reason = f"values of {column.name} maps {excerpt(value)!r} to {excerpt(to or '')!r}: {bad.reason}"
            raise refused("columns", reason) from None
    if options.value is not None:
        return _with_default(replace(changed, constant=True), column, options.value)
    if options.default is not None:
        return _with_default(changed, column, options.default)
    return _keep_default(changed, column)


def _keep_default(changed: Column, column: Column) -> Column:
    """The changed column with the dataset's own default, which is written as the dataset has its values."""
    return changed if column.default is None else replace(changed, stored_default=validator_for(column)(None))


def _with_default(changed: Column, column: Column, text: str) -> Column:
    """The changed column with this default, or constant. It may be written as the dataset has its values, or as this
    import has them; if these are two values, it is refused."""
    what = "constant" if changed.constant else "default"
    stored: list[str] = []
    reason = ""
    for each in (changed, column):
        try:
            stored.append(value_validator_for(each)(text))
        except BadValue as bad:
            reason = bad.reason
    if not stored:
        raise refused("columns", f"the {what} {excerpt(text)!r} is not accepted: {reason}")
    is_number = column.type in (ColumnType.INTEGER, ColumnType.DECIMAL)
    if len({Decimal(value) if is_number else value for value in stored}) > 1:
        both = " or ".join(stored)
        reason = f"the {what} {excerpt(text)!r} of {column.name} could mean {both}: write it as the dataset stores it"
        raise refused("columns", reason)
    return replace(changed, default=text, stored_default=stored[-1])
