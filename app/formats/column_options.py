"""Applies the options for columns to a dataset: what the readers and the validation of one import see of it."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from app.domain.column_options import NO_OPTIONS, ColumnOptions
from app.domain.dataset import Column, Dataset
from app.domain.file_format import FileFormat
from app.formats.column_names import NameIndex
from app.formats.columns_option import refused
from app.formats.errors import excerpt
from app.formats.option_values import as_in_file, read_option
from app.formats.validate.columns import validator_for, value_validator_for
from app.formats.value_options import apply_value_options, check_own_options, check_wide_options


def apply_options(dataset: Dataset, file_format: FileFormat) -> Dataset:
    """The dataset as this import reads it: with the constants, defaults and formats that the client gave.

    Raises `InvalidContent`, which names the option, for one that does not fit: an unknown column, a member that is not
    for its type, or a constant, default or format that the column does not accept. A dataset without columns stands for
    one that is yet to be proposed, and stays as it is; then an option is refused that no column could have.
    """
    _check_null(file_format)
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


def _check_null(file_format: FileFormat) -> None:
    null = file_format.null
    for name, each in file_format.column_options.items():
        if null is not None and each.values and each.values.get(null) is not None:
            reason = (
                f"null={excerpt(null)} says that {excerpt(null)!r} is no value, and values of {excerpt(name)} maps it"
                f" to {excerpt(each.values[null] or '')!r}: leave out one of them"
            )
            raise refused("columns", reason)


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
    try:
        value_validator_for(changed)
    except ValueError as error:
        raise refused("columns", str(error)) from None
    if options.values is not None:
        changed = replace(changed, values=tuple(_mapped(options.values, changed, column)))
    if options.value is not None:
        return _with_default(replace(changed, constant=True), column, options.value)
    if options.default is not None:
        return _with_default(changed, column, options.default)
    return _keep_default(changed, column)


def _keep_default(changed: Column, column: Column) -> Column:
    """The changed column with the dataset's own default, which is written as the dataset has its values."""
    return changed if column.default is None else replace(changed, stored_default=validator_for(column)(None))


def _mapped(values: Mapping[str, str | None], changed: Column, column: Column) -> Iterator[tuple[str, str | None]]:
    """The map of values, with each result as the changed column reads it in the file."""
    for value, to in values.items():
        what = f"values of {column.name} maps {excerpt(value)!r} to"
        yield value, None if to is None else as_in_file(read_option(to, changed, column, what), to, changed)


def _with_default(changed: Column, column: Column, text: str) -> Column:
    """The changed column with this default, or constant."""
    what = f"the {'constant' if changed.constant else 'default'} of {column.name}"
    return replace(changed, default=text, stored_default=read_option(text, changed, column, what))
